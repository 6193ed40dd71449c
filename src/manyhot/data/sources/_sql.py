"""What is SQL, and how it is shown."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["is_sql", "quoted", "shown"]

_LEAD = r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*"
_SQL = re.compile(rf"{_LEAD}(?:select|with|from)(?=[\s('\"*]|--|/\*|$)", re.IGNORECASE | re.DOTALL)


def is_sql(text: object, folder: Path = Path()) -> bool:
    """Whether a text is a query and no path: it starts with SELECT, WITH or FROM, after comments.

    A Path is none, nor is a text that names a file which is there.
    """
    if not isinstance(text, str) or _SQL.match(text) is None:
        return False
    try:
        return not (folder / text).exists()
    except (OSError, ValueError):  # too long for a name
        return True


def quoted(column: str) -> str:
    """The name of a column as standard SQL quotes it."""
    return '"' + column.replace('"', '""') + '"'


def shown(text: str) -> str:
    """A query for people: its start, on one line."""
    line = " ".join(text.split())
    return f"the query “{line}”" if len(line) <= 60 else f"the query “{line[:59]}…”"
