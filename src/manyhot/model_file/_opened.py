"""A model file opened, its format known and its header in the shape that the rest relies on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from manyhot.data import available_bytes
from manyhot.errors import ModelFileError
from manyhot.storage import TensorFile, opened_tensors, read_json

__all__ = ["FORMAT", "check_memory", "opened_model"]

# To be raised whenever a file of before could be read as something else, or cannot be read any more; the rules are in
# docs/reliability.md.
FORMAT = 1
_PARTS = {"encoder": dict, "model": dict, "summary": dict}


@contextmanager
def opened_model(path: Path) -> Iterator[tuple[dict[str, Any], TensorFile]]:
    """The header of a file of our format, and its tensors, which are yet to be read."""
    try:
        with opened_tensors(path) as file:
            header = read_json(file.note.encode())
            _check_format(path, header)
            _check_parts(path, header)
            yield header, file
    except FileNotFoundError:
        raise ModelFileError(f"{path}: there is no such model file") from None
    except OSError as error:
        raise ModelFileError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise ModelFileError(f"{path}: is no model file, or a truncated one: {error}") from None


def _check_format(path: Path, header: Any) -> None:
    found = header.get("format") if isinstance(header, dict) else None
    if type(found) is int and found > FORMAT:
        version = header.get("manyhot")
        by = f"manyhot {version[:20]}" if isinstance(version, str) and version.isprintable() else "a later manyhot"
        raise ModelFileError(
            f"{path}: has format {found}, this version of manyhot reads format {FORMAT}; it was written by {by}, which "
            "can read it"
        )
    if type(found) is not int or found != FORMAT:
        raise ModelFileError(f"{path}: has format {found!r:.40}, this version of manyhot reads format {FORMAT}")


def _check_parts(path: Path, header: Mapping[str, Any]) -> None:
    for name, kind in _PARTS.items():
        if not isinstance(header.get(name), kind):
            raise ModelFileError(f'{path}: the model file is damaged: its header has no table "{name}"')
    if not isinstance(header["encoder"].get("schema"), dict):
        raise ModelFileError(f"{path}: the model file is damaged: its header has no schema")


def check_memory(path: Path, size: int) -> None:
    """Its tensors, and once more the tables that they are copied to."""
    free = available_bytes()
    if free is not None and 2 * size > free:
        raise ModelFileError(
            f"{path}: loading it takes up to {2 * size / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free; load "
            "it on a larger machine"
        )
