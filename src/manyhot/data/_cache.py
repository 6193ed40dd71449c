"""Examples and fitted encoders kept on disk, keyed by what they were made from, so that a second run skips encoding."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from manyhot.errors import DataError, ManyhotError
from manyhot.schema import Schema

from ._encoder import Encoder
from ._examples import Examples, write_examples
from ._whole_file import whole_file
from .sources import Source

__all__ = ["ExampleCache"]

# Part of every key: to be raised whenever the same rows would be encoded or stored differently.
_FORMAT = "2"
_IGNORE = "# Made by manyhot; may be deleted at any time.\n*\n"


class ExampleCache:
    """A folder of Examples; without a folder everything stays in memory.

    What comes from a source without a fingerprint is not kept for a second run, but it lies in the folder all the same
    as long as it is used, in a file without a name, so that it need not fit in memory.

    num_threads: that encode; None is all cores.
    """

    def __init__(self, folder: Path | None, *, num_threads: int | None = None) -> None:
        self.folder, self._num_threads = folder, num_threads

    def fit(self, schema: Schema, source: Source) -> tuple[Encoder, bool]:
        """The encoder fitted on the source, and whether it was there already."""
        path = self._path("encoder", source, json.dumps(schema.to_dict()))
        if path is not None and path.exists():
            return _load_encoder(path), True
        encoder = Encoder.fit(schema, source, num_threads=self._num_threads)
        if path is not None:
            _save_encoder(path, encoder)
        return encoder, False

    def encode(self, encoder: Encoder, source: Source, *, with_labels: bool = True) -> tuple[Examples, bool]:
        """The encoded rows of the source, and whether they were there already."""
        num_fields = len(encoder.schema.fields)
        path = self._path("examples", source, f"{encoder.fingerprint()} {with_labels}")
        if path is not None and path.exists():
            return Examples.open(path), True
        chunks = encoder.encode(source, with_labels=with_labels, num_threads=self._num_threads)
        if self.folder is None:
            return Examples(chunks, num_fields), False
        if path is None:
            self._make_folder(self.folder)
            return Examples.nameless(self.folder, chunks, num_fields), False
        write_examples(path, chunks, num_fields)
        return Examples.open(path), False

    def clear(self) -> None:
        """Deletes the folder."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, kind: str, source: Source, made_from: str) -> Path | None:
        fingerprint = source.fingerprint() if self.folder is not None else None
        if self.folder is None or fingerprint is None:
            return None
        self._make_folder(self.folder)
        key = hashlib.sha256("\n".join([_FORMAT, kind, fingerprint, made_from]).encode()).hexdigest()[:24]
        return self.folder / f"{kind}-{key}.{'arrow' if kind == 'examples' else 'safetensors'}"

    def _make_folder(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            ignore = folder / ".gitignore"
            if not ignore.exists():
                ignore.write_text(_IGNORE)
        except OSError as error:
            raise DataError(f"{folder}: cannot keep encoded rows here: {error.strerror}") from None


def _save_encoder(path: Path, encoder: Encoder) -> None:
    settings, arrays = encoder.state()
    with whole_file(path) as part:
        save_file({k: np.ascontiguousarray(a) for k, a in arrays.items()}, part, {"encoder": json.dumps(settings)})


def _load_encoder(path: Path) -> Encoder:
    try:
        with safe_open(path, "numpy") as file:
            settings = json.loads(file.metadata()["encoder"])
            return Encoder.from_state(settings, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, ManyhotError) as error:
        raise DataError(f"{path}: cannot read this encoder, delete it to fit anew: {error}") from None
