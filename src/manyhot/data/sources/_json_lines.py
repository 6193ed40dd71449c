"""JSON Lines: an object a line; its keys are columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from manyhot.errors import DataError

from .._batches import Rejects, SourceBatch
from ._file import File
from ._lines import Block, RowLines, blocks, reject_line
from ._value_batch import ABSENT, batch_of
from ._without import without

__all__ = ["JsonLinesFormat"]

_MOST_NESTED = "is nested too deeply to be read as JSON"


class JsonLinesFormat:
    """Only the wanted keys are decoded; an absent one and null are a missing value. Values: `_values.py`."""

    def columns(self, file: File) -> None:
        """Only reading every line would tell."""

    def batches(self, file: File, columns: list[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """A batch for each block of lines; a line that is no JSON object goes to the rejects."""
        # Attributes are numbered, as keys may be words that Python does not take for names.
        keys = {f"c{i}": column for i, column in enumerate(columns)}
        row_type = msgspec.defstruct("Row", [(name, Any, ABSENT) for name in keys], rename=keys.get)
        decoder = msgspec.json.Decoder(row_type)
        first_row = 0
        for block in blocks(file, "JSON Lines", rejects):
            if block.first_line == 1 and block.data.lstrip().startswith(b"["):
                raise DataError(
                    f"{file.name}: is one JSON array; JSON Lines has an object a line, which `jq -c '.[]'` makes of it"
                )
            rows, lines = _decoded(file, block, decoder, rejects)
            values = batch_of({column: [getattr(row, name) for row in rows] for name, column in keys.items()})
            place, names = RowLines(file.name, first_row, np.array(lines, np.int64)), values.names | _some_names(block)
            batch = SourceBatch(values.columns(columns), file.name, first_row, place, names)
            first_row += len(rows)
            yield without(batch, values.reasons(columns), rejects)


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
            why = _MOST_NESTED if isinstance(error, RecursionError) else f"is no JSON object: {error}"
            reject_line(rejects, file.name, number, why)
    return rows, lines


def _some_names(block: Block) -> frozenset[str]:
    """The keys of the block's first row: what to name where a wanted one never occurs."""
    for line in block.data.split(b"\n", 2):
        try:
            return frozenset(msgspec.json.decode(line, type=dict[str, msgspec.Raw]))
        except (msgspec.DecodeError, RecursionError):
            continue
    return frozenset()
