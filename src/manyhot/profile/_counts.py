"""Counts: distinct tokens and how often each occurs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Counts", "count"]

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Counts:
    """tokens: large_string [V], the most frequent first, ties by token; times: int64 [V]."""

    tokens: pa.Array
    times: Int64s

    def __len__(self) -> int:
        return len(self.times)

    @property
    def total(self) -> int:
        """Occurrences of all tokens."""
        return int(self.times.sum())

    @property
    def share_once(self) -> float:
        """Of the tokens, those that occur once."""
        return float((self.times == 1).mean()) if len(self) else 0.0

    def top(self, number: int) -> list[str]:
        """The most frequent tokens."""
        tokens: list[str] = self.tokens[:number].to_pylist()
        return tokens

    def joined(self, other: Counts) -> Counts:
        """Of both together, as one vocabulary counts them."""
        table = pa.table(
            {
                "token": pa.concat_arrays([self.tokens, other.tokens]),
                "times": np.concatenate([self.times, other.times]),
            }
        )
        summed = table.group_by("token").aggregate([("times", "sum")])
        return _sorted(summed["token"].combine_chunks(), summed["times_sum"].combine_chunks())


def count(strings: pa.Array) -> Counts:
    """Of large strings; null and "" are missing values and no tokens."""
    counted = pc.value_counts(strings.filter(pc.greater(pc.fill_null(pc.binary_length(strings), 0), 0)))
    return _sorted(counted.field("values"), counted.field("counts"))


def _sorted(tokens: pa.Array, times: pa.Array) -> Counts:
    order = pc.sort_indices(
        pa.table({"token": tokens, "times": times}), sort_keys=[("times", "descending"), ("token", "ascending")]
    )
    return Counts(tokens.take(order), np.asarray(times.take(order)).astype(np.int64))
