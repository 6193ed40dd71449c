"""Encoder: the only code that turns raw values into ids, in training, evaluation and serving alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from manyhot.errors import ModelFileError
from manyhot.kernels import Float32s, Int32s, interleave
from manyhot.schema import Schema

from ._bags import Cut
from ._batches import Rejects, SourceBatch
from ._fields import Numbers, numeric_columns, read_fields, read_labels, wanted_columns
from ._fit import Fit
from ._in_order import available_threads, in_order
from ._row_columns import UInt64s, read_row_columns
from ._vocabularies import FittedVocabulary
from .sources import Source
from .trees import Forest, forest_arrays, forest_from_arrays, read_leaves, require_lightgbm

__all__ = ["EncodedChunk", "Encoder"]


@dataclass(frozen=True)
class EncodedChunk:
    """Encoded rows, row-major: offsets int32 [rows*F+1], ids int32 [N] within their vocabularies, weights float32 [N]
    or None (all 1; not yet normalised by a combiner), labels float32 [rows], or [rows, T] of several (NaN where one is
    missing), or None, example_weights float32 [rows] or None (all 1), groups uint64 [rows], 0 where a row has none, or
    None.

    cuts: by field, the pairs that max_pairs cut, and how many bags lost some. origin: the file the rows come from, or
    words for data given in memory. missing: F numbers, the pairs (OOV, 1) of each field that stand for a missing value;
    empty where no field has any.
    """

    offsets: Int32s
    ids: Int32s
    weights: Float32s | None
    labels: Float32s | None
    example_weights: Float32s | None = None
    groups: UInt64s | None = None
    cuts: dict[str, Cut] = field(default_factory=dict)
    origin: str = ""
    missing: tuple[int, ...] = ()


class Encoder:
    """A schema with everything that was learned from the training data. Make it with `fit` or `from_state`."""

    def __init__(
        self,
        schema: Schema,
        vocabularies: dict[str, FittedVocabulary],
        numbers: Numbers,
        forests: dict[str, Forest] | None = None,
    ) -> None:
        self.schema, self.vocabularies, self._numbers, self._forests = schema, vocabularies, numbers, forests or {}
        self._columns = _columns_in_vocabularies(schema)

    @classmethod
    def fit(
        cls, schema: Schema, source: Source, *, num_threads: int | None = None, rejects: Rejects | None = None
    ) -> Encoder:
        """Learns vocabularies and transforms of the good rows, in one pass.

        num_threads: None is all cores; it changes no result. rejects: takes the bad rows, and its limits bear some of
        them. Raises BadRowsError at the end of the pass where more rows are bad; ConfigError where trees are to be
        grown and LightGBM is not there.
        """
        if any(of.gbdt is not None for of in schema.fields):
            require_lightgbm()  # before the pass, not after it
        fit, rejects = Fit(schema), rejects or Rejects()
        batches = rejects.announced(source.batches(wanted_columns(schema, with_labels=True), rejects))
        num_threads = num_threads or available_threads()
        for batch, reasons in in_order(lambda b: (b, fit.learn(b)), batches, num_threads):
            rejects.add_batch(batch, reasons)
        fit.check_columns(source.name)
        rejects.check()
        return cls(schema, fit.vocabularies(num_threads), fit.numbers, fit.forests(num_threads))

    def encode(
        self, source: Source, *, with_labels: bool, num_threads: int | None = None, rejects: Rejects | None = None
    ) -> Iterator[EncodedChunk]:
        """Chunks of the good rows in their order.

        num_threads: None is all cores; it changes no result. rejects: takes the bad rows, and its limits bear some of
        them. Raises BadRowsError after the last chunk where more rows are bad.
        """
        rejects = rejects or Rejects()
        batches = rejects.announced(source.batches(wanted_columns(self.schema, with_labels), rejects))
        num_threads = num_threads or available_threads()
        for batch, (chunk, reasons) in in_order(lambda b: (b, self.encode_batch(b, with_labels)), batches, num_threads):
            rejects.add_batch(batch, reasons)
            if rejects.limits.any or not rejects.num_rejected:
                yield chunk
        rejects.check()

    def without_bad_rows(self, batch: SourceBatch) -> SourceBatch:
        """The rows of a batch that can be encoded; labels do not matter."""
        _, reasons = self._read(batch, with_labels=False)
        return batch.without(reasons) if reasons else batch

    def encode_batch(self, batch: SourceBatch, with_labels: bool) -> tuple[EncodedChunk, dict[int, str]]:
        """The good rows of one batch by itself, encoded, and why the others are bad."""
        chunk, reasons = self._read(batch, with_labels)
        if reasons:
            chunk, others = self._read(batch.without(reasons), with_labels)
            assert not others
        return chunk, reasons

    def _read(self, batch: SourceBatch, with_labels: bool) -> tuple[EncodedChunk, dict[int, str]]:
        reasons: dict[int, str] = {}
        labels = read_labels(self.schema, batch, reasons) if with_labels else None
        row_columns = read_row_columns(self.schema, batch, reasons) if with_labels else (None, None)
        columns: list[tuple[Int32s, Float32s | None, Int32s, int]] = []
        cuts: dict[str, Cut] = {}
        missing = [0] * len(self.schema.fields)
        parts = read_fields(self.schema, batch, self._numbers, reasons)
        parts += read_leaves(self.schema, batch, self._forests, reasons)
        for index, pieces in sorted(parts, key=itemgetter(0)):
            of = self.schema.fields[index]
            encoded, cut = self.vocabularies[of.vocabulary_name].encode(pieces, self._columns[index])
            columns.append((*encoded, index))
            if cut[0]:
                cuts[of.name] = cut
            if of.missing == "oov":
                missing[index] += sum(bags.num_missing for bags in pieces)
        ids, weights, offsets = interleave(columns, batch.batch.num_rows)
        noted = tuple(missing) if any(missing) else ()
        return EncodedChunk(offsets, ids, weights, labels, *row_columns, cuts, batch.origin, noted), reasons

    def trees_of(self, vocabulary: str) -> dict[str, npt.NDArray[Any]]:
        """The arrays of the trees whose leaves a vocabulary numbers; none where it numbers tokens."""
        fields = (of for of in self.schema.fields if of.gbdt is not None and of.vocabulary_name == vocabulary)
        return {key: array for of in fields for key, array in forest_arrays(self._forests[of.name], "trees").items()}

    def with_schema(self, schema: Schema) -> Encoder:
        """The same encoder under a schema that differs in combiners alone."""
        settings, arrays = self.state()
        return Encoder.from_state({**settings, "schema": schema.to_dict()}, arrays)

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
        for name, forest in self._forests.items():
            arrays |= forest_arrays(forest, f"trees.{name}")
        numbers = [[field, column, number.fitted] for (field, column), number in self._numbers.items()]
        return {"schema": self.schema.to_dict(complete=True), "numbers": numbers}, arrays

    @property
    def array_names(self) -> set[str]:
        """Of the arrays of `state`."""
        trees = (forest_arrays(forest, f"trees.{name}") for name, forest in self._forests.items())
        names = {name for arrays in trees for name in arrays}
        return names | {f"vocabulary.{name}.{part}" for name in self.vocabularies for part in ("tokens", "offsets")}

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> Encoder:
        """Raises ModelFileError where the parts do not fit together."""
        schema = Schema.from_dict(settings["schema"])
        numbers = numeric_columns(schema)
        try:
            named = [(field, column) for field, column, _ in settings["numbers"]]
            if len(named) != len(numbers) or set(named) != numbers.keys():
                raise ValueError("it has other numeric columns than its schema")
            for field, column, fitted in settings["numbers"]:
                numbers[field, column].restore(fitted)
            vocabularies = {
                v.name: FittedVocabulary.from_arrays(
                    v,
                    arrays[f"vocabulary.{v.name}.tokens"],
                    arrays[f"vocabulary.{v.name}.offsets"],
                    len(schema.columns_of(v.name)),
                )
                for v in schema.vocabularies
            }
        except (KeyError, ValueError, TypeError) as error:
            raise ModelFileError(f"the encoder in the file is incomplete: {error}") from None
        trees = {of.name: of.gbdt for of in schema.fields if of.gbdt is not None}
        forests = {name: forest_from_arrays(arrays, f"trees.{name}", gbdt) for name, gbdt in trees.items()}
        return cls(schema, vocabularies, numbers, forests)


def _columns_in_vocabularies(schema: Schema) -> list[Int32s]:
    """int32 for each field, the place of each of its columns among all columns of its vocabulary."""
    places = {
        v.name: {name: place for place, name in enumerate(schema.columns_of(v.name))} for v in schema.vocabularies
    }
    return [
        np.array([places[of.vocabulary_name][name] for name in of.input_columns or (of.name,)], np.int32)
        for of in schema.fields
    ]
