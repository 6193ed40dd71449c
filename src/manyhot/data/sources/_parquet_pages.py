"""What the headers of Parquet pages ask memory for, before Arrow believes them.

Arrow makes room for as many bytes and values as a page's header names: two bytes lost from a file of 24 KB made it take
6 GB. Its own view of the footer will not do for looking: what is wrong there ends the process (pyarrow 26,
`RowGroupMetaData.column`). The structs: https://github.com/apache/parquet-format, src/main/thrift/parquet.thrift.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import accumulate

import pyarrow as pa

from ._thrift import Fields, read_struct

__all__ = ["ParquetFooter"]

_PLENTY = 64 << 20  # bytes: less than this is no danger whatever the footer says, and writers' footers are not exact
_MANY = 4 << 20  # values, likewise
_HEADER, _LONGEST_HEADER = 4 << 10, 4 << 20  # bytes read for a header: at first; at most, as it may hold long texts


@dataclass(frozen=True)
class _Chunk:
    """A column's part of a row group: where its pages start, and what the footer says of all of them together."""

    column: str
    start: int
    packed: int
    unpacked: int
    num_values: int


class ParquetFooter:
    """num_rows: of each row group; none where the footer makes no sense, which Arrow will say."""

    def __init__(self, source: pa.NativeFile) -> None:
        self._source, size = source, source.size()
        end = source.read_at(8, max(0, size - 8))
        length = int.from_bytes(end[:4], "little")
        self._row_groups: list[Fields] = []
        try:
            footer, _ = read_struct(source.read_at(length, size - 8 - length) if length <= size - 8 else b"")
            self.num_rows = [int(group[3]) for group in footer.get(4, ())]
            self._row_groups = footer.get(4, [])
        except (IndexError, ValueError, KeyError, TypeError, AttributeError):
            self.num_rows = []
        self.ends = list(accumulate(self.num_rows))

    def check_row_group(self, number: int, columns: Collection[str]) -> None:
        """Raises ArrowInvalid where a page of these columns asks for far more than the footer says of all of them.

        A header that makes no sense ends the search in its column: Arrow will refuse it. Raises OSError.
        """
        try:
            chunks = [_chunk(column[3]) for column in self._row_groups[number][1]]
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            return
        for chunk in chunks:
            if chunk.column in columns:
                self._check_pages(chunk)

    def _check_pages(self, chunk: _Chunk) -> None:
        most_bytes, most_values = max(chunk.packed, chunk.unpacked, _PLENTY), max(chunk.num_values, _MANY)
        place, found = chunk.start, 0
        while found < chunk.num_values and 0 <= place < chunk.start + chunk.packed:
            header, length = self._header(place)
            unpacked, packed = (_whole(header.get(number)) for number in (2, 3))
            kinds = {kind: of for kind in (5, 7, 8) if isinstance(of := header.get(kind), dict)}
            num_values = sum(_whole(of.get(1)) for of in kinds.values())  # of data, a dictionary, data of version 2
            if min(unpacked, packed, num_values) < 0:
                return
            if max(unpacked, packed) > most_bytes or num_values > most_values:
                raise pa.ArrowInvalid(
                    f'column "{chunk.column}": the page at byte {place:,} claims {packed:,} bytes, unpacked '
                    f"{unpacked:,}, and {num_values:,} values, where the footer knows of {chunk.unpacked:,} bytes and "
                    f"{chunk.num_values:,} values"
                )
            place, found = place + length + packed, found + (0 if 7 in kinds else num_values)

    def _header(self, place: int) -> tuple[Fields, int]:
        """That of the page at a place and its length; empty where it is none."""
        size = _HEADER
        while size <= _LONGEST_HEADER:
            data = self._source.read_at(size, place)
            try:
                return read_struct(data)
            except IndexError:  # it goes on behind these bytes
                if len(data) < size:
                    break
                size *= 32
            except ValueError:
                break
        return {}, 0


def _whole(value: object) -> int:
    """-1 for what is no whole number."""
    return value if isinstance(value, int) else -1


def _chunk(data: Fields) -> _Chunk:
    """Of ColumnMetaData. Raises KeyError and the like where it makes no sense."""
    start = min(int(data[9]), int(data.get(11) or data[9]))
    return _Chunk(bytes(data[3][0]).decode(errors="replace"), start, int(data[7]), int(data[6]), int(data[5]))
