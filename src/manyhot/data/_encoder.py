"""Encoder: the only code that turns raw values into ids, in training, evaluation and serving alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from manyhot.errors import ModelFileError
from manyhot.kernels import Float32s, Int32s, interleave
from manyhot.schema import Schema

from ._batches import Rejects, SourceBatch
from ._fields import Numbers, numeric_columns, read_field, read_labels, wanted_columns
from ._fit import Fit
from ._in_order import available_threads, in_order
from ._vocabularies import FittedVocabulary
from .sources import Source

__all__ = ["EncodedChunk", "Encoder"]


@dataclass(frozen=True)
class EncodedChunk:
    """Encoded rows, row-major: offsets int32 [rows*F+1], ids int32 [N] within their vocabularies, weights float32 [N]
    or None (all 1; not yet normalised by a combiner), labels float32 [rows] or None."""

    offsets: Int32s
    ids: Int32s
    weights: Float32s | None
    labels: Float32s | None


class Encoder:
    """A schema with everything that was learned from the training data. Make it with `fit` or `from_state`."""

    def __init__(self, schema: Schema, vocabularies: dict[str, FittedVocabulary], numbers: Numbers) -> None:
        self.schema, self.vocabularies, self._numbers = schema, vocabularies, numbers

    @classmethod
    def fit(cls, schema: Schema, source: Source, *, num_threads: int | None = None) -> Encoder:
        """Learns vocabularies and transforms in one pass. Raises BadRowsError at its end where rows are bad.

        num_threads: None is all cores; it changes no result.
        """
        fit, rejects = Fit(schema), Rejects()
        batches = rejects.announced(source.batches(wanted_columns(schema, with_labels=True), rejects))
        num_threads = num_threads or available_threads()
        for learned in in_order(fit.learn, batches, num_threads):
            fit.add(learned)
            rejects.add_batch(learned.batch, learned.reasons)
        fit.check_columns(source.name)
        rejects.check()
        return cls(schema, fit.vocabularies(num_threads), fit.numbers)

    def encode(self, source: Source, *, with_labels: bool, num_threads: int | None = None) -> Iterator[EncodedChunk]:
        """Chunks in the order of the rows. Raises BadRowsError after the last one where rows are bad.

        num_threads: None is all cores; it changes no result.
        """
        rejects = Rejects()
        batches = rejects.announced(source.batches(wanted_columns(self.schema, with_labels), rejects))
        num_threads = num_threads or available_threads()
        for batch, chunk, reasons in in_order(lambda b: self._encode_batch(b, with_labels), batches, num_threads):
            rejects.add_batch(batch, reasons)
            if not rejects.num_rejected:
                yield chunk
        rejects.check()

    def _encode_batch(self, batch: SourceBatch, with_labels: bool) -> tuple[SourceBatch, EncodedChunk, dict[int, str]]:
        reasons: dict[int, str] = {}
        labels = read_labels(self.schema, batch, reasons) if with_labels else None
        columns = []
        for index, field in enumerate(self.schema.fields):
            vocabulary = self.vocabularies[field.vocabulary_name]
            for bags in read_field(field, batch, self._numbers, reasons):
                columns.append((vocabulary.lookup(bags.tokens, bags.positions), bags.weights, bags.offsets, index))
        ids, weights, offsets = interleave(columns, batch.batch.num_rows)
        return batch, EncodedChunk(offsets, ids, weights, labels), reasons

    def fingerprint(self) -> str:
        """Of everything that decides what rows are encoded to."""
        settings, arrays = self.state()
        digest = hashlib.sha256(json.dumps(settings).encode())
        for name in sorted(arrays):
            digest.update(name.encode() + arrays[name].tobytes())
        return digest.hexdigest()

    def state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Plain settings and arrays, for the model file and the cache; `from_state` turns them back."""
        arrays: dict[str, npt.NDArray[Any]] = {}
        for name, vocabulary in self.vocabularies.items():
            arrays[f"vocabulary.{name}.tokens"], arrays[f"vocabulary.{name}.offsets"] = vocabulary.to_arrays()
        numbers = [[field, column, number.fitted] for (field, column), number in self._numbers.items()]
        return {"schema": self.schema.to_dict(), "numbers": numbers}, arrays

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> Encoder:
        """Raises ModelFileError where the parts do not fit together."""
        schema = Schema.from_dict(settings["schema"])
        numbers = numeric_columns(schema)
        try:
            for field, column, fitted in settings["numbers"]:
                numbers[field, column].fitted = fitted
            vocabularies = {
                v.name: FittedVocabulary.from_arrays(
                    v, arrays[f"vocabulary.{v.name}.tokens"], arrays[f"vocabulary.{v.name}.offsets"]
                )
                for v in schema.vocabularies
            }
        except (KeyError, ValueError) as error:
            raise ModelFileError(f"the encoder in the file is incomplete: {error}") from None
        return cls(schema, vocabularies, numbers)
