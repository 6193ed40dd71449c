"""SavedModel: everything that turns raw rows into probabilities, in memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from manyhot.data import Encoder, Examples, Rejects, Source, open_source
from manyhot.kernels import Float32s
from manyhot.nn import Model, predict_logits
from manyhot.schema import ModelConfig

__all__ = ["SavedModel", "take_proof"]

_PROOF_ROWS = 256


@dataclass(frozen=True)
class SavedModel:
    """encoder: raw rows to ids. config, network: ids to logits. summary: how it was trained, plain data.

    proof_rows: raw rows the model has scored, as an Arrow table; proof_probabilities float32 [rows].
    """

    encoder: Encoder
    config: ModelConfig
    network: Model
    summary: dict[str, Any]
    proof_rows: pa.Table = field(default_factory=lambda: pa.table({}))
    proof_probabilities: Float32s = field(default_factory=lambda: np.zeros(0, np.float32))

    def probabilities(self, source: Source) -> Float32s:
        """float32 [rows] in the order of the rows. Raises DataError, BadRowsError."""
        logits = np.concatenate([np.zeros(0, np.float32), *(z for _, z in self._logits(source, with_labels=False))])
        return torch.sigmoid(torch.from_numpy(logits)).numpy()

    def labelled_logits(self, source: Source) -> tuple[Float32s, Float32s]:
        """Labels and logits, float32 [rows] each. Raises DataError, BadRowsError."""
        parts = [(np.zeros(0, np.float32), np.zeros(0, np.float32)), *self._logits(source, with_labels=True)]
        return np.concatenate([y for y, _ in parts]), np.concatenate([z for _, z in parts])

    def _logits(self, source: Source, *, with_labels: bool) -> Iterator[tuple[Float32s, Float32s]]:
        num_fields = len(self.encoder.schema.fields)
        for chunk in self.encoder.encode(source, with_labels=with_labels):
            labels = chunk.labels if chunk.labels is not None else np.zeros(0, np.float32)
            yield labels, predict_logits(self.network, Examples([chunk], num_fields))


def take_proof(saved: SavedModel, source: Source) -> SavedModel:
    """With the first good rows of the source and their probabilities, which loading checks."""
    batches = (
        saved.encoder.without_bad_rows(batch).batch for batch in source.batches(saved.encoder.schema.columns, Rejects())
    )
    rows = next(batch for batch in batches if batch.num_rows).slice(0, _PROOF_ROWS)
    table = pa.Table.from_batches([rows])
    return dataclasses.replace(saved, proof_rows=table, proof_probabilities=saved.probabilities(open_source(table)))
