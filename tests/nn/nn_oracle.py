"""The whole logit as nested loops over plain pairs in float64 (SEMANTICS section 2), and models to compare with it."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from manyhot.data import EncodedChunk, Examples, Loader, TableLayout
from manyhot.kernels import Batch, select
from manyhot.nn import Model, build_model
from manyhot.schema import Field, ModelConfig, Schema, TableOptimizer, Vocabulary

Bag = list[tuple[int, float]]
Row = dict[str, Bag]

SIZES = {"app": 9, "city": 5, "number": 4}
APP = Vocabulary("app")
FIELDS = (
    Field("history", APP, combiner="sqrtn"),
    Field("city", combiner="mean"),
    Field("candidate", APP, combiner="sum"),
    Field("number", combiner="sum"),
)


def random_rows(seed: int, count: int = 6) -> list[Row]:
    """Bags of 0..4 pairs with repeated ids, and weights of either sign; the first row is empty everywhere."""
    rng = np.random.default_rng(seed)
    sizes = {f.name: SIZES[f.vocabulary_name] for f in FIELDS}

    def bag(size: int) -> Bag:
        num_pairs = int(rng.integers(0, 5))
        return list(zip(rng.integers(0, size, num_pairs).tolist(), rng.normal(0.5, 1, num_pairs).tolist(), strict=True))

    return [{name: [] for name in sizes}, *({name: bag(size) for name, size in sizes.items()} for _ in range(count))]


@functools.cache
def layout_of(fields: tuple[Field, ...] = FIELDS) -> TableLayout:
    return TableLayout.of_sizes(Schema(label="y", fields=fields), SIZES)


def examples_of(rows: list[Row], fields: tuple[Field, ...] = FIELDS) -> Examples:
    bags = [row[f.name] for row in rows for f in fields]
    chunk = EncodedChunk(
        offsets=np.cumsum([0, *map(len, bags)]).astype(np.int32),
        ids=np.array([i for bag in bags for i, _ in bag], np.int32),
        weights=np.array([x for bag in bags for _, x in bag], np.float32),
        labels=(np.arange(len(rows)) % 2).astype(np.float32),
    )
    return Examples([chunk], len(fields))


def batch_of(
    rows: list[Row], fields: tuple[Field, ...] = FIELDS, kernels: str = "native", *, with_plan: bool = True
) -> Batch:
    loader = Loader(
        examples_of(rows, fields), layout_of(fields), select(kernels), 99, with_plan=with_plan, num_threads=1
    )
    return loader.batches([np.arange(len(rows), dtype=np.int64)])[0]


def model_of(
    config: ModelConfig,
    fields: tuple[Field, ...] = FIELDS,
    kernels: str = "native",
    optimizer: TableOptimizer | None = None,
    num_labels: int = 1,
) -> Model:
    """In evaluation mode, every number of it random."""
    layout = layout_of(fields)
    model = build_model(config, layout, select(kernels), num_labels=num_labels, optimizer=optimizer, threads=1)
    rng = np.random.default_rng(5)
    params = model.tables.dim + 1
    model.tables.data[:, :params] = rng.normal(0, 0.5, (layout_of(fields).num_rows, params))
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.from_numpy(np.asarray(rng.normal(0, 0.5, tuple(tensor.shape)))))
                if name.endswith("running_var"):
                    tensor.abs_().add_(0.1)
    return model.eval()


@dataclass(frozen=True)
class Weights:
    """The tables in float64, by vocabulary."""

    linear: dict[str, np.ndarray]
    latent: dict[str, np.ndarray]

    @classmethod
    def of(cls, model: Model) -> Weights:
        names, tables = model.tables.layout.ranges, model.tables
        return cls(
            {n: tables.linear(n).astype(float) for n in names}, {n: tables.latent(n).astype(float) for n in names}
        )


def combined(field: Field, bag: Bag) -> Bag:
    kept = [(i, float(np.float32(x))) for i, x in bag if field.combiner == "sum" or x > 0]
    if field.combiner == "mean":
        scale = sum(x for _, x in kept)
    else:
        scale = math.sqrt(sum(x * x for _, x in kept)) if field.combiner == "sqrtn" else 1.0
    return [(i, x / scale) for i, x in kept]


def numbers(parameter: torch.Tensor | None) -> np.ndarray | float:
    return 0.0 if parameter is None else parameter.detach().double().numpy()


def logit(model: Model, config: ModelConfig, weights: Weights, row: Row, fields: tuple[Field, ...] = FIELDS) -> float:
    """linear + fm + deep + bias of one row; of the model only its dense parameters are read."""
    dim = model.tables.dim
    linear, pooled = np.zeros(len(fields)), np.zeros((len(fields), dim))
    pairs = []
    for f, field in enumerate(fields):
        vocabulary = field.vocabulary_name
        for i, x in combined(field, row[field.name]):
            linear[f] += x * weights.linear[vocabulary][i]
            pooled[f] += x * weights.latent[vocabulary][i]
            pairs.append((f, x * weights.latent[vocabulary][i]))
    total = float(numbers(model.bias))
    for name in config.heads or ():
        head = model.heads[name]
        if name == "linear":
            terms = numbers(head.coefficients) * linear
            total += float(terms.sum() + numbers(head.bias))
        elif name == "fm":
            for k, (f, scaled) in enumerate(pairs):
                for g, other in pairs[k + 1 :]:
                    if config.pairs == "features" or f != g:
                        total += float((numbers(head.coefficients) * scaled * other).sum())
            total += float(numbers(head.bias))
        else:
            total += mlp(head.mlp, config, pooled.reshape(-1))
    return total


def mlp(modules: nn.Sequential, config: ModelConfig, x: np.ndarray) -> float:
    """Evaluation of the deep head; the order of a layer comes from the config, not from the modules."""
    linears = [m for m in modules if isinstance(m, nn.Linear)]
    norms = iter([m for m in modules if isinstance(m, nn.BatchNorm1d)])

    def normalised(x: np.ndarray) -> np.ndarray:
        if not config.batch_norm:
            return x
        m = next(norms)
        scale = numbers(m.weight) / np.sqrt(numbers(m.running_var) + m.eps)
        return (x - numbers(m.running_mean)) * scale + numbers(m.bias)

    assert len(linears) == len(config.hidden_units or ()) + 1
    for layer in linears[:-1]:
        x = np.array([float((row * x).sum()) for row in numbers(layer.weight)]) + numbers(layer.bias)
        article = config.layer_order == "article"
        x = normalised(np.maximum(x, 0)) if article else np.maximum(normalised(x), 0)
    return float((numbers(linears[-1].weight) @ x + numbers(linears[-1].bias)).item())
