"""libsvm, libffm and VW text: a line of pairs is a row of bags. The native parser is native/line_bags.hpp."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from manyhot.kernels import BagBuffers, LineFault, LineFormat, TextBuffers, parse_lines

from .._batches import Rejects, SourceBatch
from ._file import File
from ._lines import Block, RowLines, blocks, reject_line

__all__ = ["LineBagsFormat"]

_TEXTS = {
    LineFormat.LIBSVM: ("label", "qid"),
    LineFormat.LIBFFM: ("label", "comment"),
    LineFormat.VW: ("label", "importance", "base", "tag"),
}
_FAULTS = {
    LineFault.EMPTY_TOKEN: "holds an empty token",
    LineFault.NO_WEIGHT: "holds a pair without a weight",
    LineFault.BAD_WEIGHT: "holds a weight that is no number",
    LineFault.NOT_FINITE: "holds a weight that is not finite",
    LineFault.NOT_THREE_PARTS: "holds something that is not field:feature:value",
    LineFault.NO_BAR: 'has no "|" before its features',
    LineFault.TOO_MANY_VALUES: 'has more than label, importance and base before the first "|"',
    LineFault.NO_NAME: "has no name before a colon",
}


class LineBagsFormat:
    """Single values are text columns; every other column is a bag, list<struct<token string, weight float>>.

    A bag that is named like one of the single values is the column "|label" and so on.
    """

    def __init__(self, line_format: LineFormat) -> None:
        self._format, self._texts = line_format, _TEXTS[line_format]

    def columns(self, file: File) -> None:
        """Only reading every line would tell."""

    def batches(self, file: File, columns: list[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """A batch for each block of lines; a line that cannot be taken apart goes to the rejects."""
        first_row = 0
        for block in blocks(file, self._format.name.lower(), rejects):
            batch = self._batch(file, block, columns, first_row, rejects)
            first_row += batch.batch.num_rows
            yield batch

    def _batch(self, file: File, block: Block, columns: list[str], first_row: int, rejects: Rejects) -> SourceBatch:
        wanted = {column: self._bag(column) for column in columns if column not in self._texts}
        bag_names = list(dict.fromkeys(wanted.values()))
        parsed = parse_lines(block.data, self._format, bag_names)
        for bad in parsed.bad:
            why = f"{_FAULTS[bad.fault]}: {_shown(bad.piece)}"
            reject_line(rejects, file.name, block.first_line + bad.line, why)
        texts = {name: _text_array(buffers) for name, buffers in zip(self._texts, parsed.texts, strict=True)}
        bags = {name: _bag_array(buffers) for name, buffers in zip(bag_names, parsed.bags, strict=True)}
        arrays = [texts[column] if column in texts else bags[wanted[column]] for column in columns]
        names = {name for name, array in texts.items() if array.null_count < len(array)}
        names |= {self._column(name) for name, array in bags.items() if not pa.types.is_null(array.type)}
        names |= {self._column(name) for name in parsed.others}
        names |= {column for column, bag in wanted.items() if self._column(bag) in names}
        lines = RowLines(first_row, parsed.lines + block.first_line)
        return SourceBatch(pa.record_batch(arrays, columns), file.name, first_row, lines, names=frozenset(names))

    def _bag(self, column: str) -> str:
        return column.removeprefix("|")

    def _column(self, bag: str) -> str:
        return f"|{bag}" if bag in self._texts else bag


def _text_array(text: TextBuffers) -> pa.Array:
    bitmap = np.packbits(text.present, bitorder="little")
    buffers = [pa.py_buffer(part) for part in (bitmap, text.offsets, text.bytes)]
    return pa.Array.from_buffers(pa.string(), len(text.present), buffers)


def _bag_array(bag: BagBuffers) -> pa.Array:
    """All null where no row has a pair: a name that never occurs may have been meant for anything."""
    if not len(bag.weights):
        return pa.nulls(len(bag.offsets) - 1)
    tokens = pa.StringArray.from_buffers(len(bag.weights), pa.py_buffer(bag.token_offsets), pa.py_buffer(bag.bytes))
    pairs = pa.StructArray.from_arrays([tokens, pa.array(bag.weights)], ["token", "weight"])
    return pa.ListArray.from_arrays(pa.array(bag.offsets), pairs)


def _shown(piece: bytes) -> str:
    text = piece[:240].decode(errors="ignore")
    return repr(text if len(text) <= 60 else text[:57] + "...")
