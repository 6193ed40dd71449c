"""Which rows of the stacked table move by which optimizers."""

from __future__ import annotations

from manyhot.data import TableLayout
from manyhot.kernels import Float32s, RowRange, row_stride, state_places
from manyhot.schema import TableOptimizer, TableOptimizers

__all__ = ["numbers_of", "row_ranges", "set_first_states", "stride_of"]


def row_ranges(layout: TableLayout, optimizer: TableOptimizer | TableOptimizers) -> tuple[RowRange, ...]:
    """The ranges of all rows; neighbouring vocabularies with equal optimizers are one."""
    ranges: list[RowRange] = []
    for name, (_, stop) in sorted(layout.ranges.items(), key=lambda item: item[1]):
        latent, linear = optimizer.of(name)
        if ranges and (ranges[-1].latent, ranges[-1].linear) == (latent, linear):
            ranges.pop()
        ranges.append(RowRange(stop, latent, linear))
    return tuple(ranges)


def stride_of(dim: int, ranges: tuple[RowRange, ...]) -> int:
    """Floats from one row to the next: one number for the whole table, by the rules that keep most."""
    return max(row_stride(dim, of.latent.optimizer, of.linear.optimizer) for of in ranges)


def numbers_of(dim: int, ranges: tuple[RowRange, ...]) -> int:
    """Of them those that any rule uses: weights and states; the rest of a row is padding, always 0."""
    places = [state_places(dim, of.latent.optimizer, of.linear.optimizer) for of in ranges]
    numbers: int = max([dim + 1, *(place.stop for latent, linear in places for place in (*latent, *linear))])
    return numbers


def set_first_states(table: Float32s, dim: int, ranges: tuple[RowRange, ...]) -> None:
    """Sums of squares begin at initial_accumulator; all other states are 0 as the table comes."""
    first = 0
    for of in ranges:
        latent, linear = state_places(dim, of.latent.optimizer, of.linear.optimizer)
        for optimizer, states in ((of.latent, latent), (of.linear, linear)):
            if states:
                table[first : of.end, states[0]] = optimizer.first_state
        first = of.end
