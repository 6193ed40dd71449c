"""What runs on the executors: record batches of one partition in, partial counts or a file of Examples out.

Tasks are plain objects that Spark pickles with all they need; they import pyspark only where they run.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from manyhot.data import (
    PARTIAL_SCHEMA,
    EncodedChunk,
    Encoder,
    Fit,
    SourceBatch,
    partial_rows,
    write_examples,
)
from manyhot.errors import DataError, ManyhotError
from manyhot.schema import Schema

from ._report import Report

__all__ = ["CORRUPT", "REPORT", "EncodeTask", "LearnTask", "partition_number"]

REPORT = "report"  # the kind of the row that holds a task's Report; the other kinds are those of partial fits
CORRUPT = "_manyhot_corrupt_line"  # the column in which Spark keeps a line that it cannot take apart


@dataclass(frozen=True)
class LearnTask:
    """Learns from a partition; gives partial rows, and its report among them. name: of the rows, for people."""

    schema: dict[str, Any]
    name: str

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        fit = Fit(Schema.from_dict(self.schema))
        report = Report(partition_number())
        with _reported(report):
            for batch, bad_lines in _rows_of(batches, self.name):
                report.add_batch(batch, fit.learn(batch) | bad_lines)
        if not report.num_rejected and report.error is None:
            yield from partial_rows(fit)
        yield _to_row(report)


@dataclass(frozen=True)
class EncodeTask:
    """Encodes a partition into `folder`/part-NNNNN.arrow; gives its report.

    The file's name comes from the partition and it appears by a rename, so a task that is repeated, or runs twice at
    once, leaves one file. A partition without rows leaves none.
    """

    settings: dict[str, Any]
    arrays: dict[str, Any]
    folder: str
    name: str

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        encoder = Encoder.from_state(self.settings, self.arrays)
        report = Report(partition_number())
        with _reported(report):
            chunks = self._chunks(encoder, batches, report)
            first = next(chunks, None)
            if first is not None:
                self._write(report, itertools.chain([first], chunks), len(encoder.schema.fields))
        yield _to_row(report)

    def _chunks(self, encoder: Encoder, batches: Iterable[pa.RecordBatch], report: Report) -> Iterator[EncodedChunk]:
        for batch, bad_lines in _rows_of(batches, self.name):
            chunk, reasons = encoder.encode_batch(batch, with_labels=True)
            report.add_batch(batch, reasons | bad_lines)
            if not report.num_rejected and batch.batch.num_rows:
                report.num_rows += batch.batch.num_rows
                report.num_pairs += len(chunk.ids)
                yield chunk

    def _write(self, report: Report, chunks: Iterator[EncodedChunk], num_fields: int) -> None:
        folder = Path(self.folder)
        if not folder.is_dir():
            raise DataError(
                f"{folder}: an executor does not see this folder; name one in a file system that all machines share"
            )
        report.file = f"part-{report.partition:05}.arrow"
        write_examples(folder / report.file, chunks, num_fields)


def partition_number() -> int:
    """Of the partition that the task runs on."""
    from pyspark import TaskContext

    context = TaskContext.get()
    assert context is not None, "tasks run on executors"
    return int(context.partitionId())


@contextmanager
def _reported(report: Report) -> Iterator[None]:
    """Errors of the input's fault go to the driver in the report, not as a traceback."""
    try:
        yield
    except ManyhotError as error:
        report.error = str(error)


def _rows_of(batches: Iterable[pa.RecordBatch], name: str) -> Iterator[tuple[SourceBatch, dict[int, str]]]:
    """The batches with their place, and the reasons of lines that Spark could not take apart."""
    origin, first_row = f"{name}, partition {partition_number()}", 0
    for batch in batches:
        bad: dict[int, str] = {}
        if CORRUPT in batch.schema.names:
            for row, line in enumerate(batch.column(CORRUPT).to_pylist()):
                if line is not None:
                    bad[row] = f"cannot be taken apart into its columns: {line[:60]!r}"
            batch = batch.drop_columns([CORRUPT])
        yield SourceBatch(_in_utc(batch), origin, first_row), bad
        first_row += batch.num_rows


def _in_utc(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Spark shows moments in the time zone of its session, and a token is the text of a moment."""
    for index, kind in enumerate(batch.schema.types):
        if pa.types.is_timestamp(kind) and kind.tz not in (None, "UTC"):
            moments = pc.cast(batch.column(index), pa.timestamp(kind.unit, "UTC"))
            batch = batch.set_column(index, batch.schema.names[index], moments)
    return batch


def _to_row(report: Report) -> pa.RecordBatch:
    return pa.record_batch([[REPORT], [""], [msgspec.json.encode(report)], [1]], schema=PARTIAL_SCHEMA)
