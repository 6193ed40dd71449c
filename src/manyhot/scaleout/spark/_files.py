"""Files as DataFrames: Spark's own readers, told to see what `manyhot.data` sees."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePath

from manyhot.data.sources import ENDINGS, expand, format_name, is_sql, is_url, open_source
from manyhot.errors import DataError
from manyhot.schema import Reading

from ._pyspark import DataFrame, SparkSession
from ._tasks import CORRUPT

__all__ = ["read_files"]

_DELIMITERS = {"csv": ",", "tsv": "\t"}


def read_files(session: SparkSession, patterns: str | Sequence[str], folder: Path, reading: Reading) -> DataFrame:
    """The rows of files in Parquet, CSV, TSV or JSON Lines; relative paths count from `folder`.

    Every column of CSV and TSV is text. Where values may stand in quotes a file is read by one task, since a line may
    end inside them; quote = false lets Spark divide it. Raises DataError.
    """
    patterns = [patterns] if isinstance(patterns, str) else list(patterns)
    for pattern in patterns:
        if is_sql(pattern, folder) or is_url(pattern):
            raise DataError(
                f"{pattern}: the Spark engine reads files on paths; read SQL and URLs by Spark itself and give the "
                "DataFrame to manyhot.scaleout.spark, or use --engine embedded"
            )
    files = expand(patterns, folder, ENDINGS)
    formats = {format_name(file, reading): file for file in files}
    if len(formats) > 1:
        one, other, *_ = formats.values()
        raise DataError(f"{one.name} and {other.name} have different formats; Spark reads files of one format together")
    (kind,) = formats
    for file in files:
        if PurePath(file.path).name[0] in "._":
            raise DataError(f"{file.name}: Spark leaves out files whose names begin with . or _; rename it")
    paths = [_to_uri(file.path) for file in files]
    if kind == "parquet":
        return session.read.parquet(*paths)
    if kind in _DELIMITERS:
        names = open_source([file.path for file in files], reading=reading).columns()
        assert names is not None, "CSV says its columns"
        return _read_csv(session, paths, names, reading, _DELIMITERS[kind])
    if kind == "jsonl":
        return session.read.option("columnNameOfCorruptRecord", CORRUPT).json(paths)
    raise DataError(
        f"{files[0].name}: the Spark engine reads parquet, csv, tsv and jsonl, not {kind}; use --engine embedded, or "
        "manyhot.scaleout.spark on a DataFrame"
    )


def _read_csv(session: SparkSession, paths: list[str], names: list[str], reading: Reading, delimiter: str) -> DataFrame:
    quote = '"' if reading.quote else ""
    columns = ", ".join(f"`{name.replace('`', '``')}` string" for name in [*names, CORRUPT])
    reader = session.read.options(
        sep=reading.delimiter or delimiter,
        header=reading.columns is None,
        quote=quote,
        escape=quote,
        multiLine=reading.quote,
        unescapedQuoteHandling="RAISE_ERROR",
        enforceSchema=False,  # so that a file whose header has other names is an error
        columnPruning=False,  # so that a line is taken apart as a whole, and its columns are counted
        columnNameOfCorruptRecord=CORRUPT,
    )
    return reader.csv(paths, schema=columns)


def _to_uri(path: str) -> str:
    """Spark takes a path for a pattern."""
    return "file://" + re.sub(r"([*?\[\]{}\\])", r"\\\1", path)
