"""SQLite: a value has a type, a column has none, so the types of columns are those of the values found in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, unquote

import pyarrow as pa

from manyhot.errors import ConfigError, DataError

from ._source import BATCH_ROWS
from ._sql import quoted

__all__ = ["Sqlite"]


class Sqlite:
    """Of sqlite:///clicks.db, in the folder, or sqlite:////data/clicks.db."""

    package = "adbc_driver_sqlite"

    def __init__(self, parts: SplitResult, folder: Path) -> None:
        path = unquote(parts.path.removeprefix("/"))
        if parts.netloc or not path:
            raise ConfigError(
                "data: database: a SQLite file is written sqlite:///clicks.db, or sqlite:////data/clicks.db with its "
                "whole path"
            )
        self._path = (folder / path).resolve()
        self.name = str(folder / path)

    def connect(self, driver: Any) -> Any:
        """A connection that cannot write. Raises DataError where there is no such file."""
        if not self._path.is_file():
            raise DataError(f"{self.name}: there is no such file; check data.database")
        return driver.connect(f"file:{quote(str(self._path))}?mode=ro", autocommit=True)

    def read(self, cursor: Any, query: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Two passes: one for the types, one for the rows.

        (The driver takes the types of the first rows for those of all; a column that is null there, or whole by
        chance, would fail later.)
        """
        kinds = [f"group_concat(DISTINCT typeof({quoted(column)}))" for column in columns]
        cursor.execute(f"SELECT {', '.join(kinds)} FROM ({query}\n) AS query")
        found = [set((text or "").split(",")) - {"null", ""} for text in cursor.fetchone()]
        first, rest = zip(*map(_typed, columns, found), strict=True)
        # The driver learns the types of this first row, which is no row of the query.
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(BATCH_ROWS)})
        cursor.execute(f"SELECT {', '.join(first)} UNION ALL SELECT {', '.join(rest)} FROM ({query}\n) AS query")
        with cursor.fetch_record_batch() as reader:
            for number, batch in enumerate(reader):
                yield batch.slice(1) if number == 0 else batch


def _typed(column: str, kinds: set[str]) -> tuple[str, str]:
    """A value of the type that all values of a column fit in, and the column in that type."""
    name = quoted(column)
    if "blob" in kinds:
        return f"x'' AS {name}", f"CAST({name} AS BLOB)"
    if "text" in kinds or not kinds:
        return f"'' AS {name}", f"CAST({name} AS TEXT)"
    if "real" in kinds:
        return f"0.0 AS {name}", f"CAST({name} AS REAL)"
    return f"0 AS {name}", name
