"""What the tables hand to heads, as nested loops in float64 that autograd can follow."""

from __future__ import annotations

import torch
from nn_oracle import FIELDS, Row, combined
from torch import Tensor

from manyhot.nn import Members, Model, TableOutputs
from manyhot.schema import Field

__all__ = ["Tables64", "slow_outputs"]


class Tables64:
    """latent (V, D) and linear (V,) of each vocabulary as leaves in float64."""

    def __init__(self, model: Model) -> None:
        tables = model.tables
        names = tables.layout.ranges
        self.latent = {n: torch.tensor(tables.latent(n).astype(float), requires_grad=True) for n in names}
        self.linear = {n: torch.tensor(tables.linear(n).astype(float), requires_grad=True) for n in names}
        self.dim, self.field_pairs = tables.dim, tables.field_pairs


def slow_outputs(tables: Tables64, rows: list[Row], fields: tuple[Field, ...] = FIELDS) -> TableOutputs:
    """Of every row, with everything that a head may ask for."""
    zero = torch.zeros(tables.dim, dtype=torch.float64)
    linear, pooled, bi, within, filled = [], [], [], [], []
    members: dict[int, list[tuple[Tensor, float, int]]] = {f: [] for f in range(len(fields))}
    for b, row in enumerate(rows):
        bags: list[list[Tensor]] = []
        linear.append([])
        for f, field in enumerate(fields):
            latent, weight = tables.latent[field.vocabulary_name], tables.linear[field.vocabulary_name]
            pairs = combined(field, row[field.name])
            linear[b].append(sum((x * weight[i] for i, x in pairs), torch.zeros((), dtype=torch.float64)))
            bags.append([x * latent[i] for i, x in pairs])
            members[f] += [(latent[i], x, b) for i, x in pairs]
        pooled.append([sum(bag, zero) for bag in bags])
        within.append([_pairs(bag, zero) for bag in bags])
        scaled = [vector for bag in bags for vector in bag]
        bi.append(_pairs(pooled[b], zero) if tables.field_pairs else _pairs(scaled, zero))
        filled.append([bool(bag) for bag in bags])
    return TableOutputs(
        _stacked(linear), _stacked(pooled), torch.stack(bi), _stacked(within),
        {f: _members(found, zero) for f, found in members.items()}, torch.tensor(filled),
    )  # fmt: skip


def _pairs(vectors: list[Tensor], zero: Tensor) -> Tensor:
    """The sum of the products of every two."""
    return sum((vectors[i] * vectors[j] for i in range(len(vectors)) for j in range(i)), zero)


def _stacked(rows: list[list[Tensor]]) -> Tensor:
    return torch.stack([torch.stack(row) for row in rows])


def _members(found: list[tuple[Tensor, float, int]], zero: Tensor) -> Members:
    return Members(
        torch.stack([v for v, _, _ in found]) if found else zero.new_zeros(0, len(zero)),
        torch.tensor([x for _, x, _ in found], dtype=torch.float64),
        torch.tensor([b for _, _, b in found], dtype=torch.int64),
    )
