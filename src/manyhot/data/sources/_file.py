"""File: one file of rows, on this machine or behind a URL."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath

import pyarrow as pa
from pyarrow import fs

__all__ = ["File"]

_PACKED = (".gz", ".bz2", ".zst")


@dataclass(frozen=True)
class File:
    """name: for people, and what tells the format. path: within the filesystem."""

    name: str
    path: str
    filesystem: fs.FileSystem = field(default_factory=fs.LocalFileSystem)

    @property
    def ending(self) -> str:
        """ ".csv" of "clicks.csv.gz", in lower case."""
        name = PurePosixPath(self.path).name
        for packed in _PACKED:
            name = name.removesuffix(packed)
        return PurePosixPath(name).suffix.lower()

    def stream(self) -> pa.NativeFile:
        """Its bytes from the start, unpacked where the name says that they are packed. Raises OSError."""
        return self.filesystem.open_input_stream(self.path, compression="detect")

    def random_access(self) -> pa.NativeFile:
        """Its bytes in any order. Raises OSError. Not mapped: a file cut short while it is read is then an error and
        no crash, and what was read does not count as memory of the process."""
        return self.filesystem.open_input_file(self.path)

    def stamp(self) -> tuple[str, int, int]:
        """Place, size and time of the last change: another one where the contents may be others."""
        info = self.filesystem.get_file_info(self.path)
        return f"{self.filesystem.type_name}:{self.path}", info.size or 0, info.mtime_ns or 0
