"""Other files that belong to the data: valid and test beside train; and SQL over the same files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from manyhot.data import is_sql, open_source
from manyhot.errors import DataError
from manyhot.schema import Reading

from ._sample import Sample

__all__ = ["find_siblings", "query"]

_NAMES = {"valid": ("valid", "validation", "val", "dev"), "test": ("test",)}


def find_siblings(data: Sequence[str], folder: Path, sample: Sample) -> dict[str, str]:
    """ "train_x.csv" -> {"valid": "valid_x.csv", ...} where such files are and have the same columns."""
    if len(data) != 1 or is_sql(data[0]) or "://" in data[0] or re.search(r"[*?\[]", data[0]):
        return {}
    path = Path(data[0])
    found = re.search("train(ing)?", path.name, re.IGNORECASE)
    if found is None:
        return {}
    before, endings = path.name[: found.start()], "".join(path.suffixes)
    siblings: dict[str, str] = {}
    for part, names in _NAMES.items():
        for name in names:
            candidates = sorted((folder / path.parent).glob(f"{before}{name}*"))
            fitting = [
                c for c in candidates if c.name.endswith(endings) and _columns(c, sample) == _columns(None, sample)
            ]
            if len(fitting) == 1:
                siblings[part] = str(path.parent / fitting[0].name)
                break
    return siblings


def _columns(path: Path | None, sample: Sample) -> list[str] | None:
    if path is None:
        return list(sample.table.column_names)
    try:
        return open_source(path, reading=sample.reading).columns()
    except DataError:
        return None


def query(select: str, data: Sequence[str], reading: Reading) -> str:
    """SELECT over the rows of files, or of another query."""
    if is_sql(data[0]):
        return f"SELECT {select} FROM ({data[0].strip().rstrip(';')})"
    return f"SELECT {select} FROM {_table(data, reading)}"


def _table(data: Sequence[str], reading: Reading) -> str:
    files = ", ".join("'" + path.replace("'", "''") + "'" for path in data)
    files = files if len(data) == 1 else f"[{files}]"
    options = []
    if reading.delimiter is not None:
        options.append(f"delim = '{reading.delimiter}'")
    if reading.columns is not None:
        names = ", ".join("'" + name.replace("'", "''") + "'" for name in reading.columns)
        options.append(f"header = false, names = [{names}]")
    if options or len(data) > 1 or data[0].endswith((".txt", ".txt.gz")):
        kind = "read_parquet" if data[0].endswith((".parquet", ".pq")) else "read_csv"
        return f"{kind}({', '.join([files, *options])})"
    return files
