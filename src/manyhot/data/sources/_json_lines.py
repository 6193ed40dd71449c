"""JSON Lines: an object a line; its keys are columns."""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from manyhot.errors import DataError

from .._batches import Rejects, SourceBatch
from ._file import File
from ._lines import Block, RowLines, blocks, reject_line
from ._value_batch import ValueBatch, batch_of
from ._without import without

__all__ = ["JsonLinesFormat"]

_BLOCK = 1 << 20
_ABSENT = msgspec.UNSET  # the value of a key that an object does not have


class JsonLinesFormat:
    """Only the wanted keys are decoded; an absent one and null are a missing value. Values: `_values.py`."""

    def columns(self, file: File) -> None:
        """Only reading every line would tell."""

    def batches(self, file: File, columns: list[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """A batch for each block of lines; a line that is no JSON object goes to the rejects."""
        for column in columns:
            _check_name(file, column)
        # Attributes are numbered, as keys may be words that Python does not take for names.
        keys = {f"c{i}": column for i, column in enumerate(columns)}
        row_type = msgspec.defstruct("Row", [(name, Any, _ABSENT) for name in keys], rename=keys.get, gc=False)
        decoder = msgspec.json.Decoder(row_type)
        first_row = 0
        for block in blocks(file, "JSON Lines", rejects, _BLOCK):
            if block.first_line == 1 and block.data.lstrip().startswith(b"["):
                raise DataError(
                    f"{file.name}: is one JSON array; JSON Lines has an object a line, which `jq -c '.[]'` makes of it"
                )
            with _no_collection():
                rows, lines = _decoded(file, block, decoder, rejects)
                values = _values(rows, columns, _some_names(block))
            place = RowLines(first_row, np.array(lines, np.int64))
            batch = SourceBatch(values.columns(columns), file.name, first_row, place, names=values.names)
            first_row += len(rows)
            yield without(batch, values.reasons(columns), rejects)


def _check_name(file: File, column: str) -> None:
    """Raises DataError where the decoder would not take the name."""
    if any(c < " " or c in '"\\' or "\ud800" <= c <= "\udfff" for c in column):
        raise DataError(
            f"{file.name}: the key {json.dumps(column)} cannot be read: it holds a quote, a backslash, a control "
            "character or half of a surrogate pair; rename it"
        )


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Without Python's search for cycles: so many new lists would have it search again and again, to find none.

    It takes half of the time of reading nested values.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _decoded(
    file: File, block: Block, decoder: msgspec.json.Decoder[Any], rejects: Rejects
) -> tuple[list[Any], list[int]]:
    """The rows of a block, and the line of each."""
    rows, lines = [], []
    for number, line in enumerate(block.data.split(b"\n"), block.first_line):
        if not line or line.isspace():
            continue
        try:
            rows.append(decoder.decode(line))
            lines.append(number)
        except (msgspec.DecodeError, RecursionError) as error:
            why = "it is nested too deeply" if isinstance(error, RecursionError) else error
            reject_line(rejects, file.name, number, f"is no JSON object: {why}")
    return rows, lines


def _values(rows: list[Any], columns: list[str], names: set[str]) -> ValueBatch:
    """names: of columns that occur, to which the wanted ones that do are added."""
    values = {}
    for column, given in zip(columns, zip(*map(msgspec.structs.astuple, rows), strict=True), strict=bool(rows)):
        if any(value is not _ABSENT for value in given):
            names.add(column)
        is_whole = _ABSENT not in given
        values[column] = list(given) if is_whole else [None if value is _ABSENT else value for value in given]
    return batch_of(values, names)


def _some_names(block: Block) -> set[str]:
    """The keys of the block's first line: what to name where a wanted one never occurs."""
    try:
        return set(msgspec.json.decode(block.data.partition(b"\n")[0], type=dict[str, msgspec.Raw]))
    except (msgspec.DecodeError, RecursionError):
        return set()
