"""What the kernels refuse, in plain Python. The reference asks here; the native kernels ask the same of every array in
C++ (native/checks.hpp), and here only what their wrapper follows by itself.

TypeError: another dtype, another number of axes, not C-contiguous, not writable. ValueError: all else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ._contract import Float32s, Gradients, Int32s, Jagged, Lookup, OptimizerStep, Outputs, RowPlan, state_places

__all__ = [
    "check_chunk",
    "check_counts",
    "check_dim",
    "check_gather",
    "check_gradients",
    "check_jagged",
    "check_move",
    "check_plan",
    "check_ranges",
    "check_step",
    "check_threads",
    "examples_of",
    "flat_labels",
    "is_array",
]

MOST = 2**31 - 1  # bags, pairs: counted in int32
_MOST_DIM = 2**24
_LARGEST = float(np.finfo(np.float32).max)


def is_array(array: object, dtype: npt.DTypeLike, ndim: int, *, writable: bool = False) -> None:
    """Raises TypeError or ValueError where it is none."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != ndim:
        raise TypeError(f"needs an array of {np.dtype(dtype)} with {ndim} axes")
    if not array.flags.c_contiguous or (writable and not array.flags.writeable):
        raise TypeError("an array is not contiguous, or it is read-only")
    if not array.flags.aligned:
        raise ValueError("an array is not aligned to the size of its numbers")


def examples_of(jagged: Jagged) -> int:
    """B."""
    is_array(jagged.offsets, np.int32, 1)
    check_counts(jagged.num_fields, 1)
    num_bags = len(jagged.offsets) - 1
    if num_bags < 0 or num_bags % jagged.num_fields:
        raise ValueError("offsets must hold B*F+1 numbers")
    return num_bags // jagged.num_fields


def check_dim(lookup: Lookup) -> None:
    """D of a row that has room for it."""
    is_array(lookup.table, np.float32, 2, writable=True)
    if not 0 <= lookup.dim < min(lookup.table.shape[1], _MOST_DIM + 1):
        raise ValueError("the table's rows are too short for its dimension and state")
    check_threads(lookup.num_threads)


def check_threads(num_threads: int) -> None:
    """How many threads may be asked for; more than are useful are not started."""
    if not isinstance(num_threads, int):
        raise TypeError("num_threads is no whole number")
    if not 1 <= num_threads <= MOST:
        raise ValueError("num_threads must be at least 1")


def check_counts(num_fields: int, num_labels: int) -> None:
    """Of an ExampleStore."""
    if not (1 <= num_fields <= MOST and 1 <= num_labels <= MOST):
        raise ValueError("the numbers of fields and of labels must lie in 1 .. 2^31 - 1")


def check_jagged(jagged: Jagged, num_table_rows: int) -> None:
    """Its arrays; examples_of looks at the number of fields."""
    is_array(jagged.ids, np.int32, 1)
    _weights(jagged.weights, len(jagged.ids))
    _offsets(jagged.offsets, len(jagged.ids))
    _inside(jagged.ids, num_table_rows, "an id lies outside the table")


def check_plan(lookup: Lookup, plan: RowPlan, num_bags: int) -> None:
    """A plan of a batch with so many bags."""
    for part in (plan.rows, plan.starts, plan.bags):
        is_array(part, np.int32, 1)
    if len(plan.starts) != len(plan.rows) + 1:
        raise ValueError("the parts of the row plan differ in length")
    _weights(plan.weights, len(plan.bags))
    _offsets(plan.starts, len(plan.bags))
    _rising(plan.rows, len(lookup.table))
    _inside(plan.bags, num_bags, "a bag of the row plan lies outside the batch")


def check_gradients(lookup: Lookup, outputs: Outputs, gradients: Gradients) -> int:
    """Of a batch with outputs of these shapes; the number of its bags."""
    is_array(outputs.linear, np.float32, 2)
    num_examples, num_fields = len(outputs.linear), int(outputs.linear.shape[1])
    if not 1 <= num_fields <= MOST or num_examples * num_fields > MOST:
        raise ValueError("the number of fields or of bags is not one of a batch")
    shape, summed = (num_examples, num_fields), (num_examples, lookup.dim)
    pooled = (*shape, lookup.dim)
    _shaped(outputs.sum, np.float32, summed)
    if lookup.field_pairs:
        _shaped(outputs.pooled, np.float32, pooled)
    for given, wanted in ((gradients.linear, shape), (gradients.bi, summed)):
        if given is not None:
            _shaped(given, np.float32, wanted)
    if gradients.pooled is not None:
        half = isinstance(gradients.pooled, np.ndarray) and gradients.pooled.dtype == np.uint16
        _shaped(gradients.pooled, np.uint16 if half else np.float32, pooled)
    return num_examples * num_fields


