"""The rows of a training, encoded: from raw rows, or from a folder where they lie prepared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from manyhot.data import Encoder, ExampleCache, Examples, Prepared, Source, open_source
from manyhot.errors import DataError
from manyhot.schema import Part, Reading, Schema

__all__ = ["Rows", "prepared_rows", "raw_rows"]


@dataclass(frozen=True)
class Rows:
    """examples: of "train", and maybe of "valid" and "test". proof: a source whose first rows a model file keeps."""

    encoder: Encoder
    examples: dict[str, Examples]
    proof: Source
    reading: Reading


def raw_rows(
    schema: Schema,
    sources: Mapping[Part, Source],
    proof: Source,
    reading: Reading | None,
    store: ExampleCache,
    tell: Callable[[str], None],
) -> Rows:
    """Fits on the training rows and encodes all. Raises DataError, BadRowsError."""
    encoder, was_there = store.fit(schema, sources["train"])
    tell(f"vocabularies {'reused' if was_there else 'fitted'}: {_sizes(encoder)}")
    examples: dict[str, Examples] = {}
    for name, source in sources.items():
        examples[name], was_there = store.encode(encoder, source)
        if examples[name].num_rows == 0:
            raise DataError(f"{source.name}: {name} holds no rows")
        tell(f"{name} {'reused' if was_there else 'encoded'}: {_counts(examples[name])}")
        _tell_cuts(name, examples[name], tell)
    return Rows(encoder, examples, proof, reading or Reading())


def prepared_rows(schema: Schema, folder: Path, tell: Callable[[str], None]) -> Rows:
    """What `manyhot prepare` left. Raises DataError where it was left by another schema."""
    prepared = Prepared.open(folder, schema)
    tell(f"vocabularies prepared: {_sizes(prepared.encoder)}")
    for name, examples in prepared.examples.items():
        tell(f"{name} prepared: {_counts(examples)}")
        _tell_cuts(name, examples, tell)
    return Rows(prepared.encoder, prepared.examples, open_source(prepared.proof), prepared.reading)


def _sizes(encoder: Encoder) -> str:
    return ", ".join(f"{name} {v.size:,}" for name, v in encoder.vocabularies.items())


def _counts(examples: Examples) -> str:
    return f"{examples.num_rows:,} examples, {examples.num_pairs / examples.num_rows:.1f} pairs each"


def _tell_cuts(name: str, examples: Examples, tell: Callable[[str], None]) -> None:
    for field, (pairs, bags) in examples.cuts.items():
        tell(f'{name}: max_pairs of field "{field}" cut {pairs:,} pairs from {bags:,} bags')
