"""SavedModel: everything that turns raw rows into probabilities, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from manyhot.calibration import Calibrator
from manyhot.data import EncodedChunk, Encoder, Examples, Source
from manyhot.kernels import Float32s
from manyhot.nn import BATCH_SIZE, Model, predict_logits
from manyhot.schema import ModelConfig

__all__ = ["LabelledLogits", "SavedModel"]


class LabelledLogits(NamedTuple):
    """What metrics take: labels float32 [rows] in {0, 1} and logits float32 [rows], both [rows, T] of several labels,
    where NaN is a missing label; example_weights float32 [rows] and groups uint64 [rows] (0: none), None where the
    schema names no such column."""

    labels: Float32s
    logits: Float32s
    example_weights: Float32s | None
    groups: npt.NDArray[np.uint64] | None


@dataclass(frozen=True)
class SavedModel:
    """encoder: raw rows to ids. config, network: ids to logits. summary: how it was trained, plain data.

    calibrator: what changes every logit before it leaves; None: nothing.
    proof_rows: raw rows the model has scored, as an Arrow table; proof_probabilities float32 [rows].
    """

    encoder: Encoder
    config: ModelConfig
    network: Model
    summary: dict[str, Any]
    proof_rows: pa.Table = field(default_factory=lambda: pa.table({}))
    proof_probabilities: Float32s = field(default_factory=lambda: np.zeros(0, np.float32))
    calibrator: Calibrator | None = None

    def probabilities(
        self, source: Source, batch_size: Callable[[EncodedChunk], int] = lambda chunk: BATCH_SIZE
    ) -> Float32s:
        """float32 [rows], of several labels [rows, T], in the order of the rows. Raises DataError, BadRowsError.

        batch_size: of the rows of a chunk; what it raises passes through.
        """
        parts = self._logits(source, with_labels=False, batch_size=batch_size)
        logits = np.concatenate([self._none(), *(z for _, z in parts)])
        return torch.sigmoid(torch.from_numpy(logits)).numpy()

    def labelled_logits(
        self, source: Source, on_chunk: Callable[[EncodedChunk], None] = lambda chunk: None
    ) -> LabelledLogits:
        """Of labelled rows; on_chunk sees the rows as they pass by. Raises DataError, BadRowsError."""
        schema = self.encoder.schema
        parts = []
        for chunk, logits in self._logits(source, with_labels=True):
            parts.append((chunk.labels, logits, chunk.example_weights, chunk.groups))
            on_chunk(chunk)
        labels, all_logits, example_weights, groups = zip(*parts, strict=True) if parts else ((), (), (), ())
        return LabelledLogits(
            np.concatenate([self._none(), *labels]),
            np.concatenate([self._none(), *all_logits]),
            np.concatenate([np.zeros(0, np.float32), *example_weights]) if schema.example_weights is not None else None,
            np.concatenate([np.zeros(0, np.uint64), *groups]) if schema.group is not None else None,
        )

    def _none(self) -> Float32s:
        """Labels or logits of no row."""
        return np.zeros(0 if self.network.num_labels == 1 else (0, self.network.num_labels), np.float32)

    def _logits(
        self,
        source: Source,
        *,
        with_labels: bool,
        batch_size: Callable[[EncodedChunk], int] = lambda chunk: BATCH_SIZE,
    ) -> Iterator[tuple[EncodedChunk, Float32s]]:
        num_fields = len(self.encoder.schema.fields)
        for chunk in self.encoder.encode(source, with_labels=with_labels):
            logits = predict_logits(self.network, Examples([chunk], num_fields), batch_size(chunk))
            yield chunk, logits if self.calibrator is None else self.calibrator(logits)
