"""Thrift's compact protocol, in which Parquet writes its headers, as plain Python values.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import Any

__all__ = ["Fields", "read_struct"]

Fields = dict[int, Any]  # by number: whole numbers, bytes, lists, and Fields
_DEEPEST = 16


def read_struct(data: bytes, start: int = 0) -> tuple[Fields, int]:
    """The struct that starts at a byte, and where it ends.

    Raises IndexError where it goes on behind the end of data, ValueError where it makes no sense.
    """
    reader = _Reader(data, start)
    fields = reader.struct(0)
    return fields, reader.at


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def struct(self, depth: int) -> Fields:
        if depth > _DEEPEST:
            raise ValueError("nested too deeply")
        fields: Fields = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._signed()
            kind = head & 15
            fields[number] = kind == 1 if kind < 3 else self._value(kind, depth)  # a boolean stands in the head
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (4, 5, 6):  # of 16, 32 and 64 bits
            return self._signed()
        if kind == 8:
            return self._bytes(self._varint())
        if kind == 12:
            return self.struct(depth + 1)
        if kind in (9, 10):
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._varint()
            return [self._value(head & 15, depth + 1) for _ in range(count)]
        if kind in (1, 2, 3):
            return self._byte()
        if kind == 7:
            return self._bytes(8)  # a double, which no header that is looked at has
        raise ValueError("no such type")

    def _bytes(self, count: int) -> bytes:
        self.at += count
        if self.at > len(self.data):
            raise IndexError
        return self.data[self.at - count : self.at]

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _varint(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7
            if shift > 63:
                raise ValueError("a number too long")

    def _signed(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)
