"""The bytes of a CSV file in blocks of whole records."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from manyhot.kernels import QuoteScan

__all__ = ["UnendedRecord", "csv_blocks"]

_BLOCK = 8 << 20
_LONGEST = 1 << 30
_MARK = b"\xef\xbb\xbf"


class UnendedRecord(Exception):
    """The record behind the last block does not end as it should; says in words what is wrong."""


def csv_blocks(stream: pa.NativeFile, delimiter: str, quote: bool) -> Iterator[bytes]:
    """Blocks of about 8 MiB that end where a record ends; a longer record makes a longer block. No byte order mark.

    Raises UnendedRecord where a quote is not closed as it should be, since all rows up to the next quote, or to the end
    of the file, would be one value.
    """
    scan = QuoteScan(delimiter.encode()) if quote else None
    pending: list[bytes] = []
    piece = stream.read(_BLOCK)
    while 0 < len(piece) < len(_MARK) and (more := stream.read(_BLOCK)):
        piece += more
    skipped = len(_MARK) if piece.startswith(_MARK) else 0
    while piece:
        end = scan.feed(piece) if scan else _last_end(piece, pending)
        if end >= skipped:
            yield b"".join([*pending, piece[skipped:end]])
            pending, skipped = [], end
        pending.append(piece[skipped:])
        skipped = 0
        if scan and scan.is_wrong:
            raise UnendedRecord("a closed quote is followed by other text than a delimiter")
        if sum(map(len, pending)) > _LONGEST:
            raise UnendedRecord("it is longer than 1 GiB, as if a quote were not closed")
        piece = stream.read(_BLOCK)
    if scan and not scan.is_closed:
        raise UnendedRecord("a quote is not closed")
    if any(pending):
        yield b"".join(pending)


def _last_end(piece: bytes, before: list[bytes]) -> int:
    """What `QuoteScan.feed` returns, where quotes are characters like others."""
    end = max(piece.rfind(b"\n"), piece.rfind(b"\r", 0, len(piece) - 1)) + 1
    if end:
        return end
    return 0 if before and before[-1].endswith(b"\r") and not piece.startswith(b"\n") else -1
