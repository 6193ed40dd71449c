"""The files that bad rows come from: looked for only once there are bad rows, since Spark would send a name a row."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from manyhot.data import PARTIAL_SCHEMA

from ._frame import RESULT
from ._pyspark import DataFrame, PySparkException, functions
from ._report import Report, first_sentences
from ._tasks import partition_number

__all__ = ["add_files"]


@dataclass(frozen=True)
class _FileTask:
    """Of a column of file names those at the wanted rows of this partition. wanted: partition -> rows."""

    wanted: dict[int, list[int]]

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        partition = partition_number()
        rows, first = self.wanted.get(partition, []), 0
        for batch in batches:
            here = [row for row in rows if first <= row < first + batch.num_rows]
            files = [batch.column(0)[row - first].as_py().encode() for row in here]
            places = [["file"] * len(here), [str(partition)] * len(here), files, here]
            yield pa.record_batch(places, schema=PARTIAL_SCHEMA)
            first += batch.num_rows


def add_files(rows: DataFrame, reports: list[Report]) -> None:
    """Adds to the sentences that will be shown the files of their rows, where Spark knows them.

    It does not for rows that are not read from files, or went through a shuffle or a join since.
    """
    wanted = {report.partition: [row for row, _ in first] for report, first in first_sentences(reports)}
    if not wanted:
        return
    with contextlib.suppress(PySparkException):  # then the sentences say less
        names = rows.select(functions.input_file_name().alias("file"))
        found = names.mapInArrow(_FileTask(wanted), RESULT).toArrow()
        columns = (found.column(name).to_pylist() for name in ("name", "times", "key"))
        files = {(int(partition), row): file.decode() for partition, row, file in zip(*columns, strict=True)}
        for report in reports:
            for index, (row, sentence) in enumerate(report.first):
                if file := files.get((report.partition, row)):
                    report.first[index] = (row, f"{sentence} (in {file})")
