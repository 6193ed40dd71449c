"""TableLayout: where each vocabulary's rows lie in the one stacked table, and what the kernels need of each field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from manyhot.errors import ConfigError
from manyhot.kernels import Int32s
from manyhot.schema import Schema

from ._encoder import Encoder

__all__ = ["TableLayout"]

_COMBINERS = ("sum", "mean", "sqrtn")  # the order of `enum class Combiner` in native/examples.hpp


@dataclass(frozen=True)
class TableLayout:
    """ranges: vocabulary -> its rows (start, stop); bases int32 [F]: first row of each field's vocabulary;
    combiners uint8 [F]: 0 sum, 1 mean, 2 sqrtn; field_names: F of them. Fields of one vocabulary have one base: they
    share its rows."""

    ranges: dict[str, tuple[int, int]]
    bases: Int32s
    combiners: npt.NDArray[np.uint8]
    field_names: tuple[str, ...]

    @classmethod
    def of(cls, encoder: Encoder) -> TableLayout:
        """The layout for a fitted encoder. Raises ConfigError where there are more rows than int32 ids can name."""
        return cls.of_sizes(encoder.schema, {name: v.size for name, v in encoder.vocabularies.items()})

    @classmethod
    def of_sizes(cls, schema: Schema, sizes: dict[str, int]) -> TableLayout:
        """The layout for vocabularies of these sizes (OOV included), stacked in the order of their names."""
        ranges, start = {}, 0
        for name in sorted(sizes):
            ranges[name] = (start, start + sizes[name])
            start += sizes[name]
        if start >= 2**31:
            raise ConfigError(
                f"the vocabularies have {start} tokens, more than 2^31 - 1; raise min_count or set max_size"
            )
        bases = np.array([ranges[f.vocabulary_name][0] for f in schema.fields], np.int32)
        combiners = np.array([_COMBINERS.index(f.effective_combiner) for f in schema.fields], np.uint8)
        return cls(ranges, bases, combiners, tuple(f.name for f in schema.fields))

    @property
    def num_rows(self) -> int:
        """V of all vocabularies together."""
        return max(stop for _, stop in self.ranges.values())

    @property
    def vocabulary_of(self) -> dict[str, str]:
        """Field -> the name of its vocabulary, in the order of the fields."""
        names = {start: name for name, (start, _) in self.ranges.items()}
        return {field: names[base] for field, base in zip(self.field_names, self.bases.tolist(), strict=True)}

    @property
    def num_fields(self) -> int:
        """F."""
        return len(self.bases)