def check_step(step: OptimizerStep) -> None:
    """Its number, and settings that float32 holds."""
    if step.step < 1:
        raise ValueError("steps count from 1")
    for of in step.ranges:
        for o in (of.latent, of.linear):
            rate, (correction1, correction2) = o.learning_rate * step.rate_factor, step.corrections(o)
            numbers = (rate, o.l1, o.l2, o.beta1, o.beta2, o.epsilon, 1 - rate * o.decay, rate / correction1, o.penalty)
            if not all(abs(number) <= _LARGEST for number in (*numbers, correction2)) or math.isnan(correction2):
                raise ValueError("a setting of an optimizer is not finite")


def check_ranges(lookup: Lookup, step: OptimizerStep) -> None:
    """The ranges of the whole table, and room for their states."""
    check_step(step)
    before = 0
    for of in step.ranges:
        if of.end < before:
            raise ValueError("the ends of the ranges of rows must rise")
        before = of.end
        places = state_places(lookup.dim, of.latent.optimizer, of.linear.optimizer)
        if any(place.stop > lookup.table.shape[1] for states in places for place in states):
            raise ValueError("the table's rows are too short for its dimension and state")
    if not step.ranges or before != len(lookup.table):
        raise ValueError("the ranges of rows must end at the table's end")


def check_move(lookup: Lookup, rows: Int32s, gradients: Float32s, read: Sequence[object]) -> None:
    """Rows, their gradients, and that nothing that is read lies in the table, which is written."""
    is_array(rows, np.int32, 1)
    _rising(rows, len(lookup.table))
    _shaped(gradients, np.float32, (len(rows), lookup.dim + 1))
    if any(isinstance(array, np.ndarray) and np.may_share_memory(lookup.table, array) for array in read):
        raise ValueError("an array that is written overlaps another one")


def flat_labels(labels: Float32s, num_labels: int) -> Float32s:
    """[rows*T] of [rows, T], or of [rows] where T is 1."""
    if not isinstance(labels, np.ndarray):
        raise TypeError("labels are no array")
    if labels.shape[1:] != (num_labels,) and (num_labels > 1 or labels.ndim != 1):
        raise ValueError("labels and rows differ in length")
    return labels.reshape(-1)


def check_chunk(
    num_fields: int,
    num_labels: int,
    offsets: Int32s,
    ids: Int32s,
    weights: Float32s | None,
    labels: Float32s | None,
    example_weights: Float32s | None,
) -> int:
    """A chunk of an ExampleStore, labels flat; how many rows it has."""
    rows = examples_of(Jagged(ids, weights, offsets, num_fields))
    is_array(ids, np.int32, 1)
    _weights(weights, len(ids))
    _offsets(offsets, len(ids))
    for array, count in ((labels, rows * num_labels), (example_weights, rows)):
        if array is not None:
            _shaped(array, np.float32, (count,))
    return rows


def check_gather(num_rows: int, num_fields: int, batches: Sequence[Any], bases: Any, combiners: Any) -> None:
    """What a gather asks for."""
    is_array(bases, np.int32, 1)
    is_array(combiners, np.uint8, 1)
    if len(bases) != num_fields or len(combiners) != num_fields:
        raise ValueError("bases and combiners need one entry a field")
    if (combiners > 2).any():
        raise ValueError("unknown combiner")
    for rows in batches:
        is_array(rows, np.int64, 1)
        _inside(rows, num_rows, "a row lies outside the Examples")


def _shaped(array: object, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> None:
    is_array(array, dtype, len(shape), writable=len(shape) > 1)
    assert isinstance(array, np.ndarray)
    if array.shape != shape:
        raise ValueError("an array has the wrong size")


def _weights(weights: object, num_pairs: int) -> None:
    if weights is None:
        return
    is_array(weights, np.float32, 1)
    assert isinstance(weights, np.ndarray)
    if len(weights) != num_pairs:
        raise ValueError("weights and ids differ in length")


def _offsets(offsets: Int32s, num_pairs: int) -> None:
    is_array(offsets, np.int32, 1)
    if num_pairs > MOST or len(offsets) > MOST + 1:
        raise ValueError("a batch has more than 2^31 - 1 pairs or bags; give it in smaller pieces")
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != num_pairs:
        raise ValueError("offsets must start at 0 and end at the number of pairs")
    if (offsets[1:] < offsets[:-1]).any():
        raise ValueError("offsets must not fall")


def _inside(ids: npt.NDArray[np.integer[Any]], num_rows: int, message: str) -> None:
    if len(ids) and (ids.min() < 0 or ids.max() >= num_rows):
        raise ValueError(message)


def _rising(rows: Int32s, num_table_rows: int) -> None:
    _inside(rows, num_table_rows, "an id lies outside the table")
    if (rows[1:] <= rows[:-1]).any():
        raise ValueError("rows of the plan must rise")
