"""Every row of train, valid and test, read once through the Encoder and the cache of training."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from manyhot.data import (
    Encoder,
    ExampleCache,
    Examples,
    Rejects,
    Source,
    open_part,
    parts_to_train_on,
    wanted_columns,
)
from manyhot.errors import BadRowsError, DataError, nearest_name
from manyhot.schema import BadRows, Experiment, Part, Schema

from ._findings import Finding
from ._report import PartReport
from ._tally import Tally

__all__ = ["ReadParts", "read_parts"]


@dataclass
class ReadParts:
    """What could be read, and why the rest could not. encoder: None where train could not."""

    encoder: Encoder | None = None
    examples: dict[str, Examples] = field(default_factory=dict)
    parts: dict[str, PartReport] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def read_parts(config: Experiment, schema: Schema, store: ExampleCache, tell: Callable[[str], None]) -> ReadParts:
    """Reads on after errors: what is wrong with each part is a finding, and all of them are told together."""
    read = ReadParts()
    sources: dict[Part, Source] = {}
    names: tuple[Part, ...] = ("train", "valid", "test")
    for name in names:
        if getattr(config.data, name) is not None:
            source = _opened(config, schema, name, read)
            if source is not None:
                sources[name] = source
    if "train" in sources:
        try:
            sources = parts_to_train_on(sources, schema, config.data.split, tell)
        except DataError as error:
            read.findings.append(Finding("error", "unreadable", "train", str(error)))
            return read
    for name, source in sources.items():
        tell(f"reading {name}: {source.name}")
        try:
            _read_part(name, source, schema, store, read, config.data.bad_rows)
        except BadRowsError as error:
            rows = error.num_read - error.num_rejected
            read.parts[name] = PartReport(source.name, rows, error.num_rejected, error.first)
        except DataError as error:
            read.findings.append(Finding("error", "unreadable", name, str(error)))
    return read


def _opened(config: Experiment, schema: Schema, name: Part, read: ReadParts) -> Source | None:
    """The source, where it is there and has every column."""
    try:
        source = open_part(config, name)
        present = source.columns()
    except DataError as error:
        read.findings.append(Finding("error", "unreadable", name, str(error)))
        return None
    if present is None:
        return source
    missing = [c for c in dict.fromkeys(wanted_columns(schema, with_labels=True)) if c not in present]
    for column in missing:
        sentence = f'{source.name}: column "{column}" is missing{nearest_name(column, present)}'
        read.findings.append(Finding("error", "missing_column", name, sentence))
    return None if missing else source


def _read_part(
    name: str, source: Source, schema: Schema, store: ExampleCache, read: ReadParts, bad_rows: BadRows
) -> None:
    """Raises BadRowsError and DataError."""
    started, was_fitted = time.perf_counter(), True
    if name == "train":
        read.encoder, was_fitted = store.fit(schema, source, rejects=Rejects(bad_rows))
    if read.encoder is None:
        Encoder.fit(
            schema, source, rejects=Rejects(bad_rows)
        )  # without train there are no ids, but its bad rows can be told
        read.parts[name] = PartReport(source.name)
        return
    rejects = Rejects(bad_rows)
    examples, was_encoded = store.encode(read.encoder, source, rejects=rejects)
    seconds = None if was_fitted and was_encoded else time.perf_counter() - started
    if examples.num_rows == 0:
        read.parts[name] = PartReport(source.name, 0)
        return
    tally = Tally(read.encoder, examples)
    files = tally.files()
    positives = sum(file.positives for file in files)
    read.examples[name] = examples
    read.parts[name] = PartReport(
        source=source.name,
        rows=examples.num_rows,
        rejected=rejects.num_rejected,
        positives=positives,
        label_rate=positives / examples.num_rows,
        pairs=examples.num_pairs,
        files=files,
        fields={field_name: counts.report() for field_name, counts in tally.fields.items()},
        seconds=seconds,
    )
