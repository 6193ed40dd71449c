"""Sample: the first rows of what a user points at, and how its files are to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from manyhot.data import Rejects, open_source
from manyhot.errors import BadRowsError, DataError
from manyhot.schema import Reading

from ._text_files import names_in_lines, read_lines, sniff

__all__ = ["SAMPLE_ROWS", "Sample", "read_sample"]

SAMPLE_ROWS = 100_000
_SAMPLE_BYTES = 256 << 20


@dataclass(frozen=True)
class Sample:
    """table: the first rows, every column that has a name. reading: how they were read.

    is_whole: whether these are all rows. has_names: whether the columns have names of their own.
    num_unnamed: columns left out because their name is empty. bad_rows: what is wrong with lines that make no row.
    """

    name: str
    table: pa.Table
    reading: Reading
    is_whole: bool
    has_names: bool
    num_unnamed: int
    bad_rows: str

    @property
    def num_rows(self) -> int:
        """Of the sample."""
        rows: int = self.table.num_rows
        return rows


def read_sample(data: Sequence[str], folder: Path, num_rows: int = SAMPLE_ROWS) -> Sample:
    """The first rows of files or of a query. Raises DataError where they cannot be read or there are none."""
    lines = read_lines(data, folder)
    reading, has_names = sniff(data, folder, lines) if lines is not None else (Reading(), True)
    source = open_source(_one_or_more(data), folder=folder, reading=reading)
    names = source.columns()
    if names is None:
        names = names_in_lines(lines or [])
    wanted = [name for name in names if name]
    rejects = Rejects()
    batches: list[pa.RecordBatch] = []
    rows = size = 0
    is_whole = True
    for batch in rejects.announced(source.batches(wanted, rejects)):
        if rows >= num_rows or size >= _SAMPLE_BYTES:
            is_whole = False
            break
        rejects.add_batch(batch, {})
        batches.append(batch.batch)
        rows, size = rows + batch.batch.num_rows, size + batch.batch.nbytes
    bad_rows = _complaint(rejects)
    if not rows:
        raise DataError(bad_rows or f"{source.name}: there are no rows; nothing can be said of the columns")
    table = pa.concat_tables([pa.Table.from_batches([b]) for b in batches], promote_options="permissive")
    return Sample(
        name=source.name,
        table=table.slice(0, num_rows).combine_chunks(),
        reading=reading,
        is_whole=is_whole and rows <= num_rows,
        has_names=has_names,
        num_unnamed=len(names) - len(wanted),
        bad_rows=bad_rows,
    )


def _complaint(rejects: Rejects) -> str:
    try:
        rejects.check()
    except BadRowsError as error:
        return str(error)
    return ""


def _one_or_more(data: Sequence[str]) -> str | list[str]:
    return data[0] if len(data) == 1 else list(data)
