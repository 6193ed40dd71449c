"""File: one file of rows, on this machine or behind a URL."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs

from manyhot.errors import DataError

from ._foreign import Foreign

__all__ = ["File"]

_PACKED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
_STATES = ("ETag", "etag", "generation")


@dataclass(frozen=True)
class File:
    """name: for people, and what tells the format. path: within the filesystem."""

    name: str
    path: str
    filesystem: fs.FileSystem = field(default_factory=fs.LocalFileSystem)

    @property
    def is_local(self) -> bool:
        """Whether it lies on this machine, or where the machine has mounted it."""
        return isinstance(self.filesystem, fs.LocalFileSystem)

    @property
    def ending(self) -> str:
        """ ".csv" of "clicks.csv.gz", in lower case."""
        name = PurePosixPath(self._plain_path)
        return (name.with_suffix("") if name.suffix in _PACKED else name).suffix.lower()

    @property
    def _plain_path(self) -> str:
        """The path without the options of a URL: a web server's files are called by their whole URLs."""
        return urlsplit(self.path).path if "://" in self.path else self.path

    def stream(self) -> pa.NativeFile:
        """Its bytes from the start, unpacked where the name says that they are packed. Raises OSError."""
        packed = _PACKED.get(PurePosixPath(self._plain_path).suffix)
        return self.filesystem.open_input_stream(self.path, compression=packed)

    def random_access(self) -> pa.NativeFile:
        """Its bytes in any order. Raises OSError. Not mapped: a file cut short while it is read is then an error and
        no crash, and what was read does not count as memory of the process."""
        return self.filesystem.open_input_file(self.path)

    def stamp(self) -> tuple[str, int, str] | None:
        """Place, size, and time or hash of the contents: another one where these may be others.

        None where the place tells nothing of the kind. Raises DataError.
        """
        try:
            info = self.filesystem.get_file_info(self.path)
            changed = str(info.mtime_ns) if self.is_local else self._changed(info)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{self.name}: cannot look at it: {' '.join(str(error).split())}") from None
        return None if changed is None else (f"{self.filesystem.type_name}:{self.path}", info.size or 0, changed)

    def _changed(self, info: fs.FileInfo) -> str | None:
        handler = getattr(self.filesystem, "handler", None)
        if isinstance(handler, Foreign):
            return handler.changed(self.path)
        # The times of object stores may be whole seconds; their ETags and generations are as fine as the changes.
        with self.filesystem.open_input_file(self.path) as opened:
            told = {key: value for key, value in (opened.metadata() or {}).items() if key in _STATES}
        return repr((info.mtime_ns, sorted(told.items()))) if told or info.mtime_ns else None
