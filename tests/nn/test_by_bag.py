"""Bags looked up one by one: the same outputs and gradients as together, what happens inside a field, and members."""

from __future__ import annotations

import nn_oracle as oracle
import numpy as np
import pytest
import torch
from nn_oracle import FIELDS

from manyhot.kernels import select
from manyhot.nn import Tables
from manyhot.schema import TableOptimizer

DIM = 3
both_kernels = pytest.mark.parametrize("kernels", ["native", "reference"])
both_pairs = pytest.mark.parametrize("field_pairs", [False, True])


def tables_of(kernels: str, field_pairs: bool, optimizer: TableOptimizer | None = None) -> Tables:
    tables = Tables(oracle.layout_of(), DIM, select(kernels), optimizer=optimizer, field_pairs=field_pairs, threads=1)
    tables.data[:, : DIM + 1] = np.random.default_rng(1).normal(size=(len(tables.data), DIM + 1))
    return tables


@both_kernels
@both_pairs
def test_outputs_are_those_of_the_whole_gather(kernels, field_pairs):
    batch, tables = oracle.batch_of(oracle.random_rows(3, 9), kernels=kernels), tables_of(kernels, field_pairs)
    whole, by_bag = tables(batch), tables.by_bag(batch, (0, 2))
    for name in ("linear", "pooled", "bi"):
        torch.testing.assert_close(getattr(by_bag, name), getattr(whole, name), rtol=1e-5, atol=1e-5)


@both_kernels
@both_pairs
def test_within_and_members_are_the_nested_loops(kernels, field_pairs):
    rows = oracle.random_rows(4, 9)
    tables = tables_of(kernels, field_pairs)
    latent = {name: tables.latent(name).astype(float) for name in tables.layout.ranges}
    found = tables.by_bag(oracle.batch_of(rows, kernels=kernels), (2, 0))
    for b, row in enumerate(rows):
        for f, field in enumerate(FIELDS):
            scaled = [x * latent[field.vocabulary_name][i] for i, x in oracle.combined(field, row[field.name])]
            pairs = [scaled[i] * scaled[j] for i in range(len(scaled)) for j in range(i)]
            np.testing.assert_allclose(found.within[b, f].detach(), sum(pairs, np.zeros(DIM)), rtol=1e-4, atol=1e-5)
    assert list(found.members) == [2, 0]
    for f, members in found.members.items():
        field = FIELDS[f]
        pairs = [(b, i, x) for b, row in enumerate(rows) for i, x in oracle.combined(field, row[field.name])]
        np.testing.assert_array_equal(members.examples, [b for b, _, _ in pairs])
        np.testing.assert_allclose(members.weights, [x for _, _, x in pairs], rtol=1e-6)
        expected = [latent[field.vocabulary_name][i] for _, i, _ in pairs]
        np.testing.assert_allclose(members.latents.detach(), expected, rtol=1e-6)


@both_kernels
@both_pairs
def test_a_row_moves_once_by_the_sum_of_its_gradients(kernels, field_pairs):
    """Against the same loss with every part taken from the whole gather."""
    batch = oracle.batch_of(oracle.random_rows(5, 9), kernels=kernels)
    moved = []
    for by_bag in (False, True):
        tables = tables_of(kernels, field_pairs, TableOptimizer(optimizer="adagrad", learning_rate=0.1))
        out = tables.by_bag(batch, (0,)) if by_bag else tables(batch)
        pooled = out.pooled
        if by_bag:  # the first field's bags again, out of their members
            members = out.members[0]
            scaled = members.weights[:, None] * members.latents
            bags = torch.zeros(len(pooled), DIM).index_add(0, members.examples, scaled)
            pooled = torch.cat([bags[:, None], pooled[:, 1:]], 1)
        loss = out.linear.sin().sum() + (pooled * torch.arange(DIM)).cos().sum() + out.bi.sin().sum()
        loss.backward()
        assert tables.num_steps == 1
        moved.append(tables.data.copy())
    np.testing.assert_allclose(moved[1], moved[0], rtol=1e-4, atol=1e-5)


@both_kernels
@pytest.mark.parametrize("bfloat16", [False, True])
def test_in_bags_of_one_pair_the_two_kinds_of_pairs_are_the_same(kernels, bfloat16):
    """To the bit, and both can be had in bfloat16."""
    rows = [{name: bag[:1] for name, bag in row.items()} for row in oracle.random_rows(6, 9)]
    batch, moved = oracle.batch_of(rows, kernels=kernels), []
    for field_pairs in (False, True):
        tables = tables_of(kernels, field_pairs, TableOptimizer(optimizer="adagrad", learning_rate=0.1))
        outputs = tables(batch, bfloat16=bfloat16)
        assert tables.gather(batch, bfloat16=bfloat16).pooled.dtype == (np.uint16 if bfloat16 else np.float32)
        (outputs.bi.sin().sum() + outputs.pooled.float().cos().sum()).backward()
        moved.append((outputs.bi.detach().numpy().tobytes(), tables.data.tobytes()))
    assert moved[0] == moved[1]
