"""Files: paths, globs and folders, and the table of formats."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from manyhot.errors import DataError
from manyhot.kernels import LineFormat
from manyhot.schema import Reading

from .._batches import Rejects, SourceBatch
from ._columnar import ArrowFormat, ParquetFormat
from ._csv import CsvFormat
from ._file import File
from ._json_lines import JsonLinesFormat
from ._line_bags import LineBagsFormat
from ._presets import AvazuFormat, CriteoFormat

__all__ = ["Files", "expand", "format_name"]


class FileFormat(Protocol):
    """How the files of one format are read."""

    def columns(self, file: File) -> list[str] | None:
        """The names of the columns; None where only reading every row would tell."""

    def batches(self, file: File, columns: list[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """Batches of exactly these columns. Raises DataError."""


_FORMATS: dict[str, Callable[[Reading], FileFormat]] = {
    "parquet": lambda reading: ParquetFormat(),
    "arrow": lambda reading: ArrowFormat(),
    "csv": lambda reading: CsvFormat(reading, ","),
    "tsv": lambda reading: CsvFormat(reading, "\t"),
    "jsonl": lambda reading: JsonLinesFormat(),
    "libsvm": lambda reading: LineBagsFormat(LineFormat.LIBSVM),
    "libffm": lambda reading: LineBagsFormat(LineFormat.LIBFFM),
    "vw": lambda reading: LineBagsFormat(LineFormat.VW),
    "criteo": CriteoFormat,
    "avazu": AvazuFormat,
}
_ENDINGS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "tsv",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".libsvm": "libsvm",
    ".svm": "libsvm",
    ".libffm": "libffm",
    ".ffm": "libffm",
    ".vw": "vw",
}
_SUPPORTED = f"; known endings: {', '.join(_ENDINGS)}, text also with .gz, .bz2, .zst; or say format = ..."


class Files:
    """A Source over files, in their order."""

    def __init__(self, files: list[File], reading: Reading) -> None:
        self.files, self.reading = files, reading
        self.name = files[0].name if len(files) == 1 else f"{files[0].name} and {len(files) - 1} more"
        self._formats = [_FORMATS[format_name(file, reading)](reading) for file in files]

    def columns(self) -> list[str] | None:
        """Those of the first file."""
        return self._formats[0].columns(self.files[0])

    def fingerprint(self) -> str:
        """Of places, sizes, times, and of how the files are read."""
        text = json.dumps([[file.stamp() for file in self.files], msgspec.to_builtins(self.reading)])
        return hashlib.sha256(text.encode()).hexdigest()

    def batches(self, columns: Sequence[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """The rows of each file in turn."""
        for file, file_format in zip(self.files, self._formats, strict=True):
            yield from file_format.batches(file, list(columns), rejects)


def format_name(file: File, reading: Reading) -> str:
    """The format of a file: the one that was given, else what its ending tells. Raises DataError where it does not."""
    name = reading.format or _ENDINGS.get(file.ending)
    if name is None:
        raise DataError(f"{file.name}: cannot tell the format{_SUPPORTED}")
    return name


def expand(patterns: Sequence[str | Path], folder: Path) -> list[File]:
    """The files that paths, globs and folders name, in order. Raises DataError where one names none."""
    files: list[File] = []
    for pattern in patterns:
        full = folder / pattern
        try:
            found = [full] if full.exists() else _matches(full)
        except (OSError, ValueError) as error:
            raise DataError(f"{full}: cannot look for it: {error}") from None
        if not found:
            raise DataError(f"{full}: there is no such file; check the path")
        if full.is_dir():
            found = _inside(full)
            if not found:
                raise DataError(f"{full}: the folder holds no file that can be read{_SUPPORTED}")
        files += [_local(path) for path in found]
    return files


def _local(path: Path) -> File:
    if not path.is_file():
        raise DataError(f"{path}: is not a regular file")
    return File(str(path), str(path.resolve()))


def _inside(folder: Path) -> list[Path]:
    """The files of a folder that can be read, in order; hidden ones and hidden folders are left out."""
    files = (p for p in folder.rglob("*") if not any(part.startswith(".") for part in p.relative_to(folder).parts))
    return sorted(p for p in files if p.is_file() and File(p.name, p.name).ending in _ENDINGS)


def _matches(pattern: Path) -> list[Path]:
    """Files that a pattern with *, ?, [] or ** names, in order."""
    plain = itertools.takewhile(lambda part: not set(part) & set("*?["), pattern.parts)
    root = Path(*plain)
    return sorted(root.glob(str(pattern.relative_to(root)))) if root != pattern else []
