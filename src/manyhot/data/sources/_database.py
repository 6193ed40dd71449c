"""SQL run by a database, SQLite or PostgreSQL, whose ADBC driver streams Arrow."""

from __future__ import annotations

import contextlib
import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

import pyarrow as pa

from manyhot.errors import ConfigError, DataError, nearest_name

from .._batches import Rejects, SourceBatch
from ._postgresql import PostgreSql
from ._source import BATCH_ROWS, check_columns, numbered
from ._sql import shown
from ._sqlite import Sqlite
from ._variables import with_variables

__all__ = ["Database"]


class Dialect(Protocol):
    """What is particular to one kind of database."""

    package: str
    name: str

    def connect(self, driver: Any) -> Any:
        """A connection that cannot write. Raises DataError."""

    def read(self, cursor: Any, query: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The columns of a query in types that fields can be made of."""


_DIALECTS: dict[str, Callable[[SplitResult, Path], Dialect]] = {
    "sqlite": Sqlite,
    "postgresql": PostgreSql,
    "postgres": PostgreSql,
}


class Database:
    """A Source over a SELECT that a database runs, anew for each pass.

    url: of the database; ${NAME} in it is an environment variable. folder: where the path of a SQLite file starts.
    Raises ConfigError where the URL is wrong or its driver is not there.
    """

    def __init__(self, text: str, url: str, folder: Path) -> None:
        parts = urlsplit(with_variables(url))
        if parts.scheme not in _DIALECTS:
            raise ConfigError(
                f'data: database: no driver is known for "{parts.scheme}://"{nearest_name(parts.scheme, _DIALECTS)}'
            )
        self._text = text.rstrip().rstrip(";")
        self._dialect = _DIALECTS[parts.scheme](parts, folder)
        self._secrets = [secret for secret in (parts.password, unquote(parts.password or "")) if secret]
        self.name = f"{shown(text)} in {self._dialect.name}"
        self._driver = _driver(self._dialect.package)

    def columns(self) -> list[str]:
        """As the database names them. Raises DataError."""
        with self._cursor() as cursor:
            return self._columns(cursor)

    def fingerprint(self) -> None:
        """None: a database does not tell whether what a query reads was changed."""
        return

    def batches(self, columns: Sequence[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """Of BATCH_ROWS rows at most, as the database sends them; no other columns are sent."""
        with self._cursor() as cursor:
            check_columns(self.name, columns, self._columns(cursor))
            batches = self._dialect.read(cursor, self._text, columns)
            yield from numbered((part for batch in batches for part in _pieces(batch)), self.name)

    def _columns(self, cursor: Any) -> list[str]:
        cursor.execute(f"SELECT * FROM ({self._text}\n) AS query LIMIT 0")
        with cursor.fetch_record_batch() as reader:
            return list(reader.schema.names)

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[Any]:
        try:
            with self._dialect.connect(self._driver) as connection, connection.cursor() as cursor:
                yield cursor
        except (self._driver.Error, pa.ArrowException, OSError) as error:
            raise DataError(f"{self.name}: {self._sentence(error)}") from None

    def _sentence(self, error: Exception) -> str:
        """The database's message as one line, without the query, the driver's prefixes and the password."""
        text = re.split(r"\n+(?:query: |Query was: |LINE \d)|\. Vendor code", str(error))[0]
        text = re.sub(r"^[A-Z_]+: |\[(libpq|SQLite)\] |Failed to [a-z ]+: |could not begin COPY: |ERROR: +", "", text)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return " ".join(text.split())


def _driver(package: str) -> Any:
    try:
        return importlib.import_module(f"{package}.dbapi")
    except ImportError as error:
        raise ConfigError(
            f'data: database: the driver {package} is not there ({error}); install it by pip install "manyhot[sql]"'
        ) from None


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    for start in range(0, batch.num_rows, BATCH_ROWS):
        yield batch.slice(start, BATCH_ROWS)
