"""Examples and fitted encoders kept on disk, keyed by what they were made from, so that a second run skips encoding."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from manyhot.errors import DataError
from manyhot.schema import Schema
from manyhot.storage import made_folder, sweep

from ._batches import Rejects
from ._encoder import EncodedChunk, Encoder
from ._encoder_file import ENCODING, load_encoder, save_encoder
from ._examples import Examples, write_examples
from ._reject_file import write_rejects
from .sources import Source

__all__ = ["ExampleCache"]

_IGNORE = "# Made by manyhot; may be deleted at any time.\n*\n"


class ExampleCache:
    """A folder of Examples; without a folder everything stays in memory.

    What comes from a source without a fingerprint is not kept for a second run, but it lies in the folder all the same
    as long as it is used, in a file without a name, so that it need not fit in memory.

    num_threads: that encode; None is all cores. memory_limit: in bytes, of encoded rows that lie in files, as in
    `Examples.kept_within`.
    """

    def __init__(self, folder: Path | None, *, num_threads: int | None = None, memory_limit: int | None = None) -> None:
        self.folder, self._num_threads, self._memory_limit = folder, num_threads, memory_limit

    def fit(self, schema: Schema, source: Source, *, rejects: Rejects | None = None) -> tuple[Encoder, bool]:
        """The encoder fitted on the good rows of the source, and whether it was there already.

        rejects: as in `Encoder.fit`; of an encoder that was there their number alone. Raises DataError where there are
        no rows, BadRowsError.
        """
        rejects = rejects or Rejects()
        path = self._path("encoder", source, json.dumps(schema.to_dict()))
        if path is not None and path.exists():
            encoder, num_read, num_rejected = load_encoder(path)
            if rejects.limits.bear(num_rejected, num_read):
                rejects.num_read, rejects.num_rejected = num_read, num_rejected
                return encoder, True
        with self._folder_for(path):
            encoder = Encoder.fit(schema, source, num_threads=self._num_threads, rejects=rejects)
            if rejects.num_read == rejects.num_rejected:
                raise DataError(f"{source.name}: there are no {'good ' if rejects.num_read else ''}rows to learn from")
            if path is not None:
                save_encoder(path, encoder, num_read=rejects.num_read, num_rejected=rejects.num_rejected)
        return encoder, False

    def encode(
        self, encoder: Encoder, source: Source, *, with_labels: bool = True, rejects: Rejects | None = None
    ) -> tuple[Examples, bool]:
        """The encoded good rows of the source, and whether they were there already.

        rejects: as in `Encoder.encode`; those of rows that were there already are given, too.
        """
        rejects = rejects or Rejects()
        num_fields = len(encoder.schema.fields)
        path = self._path("examples", source, f"{encoder.fingerprint()} {with_labels}")
        if path is not None and path.exists():
            examples = Examples.open(path)
            if rejects.load(_rejects_of(path), examples.num_rows):  # else another pass names the bad rows
                return examples.kept_within(self._memory_limit), True
        chunks = encoder.encode(source, with_labels=with_labels, num_threads=self._num_threads, rejects=rejects)
        if self.folder is None:
            return Examples(chunks, num_fields), False
        with self._folder_for(self.folder):
            if path is None:
                examples = Examples.nameless(self.folder, chunks, num_fields)
                return examples.kept_within(self._memory_limit), False
            write_examples(path, self._with_rejects(path, chunks, rejects), num_fields)
        return Examples.open(path).kept_within(self._memory_limit), False

    def clear(self) -> None:
        """Deletes the folder."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, kind: str, source: Source, made_from: str) -> Path | None:
        fingerprint = source.fingerprint() if self.folder is not None else None
        if self.folder is None or fingerprint is None:
            return None
        key = hashlib.sha256("\n".join([ENCODING, kind, fingerprint, made_from]).encode()).hexdigest()[:24]
        return self.folder / f"{kind}-{key}.{'arrow' if kind == 'examples' else 'safetensors'}"

    @contextlib.contextmanager
    def _folder_for(self, path: Path | None) -> Iterator[None]:
        """Makes the folder before rows are read; where that fails, it leaves nothing."""
        if self.folder is None or path is None:
            yield
            return
        ignore = self.folder / ".gitignore"
        try:
            with made_folder(self.folder):
                is_new = not ignore.exists()
                if is_new:
                    ignore.write_text(_IGNORE)
                sweep(self.folder)  # a killed training's gigabytes, which another experiment would never write again
                try:
                    yield
                except BaseException:
                    if is_new:
                        ignore.unlink(missing_ok=True)
                    raise
        except OSError as error:
            raise DataError(f"{self.folder}: cannot keep encoded rows here: {error.strerror or error}") from None

    @staticmethod
    def _with_rejects(path: Path, chunks: Iterator[EncodedChunk], rejects: Rejects) -> Iterator[EncodedChunk]:
        """The chunks; then, before Examples appear at the path, the file of their rejects, where there are any."""
        yield from chunks
        if rejects.num_rejected:
            write_rejects(_rejects_of(path), {"": rejects.batches()})


def _rejects_of(examples: Path) -> Path:
    return examples.with_suffix(".rejects.parquet")
