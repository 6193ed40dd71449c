"""Scorer: raw rows to probabilities, from a model file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from manyhot.data import EncodedChunk, Encoder, SliceReader, Source, open_source
from manyhot.errors import DataError
from manyhot.kernels import Float32s
from manyhot.model_file import LabelledLogits, SavedModel, load_model
from manyhot.nn import BuildHead
from manyhot.schema import Reading, convert

__all__ = ["Scorer", "load"]


class Scorer:
    """A loaded model. The same Encoder as in training reads the rows, so nothing can be encoded differently."""

    def __init__(self, saved: SavedModel) -> None:
        self._saved = saved

    @property
    def encoder(self) -> Encoder:
        """How rows are read: schema, vocabularies, transforms."""
        return self._saved.encoder

    def source(self, data: Any) -> Source:
        """`data` as a Source; files are read as the training files were."""
        return open_source(data, reading=convert(self._saved.summary.get("reading", {}), Reading, "reading"))

    def score(self, data: Any) -> Float32s:
        """Probabilities float32 [rows] in the order of the rows; of several labels [rows, T] in the order of
        `encoder.schema.labels`.

        data: a path, glob or list of them, any object with the Arrow PyCapsule protocol, or a dict of columns; columns
            in any order, others than the schema's are ignored, no label is needed.
        Raises DataError where a column is missing, BadRowsError where rows are bad.
        """
        source = self.source(data)
        return _finite(self._saved.probabilities(source), source)

    def evaluate(self, data: Any) -> LabelledLogits:
        """Labels and logits of labelled rows, with their example weights and groups where the schema names them; all
        that metrics take. Rows are streamed: of each only these few numbers stay. Logits are calibrated, where the
        model is.

        Raises DataError where a column is missing, BadRowsError where rows are bad.
        """
        return self._labelled(data, lambda chunk: None)

    def evaluate_by(self, data: Any, field: str) -> tuple[LabelledLogits, SliceReader]:
        """What `evaluate` gives, and which tokens of a field each row holds.

        Raises ConfigError where the schema has no such field, or no tokens in it; DataError, BadRowsError.
        """
        reader = SliceReader(self.encoder, field)
        return self._labelled(data, reader.add), reader

    def _labelled(self, data: Any, on_chunk: Callable[[EncodedChunk], None]) -> LabelledLogits:
        source = self.source(data)
        rows = self._saved.labelled_logits(source, on_chunk)
        _finite(rows.logits, source)
        return rows


def _finite(scores: Float32s, source: Source) -> Float32s:
    bad = np.flatnonzero(~np.isfinite(scores).reshape(len(scores), -1).all(1)) if len(scores) else scores
    if len(bad):
        raise DataError(f"{source.name}, row {bad[0] + 1}: the model scores NaN or infinity; its weights are too large")
    return scores


def load(path: str | Path, *, heads: Mapping[str, BuildHead] | None = None, kernels: str = "native") -> Scorer:
    """Loads a model file and checks its proof rows.

    heads: for each of the model's custom_heads the function that it was trained with; a file holds their weights, and
    never names code. Raises ModelFileError, ConfigError where one is not given.
    """
    return Scorer(load_model(Path(path), heads=heads, kernels=kernels))
