"""The cases: sizes of vocabularies, pairs of each field, model and batch; and their simulated Examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from manyhot.data import EncodedChunk, Examples, TableLayout, write_examples
from manyhot.kernels import Float32s, Int32s, select
from manyhot.nn import Model, build_model
from manyhot.schema import LR, DeepFM, Field, ModelConfig, Schema, TableOptimizer, Vocabulary

__all__ = ["CASES", "Case", "build_case", "simulate", "write_case"]

_CHUNK_ROWS = 50_000


@dataclass(frozen=True)
class Case:
    """vocabulary_sizes: V of each, OOV among them; fields: (vocabulary's number, mean number of pairs, None: exactly
    one); weighted: pairs have weights in (0, 1)."""

    name: str
    vocabulary_sizes: tuple[int, ...]
    fields: tuple[tuple[int, int | None], ...]
    model: ModelConfig
    batch_size: int
    num_examples: int
    weighted: bool = False

    @property
    def schema(self) -> Schema:
        """Field f00, f01, .. over vocabularies v00, v01, ..; combiner sum."""
        vocabularies = [Vocabulary(f"v{v:02}") for v in range(len(self.vocabulary_sizes))]
        fields = tuple(Field(f"f{f:02}", vocabularies[v], combiner="sum") for f, (v, _) in enumerate(self.fields))
        return Schema(label="label", fields=fields)

    @property
    def layout(self) -> TableLayout:
        """Rows of the one table."""
        return TableLayout.of_sizes(self.schema, {f"v{v:02}": size for v, size in enumerate(self.vocabulary_sizes)})

    @property
    def pairs_per_example(self) -> float:
        """On average."""
        return float(sum(1 if mean is None else mean for _, mean in self.fields))


def _criteo(name: str, size: int) -> Case:
    """39 single-valued fields: 13 small vocabularies, and 26 from 4 to size / 3 in geometric steps."""
    sizes = (*[50] * 13, *(int(v) for v in np.geomspace(4, size // 3, 26)))
    fields = tuple((v, None) for v in range(39))
    model = DeepFM(embedding_dim=16, hidden_units=(400, 400, 400), pairs="features")
    return Case(name, sizes, fields, model, batch_size=4096, num_examples=400_000)


def _apps() -> Case:
    """Three weighted lists over one vocabulary, and five fields of their own."""
    sizes = (200_000, 400, 1_000, 5_000, 50, 1_000_000)
    fields = ((0, 30), (0, 5), (0, 3), (1, None), (2, None), (3, 4), (4, None), (5, None))
    model = DeepFM(embedding_dim=16, hidden_units=(400, 400, 400), pairs="features")
    return Case("apps", sizes, fields, model, batch_size=4096, num_examples=400_000, weighted=True)


def _article(name: str, batch_size: int) -> Case:
    """The article's Criteo: one field of numbers, one of categories."""
    model = DeepFM(embedding_dim=128, hidden_units=(64, 32), pairs="features")
    return Case(name, (13, 14_739), ((0, 10), (1, 26)), model, batch_size, num_examples=400_000, weighted=True)


def _lr() -> Case:
    """12 single-valued fields, vocabularies from 10 to a million; the model is logistic regression."""
    sizes = tuple(int(v) for v in np.geomspace(10, 1_000_000, 12))
    fields = tuple((v, None) for v in range(12))
    return Case("lr", sizes, fields, LR(), batch_size=16_384, num_examples=10_000_000)


CASES = {
    case.name: case
    for case in (
        _criteo("criteo", 1_000_000),
        _criteo("criteo-8m", 10_000_000),
        _apps(),
        _article("article", 128),
        _article("article-4096", 4096),
        _lr(),
    )
}


def write_case(case: Case, folder: Path, *, num_examples: int | None = None, seed: int = 0) -> Examples:
    """The Examples of the case in folder/examples.arrow, made where they are not there yet."""
    path = folder / "examples.arrow"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_examples(path, simulate(case, num_examples or case.num_examples, seed), len(case.fields))
    return Examples.open(path).kept_within(None)


def build_case(case: Case, *, optimizer: TableOptimizer | None = None, seed: int = 0) -> Model:
    """The model of the case with fresh weights."""
    return build_model(case.model, case.layout, select("native"), optimizer=optimizer, seed=seed)


def simulate(case: Case, num_examples: int, seed: int) -> Iterator[EncodedChunk]:
    """Ids are log-uniform: floor(exp(u ln(V + 1)) - 1). Labels are one in four by chance; those of logistic regression
    follow a true weight of each feature, so that a log loss means something."""
    rng = np.random.default_rng(seed)
    truth = [rng.normal(0, 0.6, size) for size in case.vocabulary_sizes] if case.name == "lr" else None
    for first in range(0, num_examples, _CHUNK_ROWS):
        rows = min(_CHUNK_ROWS, num_examples - first)
        lengths = np.empty((rows, len(case.fields)), np.int64)
        for f, (_, mean) in enumerate(case.fields):
            lengths[:, f] = 1 if mean is None else np.minimum(rng.poisson(mean, rows), 8 * mean + 4)
        offsets = np.concatenate([[0], np.cumsum(lengths.reshape(-1))]).astype(np.int32)
        ids = np.empty(offsets[-1], np.int32)
        field_of = np.repeat(np.tile(np.arange(len(case.fields)), rows), lengths.reshape(-1))
        logits = np.full(rows, -1.1)
        for f, (v, _) in enumerate(case.fields):
            places = np.flatnonzero(field_of == f)
            ids[places] = _log_uniform(rng, case.vocabulary_sizes[v], len(places))
            if truth is not None:
                logits += truth[v][ids[places]]
        weights: Float32s | None = rng.random(len(ids), np.float32) if case.weighted else None
        labels = (rng.random(rows) < 1 / (1 + np.exp(-logits))).astype(np.float32)
        yield EncodedChunk(offsets, ids, weights, labels)


def _log_uniform(rng: np.random.Generator, size: int, count: int) -> Int32s:
    drawn: npt.NDArray[np.float64] = np.exp(rng.random(count) * np.log(size + 1)) - 1
    return np.minimum(drawn.astype(np.int32), size - 1)
