"""PostgreSQL: types without a plain Arrow counterpart become text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

import pyarrow as pa

from ._sql import quoted

__all__ = ["PostgreSql"]

_CONNECT_SECONDS = 10


class PostgreSql:
    """Of a URL as libpq reads it."""

    package = "adbc_driver_postgresql"

    def __init__(self, parts: SplitResult, folder: Path) -> None:
        user = f"{parts.username}@" if parts.username else ""
        self.name = f"postgresql://{user}{parts.netloc.rpartition('@')[2]}{parts.path}"
        options = parts.query
        if "connect_timeout=" not in options:
            options = f"{options}&connect_timeout={_CONNECT_SECONDS}".lstrip("&")
        self._url = parts._replace(query=options).geturl()

    def connect(self, driver: Any) -> Any:
        """A connection that cannot write."""
        connection = driver.connect(self._url, autocommit=True)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET default_transaction_read_only = on")
        except driver.Error:
            connection.close()
            raise
        return connection

    def read(self, cursor: Any, query: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """numeric, uuid, jsonb, time and what Arrow has no type for come as the text that PostgreSQL writes."""
        names = ", ".join(map(quoted, columns))
        cursor.execute(f"SELECT {names} FROM ({query}\n) AS query LIMIT 0")
        with cursor.fetch_record_batch() as reader:
            selected = ", ".join(_as_text(field) for field in reader.schema)
        cursor.execute(f"SELECT {selected} FROM ({query}\n) AS query")
        with cursor.fetch_record_batch() as reader:
            yield from reader


def _as_text(field: pa.Field) -> str:
    name = quoted(field.name)
    if pa.types.is_list(field.type):
        is_plain, text = _is_plain(field.type.value_type), "text[]"
    else:
        is_plain, text = _is_plain(field.type), "text"
    return name if is_plain else f"CAST({name} AS {text}) AS {name}"


def _is_plain(kind: pa.DataType) -> bool:
    return not (isinstance(kind, pa.BaseExtensionType) or pa.types.is_time(kind) or pa.types.is_interval(kind))
