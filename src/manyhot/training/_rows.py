"""The rows of a training, encoded: from raw rows, or from a folder where they lie prepared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manyhot.data import (
    Encoder,
    ExampleCache,
    Examples,
    Prepared,
    Rejects,
    Source,
    as_source,
    open_source,
    parts_to_train_on,
    places_of,
)
from manyhot.errors import DataError
from manyhot.schema import BadRows, Part, Reading, Schema, Split, TrainingConfig

from ._settings import check_settings

__all__ = ["Rows", "prepared_rows", "raw_rows"]


@dataclass(frozen=True)
class Rows:
    """examples: of "train", and maybe of "valid" and "test". proof: a source whose first rows a model file keeps.
    rejects: the bad rows of each, and source: that of train, where they were read raw."""

    encoder: Encoder
    examples: dict[str, Examples]
    proof: Source
    reading: Reading
    rejects: dict[str, Rejects] = field(default_factory=dict)
    source: Source | None = None

    def places(self, rows: Sequence[int]) -> list[str]:
        """Where rows of train, by number from 0, come from; for errors."""
        try:
            if self.source is not None:
                return places_of(self.encoder, self.source, rows)
        except DataError:
            pass  # it is gone: what the Examples say is left
        return self.examples["train"].places(rows)


def raw_rows(
    schema: Schema,
    training: TrainingConfig,
    data: Mapping[Part, Any],
    store: ExampleCache,
    tell: Callable[[str], None],
    *,
    reading: Reading | None = None,
    split: Split | None = None,
    bad_rows: BadRows | None = None,
) -> Rows:
    """Fits on the good training rows, encodes all. Raises ConfigError before that where the training needs other parts,
    DataError, and BadRowsError where more rows are bad than borne."""
    opened = {name: as_source(part, reading) for name, part in data.items()}
    sources = parts_to_train_on(opened, schema, split, tell)
    check_settings(training, schema, has_valid="valid" in sources)
    fitted = Rejects(bad_rows)
    encoder, was_there = store.fit(schema, sources["train"], rejects=fitted)
    tell(f"vocabularies {'reused' if was_there else 'fitted'}: {_sizes(encoder)}")
    examples: dict[str, Examples] = {}
    rejects: dict[str, Rejects] = {name: Rejects(bad_rows) for name in sources}
    for name, source in sources.items():
        examples[name], was_there = store.encode(encoder, source, rejects=rejects[name])
        if examples[name].num_rows == 0:
            good = "good " if rejects[name].num_rejected else ""
            raise DataError(f"{source.name}: {name} holds no {good}rows")
        made = "reused" if was_there else "encoded"
        tell(f"{name} {made}: {_counts(examples[name], f' {rejects[name].counts}')}")
        _tell_cuts(name, examples[name], tell)
    late = rejects["train"].num_rejected - fitted.num_rejected
    if late:
        raise DataError(
            f"{sources['train'].name}: {late:,} rows are bad only by numbers that were learned from them, as where "
            "log1p comes after standardize; put the step before it, or a clip between"
        )
    proof = opened.get("valid", opened["train"])
    return Rows(encoder, examples, proof, reading or Reading(), rejects, sources["train"])


def prepared_rows(schema: Schema, training: TrainingConfig, folder: Path, tell: Callable[[str], None]) -> Rows:
    """What `manyhot prepare` left. Raises DataError where it was left by another schema, ConfigError where the training
    needs other parts."""
    prepared = Prepared.open(folder, schema)
    tell(f"vocabularies prepared: {_sizes(prepared.encoder)}")
    for name, examples in prepared.examples.items():
        tell(f"{name} prepared: {_counts(examples)}")
        _tell_cuts(name, examples, tell)
    check_settings(training, schema, has_valid="valid" in prepared.examples)
    return Rows(prepared.encoder, prepared.examples, open_source(prepared.proof), prepared.reading)


def _sizes(encoder: Encoder) -> str:
    return ", ".join(f"{name} {v.size:,}" for name, v in encoder.vocabularies.items())


def _counts(examples: Examples, of_rows: str = "") -> str:
    return f"{examples.num_rows:,} examples{of_rows}, {examples.num_pairs / examples.num_rows:.1f} pairs each"


def _tell_cuts(name: str, examples: Examples, tell: Callable[[str], None]) -> None:
    for field_name, (pairs, bags) in examples.cuts.items():
        tell(f'{name}: max_pairs of field "{field_name}" cut {pairs:,} pairs from {bags:,} bags')
