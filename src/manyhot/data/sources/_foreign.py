"""fsspec's filesystems as Arrow calls them: their errors are OSErrors, their HTTP files work with any server."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from pyarrow import fs

__all__ = ["Foreign"]


class Foreign(fs.FSSpecHandler):  # type: ignore[misc]  # pyarrow has no types
    """A handler for reading. `changed` tells one state of a file from another."""

    def get_file_info(self, paths: list[str]) -> list[fs.FileInfo]:
        """As Arrow asks for it. Raises OSError."""
        with _as_oserror():
            return [self._info(path) for path in paths]

    def get_file_info_selector(self, selector: fs.FileSelector) -> list[fs.FileInfo]:
        """Of what lies in a folder. Raises OSError."""
        with _as_oserror():
            found: list[fs.FileInfo] = super().get_file_info_selector(selector)
            return found

    def open_input_stream(self, path: str) -> pa.NativeFile:
        """The bytes in order. Raises OSError."""
        with _as_oserror():
            # An HTTP server need not know parts of files: read from the start to the end in one answer.
            options = {"block_size": 0} if self._is_http else {}
            return pa.PythonFile(_Guarded(self.fs.open(path, "rb", **options)), mode="r")

    def open_input_file(self, path: str) -> pa.NativeFile:
        """The bytes in any order. Raises OSError."""
        with _as_oserror():
            file = self.fs.open(path, "rb")
            if self._is_http and not _seeks(file):
                file.close()
                file = tempfile.TemporaryFile()  # noqa: SIM115  whoever reads it closes it
                with self.fs.open(path, "rb", block_size=0) as stream:
                    shutil.copyfileobj(stream, file)
                file.seek(0)
            return pa.PythonFile(_Guarded(file), mode="r")

    def changed(self, path: str) -> str | None:
        """Another text where the file may be another; None where the filesystem does not tell."""
        with _as_oserror():
            info = self.fs.info(path)
            told = {key: str(info[key]) for key in _CHANGES if info.get(key) is not None}
            return repr(sorted(told.items())) if told else None

    @property
    def _is_http(self) -> bool:
        protocol = self.fs.protocol
        return "http" in ((protocol,) if isinstance(protocol, str) else protocol)

    def _info(self, path: str) -> fs.FileInfo:
        try:
            info = self.fs.info(path)
        except FileNotFoundError as error:
            # Of a web server this may also be a refused connection, or a page that needs a password.
            if self._is_http and error.__cause__ and getattr(error.__cause__, "status", None) not in (404, 410):
                raise OSError(_told(error.__cause__)) from None
            return fs.FileInfo(path, fs.FileType.NotFound)
        kind = fs.FileType.Directory if info["type"] == "directory" else fs.FileType.File
        return fs.FileInfo(path, kind, size=info.get("size") if kind == fs.FileType.File else None)


# What filesystems call the time of the last change, or a hash of the contents. A size alone would not do.
_CHANGES = (
    *("mtime", "created", "modified", "updated", "LastModified", "last_modified", "Last-Modified"),
    *("ETag", "etag", "e_tag", "Content-MD5", "Digest", "content_md5", "md5Hash", "generation", "sha"),
)


class _Guarded:
    """A file whose foreign errors are OSErrors, and whose read returns all it is asked for."""

    def __init__(self, file: Any) -> None:
        self._file = file

    @property
    def closed(self) -> bool:
        return bool(self._file.closed)

    def read(self, size: int = -1) -> bytes:
        with _as_oserror():
            parts = [self._file.read(size)]
            missing = size - len(parts[0])
            while size > 0 and missing > 0 and parts[-1]:
                parts.append(self._file.read(missing))
                missing -= len(parts[-1])
            return b"".join(parts)

    def seek(self, place: int, whence: int = 0) -> int:
        with _as_oserror():
            return int(self._file.seek(place, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()


def _seeks(file: Any) -> bool:
    """Whether the last byte can be had without the others."""
    try:
        file.seek(-1, 2)
        file.read(1)
        file.seek(0)
    except ValueError:
        return False
    return True


@contextlib.contextmanager
def _as_oserror() -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException):
        raise
    except Exception as error:  # noqa: BLE001  fsspec's packages have exceptions of their own
        raise OSError(f"{type(error).__name__}: {_told(error)}") from None


def _told(error: BaseException) -> str:
    """The text of an error in one line, URLs in it without user, password and options."""
    return re.sub(r"(://)[^/@\s]*@|(?<=\w)\?[^\s'\"]*", r"\1", " ".join(str(error).split()))
