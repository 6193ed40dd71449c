"""The files that a query names: made absolute, and looked at to tell whether its rows may have changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from manyhot.errors import ConfigError

__all__ = ["QueryFiles", "find_files"]

_READERS = {
    *("read_parquet", "parquet_scan", "read_csv", "read_csv_auto"),
    *("read_json", "read_json_auto", "read_json_objects", "read_ndjson", "read_ndjson_auto", "read_ndjson_objects"),
    *("read_text", "read_blob"),
}
# These name files too, but say more than the rows in them.
_LOOKERS = {"glob", "sniff_csv", "parquet_metadata", "parquet_schema", "parquet_file_metadata", "parquet_kv_metadata"}
_PURE_TABLES = {"range", "generate_series", "unnest", "repeat", "repeat_row"}
# Written without parentheses these look like columns.
_MOMENTS = {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}


@dataclass(frozen=True)
class QueryFiles:
    """text: the query with absolute paths. patterns: of all files that it reads; None where its rows may change though
    no file does, or where it cannot be known."""

    text: str
    patterns: tuple[str, ...] | None


def find_files(connection: duckdb.DuckDBPyConnection, text: str, folder: Path) -> QueryFiles:
    """Takes apart a SELECT by DuckDB's own parser. Relative files count from the folder.

    (DuckDB's file_search_path would look into the working directory first.) Raises ConfigError where DuckDB can give no
    tree of the query, or where names of files are computed.
    """
    tree = json.loads(connection.execute("SELECT json_serialize_sql(?)", [text]).fetchall()[0][0])
    if tree["error"]:
        raise ConfigError(f"DuckDB cannot take it apart: {tree['error_message']}; write it in another way")
    nodes = list(_walk(tree["statements"]))
    names = {entry["key"].lower() for node in nodes for entry in node.get("cte_map", {}).get("map", ())}
    files, is_known = [], not any(map(_may_change, nodes))
    for node in nodes:
        if node.get("type") == "BASE_TABLE":
            path = node["qualified_name"]["path"]
            name = ".".join(path)
            if len(path) == 1 and name.lower() in names:
                continue
            is_file = set("./*") & set(name) if len(path) == 1 else (folder / name).exists()
            is_known = is_known and bool(is_file)
            if is_file:
                files.append((node["query_location"], name))
        elif node.get("type") == "TABLE_FUNCTION":
            called = node["function"]
            if called["function_name"] in _READERS | _LOOKERS:
                given = [inner for inner in _walk(called["arguments"][:1]) if inner.get("class") is not None]
                constants = [inner for inner in given if _text(inner) is not None]
                if all(inner in constants or inner.get("function_name") == "list_value" for inner in given):
                    files += [(inner["query_location"], inner["literal"]["text"]) for inner in constants]
                else:
                    raise ConfigError(f"{called['function_name']} computes the names of its files; write them out")
            is_known = is_known and called["function_name"] in _READERS | _PURE_TABLES
    called_names = {node["function_name"] for node in nodes if node.get("type") == "FUNCTION"}
    is_known = is_known and _are_pure(connection, called_names - _READERS - _PURE_TABLES)
    absolute = tuple(_absolute(name, folder) for _, name in files)
    return QueryFiles(_replaced(text, files, folder), absolute if is_known else None)


def _walk(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            yield from _walk(branch)


def _text(node: dict[str, Any]) -> str | None:
    literal = node.get("literal")
    return literal["text"] if isinstance(literal, dict) and literal.get("kind") == "STRING" else None


def _may_change(node: dict[str, Any]) -> bool:
    """Rows drawn at random, the catalog, and the time of day."""
    if node.get("sample") is not None or node.get("type") == "SHOW_REF":
        return True
    return node.get("type") == "COLUMN_REF" and node["column_names"][-1].lower() in _MOMENTS


def _are_pure(connection: duckdb.DuckDBPyConnection, names: set[str]) -> bool:
    """Whether each function gives the same for the same arguments, today and tomorrow."""
    found = connection.execute(
        "SELECT function_name, list(DISTINCT stability) FROM duckdb_functions() "
        "WHERE list_contains(?, function_name) GROUP BY ALL",
        [sorted(names)],
    ).fetchall()
    kinds = {name: set(stability) for name, stability in found}
    kinds.pop("age", None)  # of one argument it is measured from today
    # CONSISTENT_WITHIN_QUERY alone is the time of day; beside CONSISTENT it is a time zone, which is fixed here.
    return all("CONSISTENT" in kinds.get(name, ()) and "VOLATILE" not in kinds[name] for name in names)


def _absolute(name: str, folder: Path) -> str:
    """The pattern of a file; characters of the folder that would be patterns are quoted."""
    if name.startswith(("/", "~")) or "://" in name:
        return name
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(folder.resolve())) + "/" + name


def _replaced(text: str, files: list[tuple[int, str]], folder: Path) -> str:
    """The query with each file where it stands (counted in bytes) in absolute form."""
    raw = text.encode()
    for place, name in sorted(files, reverse=True):
        new = "'" + _absolute(name, folder).replace("'", "''") + "'"
        for quote in ("'", '"', ""):
            old = (quote + (name.replace(quote, 2 * quote) if quote else name) + quote).encode()
            if raw.startswith(old, place):
                raw = raw[:place] + new.encode() + raw[place + len(old) :]
                break
    return raw.decode()
