"""Files: a Source over files of rows, and the table of formats."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
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

__all__ = ["ENDINGS", "Files", "format_name"]


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
ENDINGS = {
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
_SUPPORTED = f"; known endings: {', '.join(ENDINGS)}, text also with .gz, .bz2, .zst; or say format = ..."


class Files:
    """A Source over files, in their order."""

    def __init__(self, files: list[File], reading: Reading) -> None:
        self.files, self.reading = files, reading
        self.name = files[0].name if len(files) == 1 else f"{files[0].name} and {len(files) - 1} more"
        self._formats = [_FORMATS[format_name(file, reading)](reading) for file in files]

    def columns(self) -> list[str] | None:
        """Those of the first file."""
        return self._formats[0].columns(self.files[0])

    def fingerprint(self) -> str | None:
        """Of places, sizes, times, and of how the files are read; None where a place does not tell of changes."""
        stamps = [file.stamp() for file in self.files]
        if None in stamps:
            return None
        text = json.dumps([stamps, msgspec.to_builtins(self.reading)])
        return hashlib.sha256(text.encode()).hexdigest()

    def batches(self, columns: Sequence[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """The rows of each file in turn."""
        for file, file_format in zip(self.files, self._formats, strict=True):
            yield from file_format.batches(file, list(columns), rejects)


def format_name(file: File, reading: Reading) -> str:
    """The format of a file: the one that was given, else what its ending tells. Raises DataError where it does not."""
    name = reading.format or ENDINGS.get(file.ending)
    if name is None:
        raise DataError(f"{file.name}: cannot tell the format{_SUPPORTED}")
    return name
