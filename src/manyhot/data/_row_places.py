"""Where encoded rows come from: Examples do not say it, so that it is looked up when somebody asks."""

from __future__ import annotations

from collections.abc import Sequence

from manyhot.errors import DataError

from ._batches import Rejects
from ._encoder import Encoder
from ._fields import wanted_columns
from .sources import Source

__all__ = ["places_of"]


def places_of(encoder: Encoder, source: Source, rows: Sequence[int]) -> list[str]:
    """ "clicks.csv:17" or "clicks.parquet, row 17" for each of these numbers, from 0, of good rows of the source.

    Reads the source up to the last of them. Raises DataError where it cannot be read, or holds fewer good rows.
    """
    places: dict[int, str] = {}
    wanted, first = sorted(set(rows)), 0
    columns = wanted_columns(encoder.schema, with_labels=True)
    for batch in source.batches(columns, Rejects()):
        if len(places) == len(wanted):
            break
        _, reasons = encoder.encode_batch(batch, with_labels=True)
        good = batch.without(reasons) if reasons else batch
        end = first + good.batch.num_rows
        places |= {row: good.place(row - first) for row in wanted if first <= row < end}
        first = end
    if len(places) < len(wanted):
        raise DataError(f"{source.name}: holds {first:,} good rows now, and had more when they were encoded")
    return [places[row] for row in rows]
