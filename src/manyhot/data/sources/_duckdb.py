"""SQL over files by DuckDB, which runs inside the process, streams, and spills what does not fit."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from manyhot.errors import ConfigError, DataError
from manyhot.schema import Querying

from .._batches import Rejects, SourceBatch
from .._in_order import available_threads
from ._file import File
from ._query_files import QueryFiles, find_files
from ._source import BATCH_ROWS, check_columns, numbered
from ._sql import quoted, shown

__all__ = ["Query"]

# Nothing is downloaded at run time, and a table is never a variable of whatever Python code happens to call.
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}


class Query:
    """A Source over a SELECT. Each pass runs it anew, in a connection of its own.

    Raises ConfigError where the text is no SELECT.
    """

    def __init__(self, text: str, folder: Path, querying: Querying) -> None:
        self.name, self._querying, self._folder = shown(text), querying, folder
        self._select = self._checked(text)

    def columns(self) -> list[str]:
        """As DuckDB describes them. Raises DataError."""
        with self._connection() as connection, self._readable():
            return list(connection.sql(self._files(connection).text).columns)

    def batches(self, columns: Sequence[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """Of BATCH_ROWS rows at most, as they come out of the query; no other columns are computed."""
        with self._connection() as connection, self._readable():
            relation = connection.sql(self._files(connection).text)
            check_columns(self.name, columns, relation.columns)
            wanted = relation.project(", ".join(map(quoted, columns)))
            with contextlib.closing(wanted.to_arrow_reader(BATCH_ROWS)) as reader:
                yield from numbered(reader, self.name)

    def fingerprint(self) -> str | None:
        """Of the query and all files that it reads; None where its rows may change though no file does."""
        with self._connection() as connection, self._readable():
            patterns = self._files(connection).patterns
            if patterns is None or any("://" in pattern for pattern in patterns):
                return None
            stamps = []
            for pattern in sorted(set(patterns)):
                found = connection.execute("SELECT file FROM glob(?) ORDER BY file", [pattern]).fetchall()
                if not found:
                    return None  # a table of DuckDB's own, perhaps
                stamps += [File(path, path).stamp() for (path,) in found]
        text = json.dumps([self._select, duckdb.__version__, stamps])
        return hashlib.sha256(text.encode()).hexdigest()

    def _files(self, connection: duckdb.DuckDBPyConnection) -> QueryFiles:
        try:
            return find_files(connection, self._select, self._folder)
        except ConfigError as error:
            raise ConfigError(f"{self.name}: {error}") from None

    def _checked(self, text: str) -> str:
        try:
            statements = duckdb.extract_statements(text)
        except duckdb.Error as error:
            raise ConfigError(f"{self.name}: {_sentence(error)}") from None
        if [statement.type for statement in statements] == [duckdb.StatementType.MULTI]:
            raise ConfigError(f"{self.name}: a PIVOT has to list its values, as in ON city IN ('a', 'b')")
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise ConfigError(f"{self.name}: is not one SELECT; only a single SELECT is run")
        if statements[0].named_parameters:
            raise ConfigError(f"{self.name}: has parameters (? or $name); write the values themselves")
        return _without_end(statements[0].query)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        spill = self._querying.temp_directory
        parent = self._folder / spill if spill is not None else None
        try:
            if parent is not None:
                parent.mkdir(parents=True, exist_ok=True)
            # A folder for each connection: two of them would give their files the same names.
            temporary = tempfile.TemporaryDirectory(prefix="manyhot-", dir=parent)
        except OSError as error:
            raise ConfigError(f"data: temp_directory: cannot spill to {parent}: {error.strerror}") from None
        with temporary as folder:
            threads = self._querying.threads or available_threads()
            config = _SETTINGS | {"threads": str(threads), "temp_directory": folder}
            if self._querying.memory_limit is not None:
                config["memory_limit"] = self._querying.memory_limit
            with duckdb.connect(":memory:", config=config) as connection:
                connection.execute("SET TimeZone = 'UTC'").fetchall()  # the same rows on any machine
                yield connection

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise DataError(f"{self.name}: {_sentence(error)}") from None


def _without_end(text: str) -> str:
    """A statement without the semicolon at its end and what follows it."""
    raw = text.encode()
    for place, kind in reversed(duckdb.tokenize(text)):
        if kind != duckdb.token_type.comment:
            return raw[:place].decode() if raw[place:].startswith(b";") else text
    return text


def _sentence(error: Exception) -> str:
    """DuckDB's message as one line, without the excerpt of the query and the advice to install things."""
    text = str(error)
    if "requires the extension" in text:
        what = text.split("\n")[0]
        return f"{what[0].lower() + what[1:]}, and nothing is installed at run time; copy the files to this machine"
    if isinstance(error, duckdb.OutOfMemoryException) or text.startswith("Out of Memory"):
        first = text.split("\n")[0]
        return f"{first}; raise memory_limit, or give temp_directory more room to spill to"
    text = re.sub(r"^([A-Z][A-Za-z-]* ){1,3}?Error: ", "", text.split("\n\nLINE ")[0])
    return " ".join(text.split())
