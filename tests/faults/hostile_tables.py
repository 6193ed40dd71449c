"""Calls of the table kernels and of stores of Examples, good ones to be damaged: args by name, and both answers."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "kernels"))
import kernel_oracle as oracle
import rule_oracle

from manyhot.kernels import (
    Gradients,
    Jagged,
    Kernels,
    Lookup,
    OptimizerStep,
    Outputs,
    RowPlan,
    RowRange,
    _native,
    select,
)
from manyhot.kernels._checked import check_dim, check_gradients, check_move, check_plan, is_array

__all__ = ["CALLS", "Args", "cases"]

Args = dict[str, Any]
NATIVE = select("native")
RULES = [*rule_oracle.OPTIMIZERS, *rule_oracle.ALL_ROWS]


def cases(draw: random.Random, count: int) -> list[Args]:
    """The arguments of every call on so many random batches."""
    return [_case(draw, draw.randrange(2**31)) for _ in range(count)]


def _case(draw: random.Random, seed: int) -> Args:
    dim, rule = draw.choice((0, 1, 2, 4, 7, 16, 33)), draw.randrange(len(RULES))
    case = oracle.random_case(dim, seed, num_examples=draw.choice((1, 2, 6)), optimizer=RULES[rule].optimizer)
    case.table[:, dim + 1 :] = 0.1
    jagged = case.jagged
    plan, out = oracle.passed(NATIVE, case, True)
    weighted = draw.random() < 0.7
    return {
        "table": case.table,
        "dim": dim,
        "field_pairs": draw.random() < 0.5,
        "bfloat16": draw.random() < 0.2,
        "num_threads": draw.choice((1, 2)),
        "ids": jagged.ids,
        "weights": jagged.weights if weighted else None,
        "offsets": jagged.offsets,
        "num_fields": jagged.num_fields,
        "num_rows": oracle.NUM_ROWS,
        "rows": plan.rows,
        "starts": plan.starts,
        "bags": plan.bags,
        "plan_weights": plan.weights if weighted else None,
        "linear": out.linear,
        "pooled": out.pooled,
        "sum": out.sum,
        "out_linear": np.empty_like(out.linear),
        "out_pooled": np.empty_like(out.pooled),
        "out_sum": np.empty_like(out.sum),
        "grad_linear": case.gradients.linear,
        "grad_pooled": case.gradients.pooled,
        "grad_bi": case.gradients.bi,
        "rule": rule,
        "end": oracle.NUM_ROWS // 2,
        "last": oracle.NUM_ROWS,
        "step": 3,
        "rate_factor": 1.0,
        "row_gradients": np.ones((len(plan.rows), dim + 1), np.float32),
        "factor": 0.5,
        "num_labels": draw.choice((1, 3)),
        "labels": np.arange(jagged.num_examples, dtype=np.float32),
        "example_weights": np.ones(jagged.num_examples, np.float32) if draw.random() < 0.5 else None,
        "batch": np.array([draw.randrange(jagged.num_examples) for _ in range(5)], np.int64),
        "bases": np.array([0, 12, 24, 36], np.int32),
        "combiners": np.array([draw.randrange(3) for _ in range(4)], np.uint8),
        "store_rows": 48,
    }


def _lookup(a: Args) -> Lookup:
    return Lookup(a["table"], a["dim"], a["field_pairs"], a["bfloat16"], a["num_threads"])


def _jagged(a: Args) -> Jagged:
    return Jagged(a["ids"], a["weights"], a["offsets"], a["num_fields"])


def _passed(a: Args) -> tuple[Lookup, RowPlan, Outputs, Gradients]:
    plan = RowPlan(a["rows"], a["starts"], a["bags"], a["plan_weights"])
    outputs = Outputs(a["linear"], a["pooled"], a["sum"], a["sum"])
    return _lookup(a), plan, outputs, Gradients(a["grad_linear"], a["grad_pooled"], a["grad_bi"])


def _step(a: Args) -> OptimizerStep:
    rule = RULES[a["rule"]]
    plain = rule_oracle.OPTIMIZERS[0] if rule.optimizer == "sgd" else rule
    return OptimizerStep(
        (RowRange(a["end"], rule, plain), RowRange(a["last"], rule, rule)), a["step"], a["rate_factor"]
    )


def _whole(a: Args, **bits: int) -> None:
    """Python's numbers know no bounds; those of the native kernels are TypeErrors."""
    for name, most in bits.items():
        if not isinstance(a[name], int) or not -(2**most) <= a[name] < 2**most:
            raise TypeError(name)


def plan_rows(kernels: Kernels, a: Args) -> list[Any]:
    if kernels is not NATIVE:
        _whole(a, num_rows=63)
    return [*vars(kernels.plan_rows(_jagged(a), a["num_rows"])).values()]


def forward(kernels: Kernels, a: Args) -> list[Any]:
    return [*vars(kernels.forward(_lookup(a), _jagged(a))).values()]


def gradients(kernels: Kernels, a: Args) -> list[Any]:
    """The other answer is the formula on the arrays as they were given, which need not be of one batch."""
    return [kernels.gradients(*_passed(a)) if kernels is NATIVE else _summed(*_passed(a))]


def _summed(lookup: Lookup, plan: RowPlan, outputs: Outputs, given: Gradients) -> np.ndarray:
    check_dim(lookup)
    check_plan(lookup, plan, check_gradients(lookup, outputs, given))
    by_row = np.repeat(np.arange(len(plan.rows)), np.diff(plan.starts))
    weights = np.ones(len(by_row), np.float32) if plan.weights is None else plan.weights
    x, dim, num_fields = weights.astype(float)[:, None], lookup.dim, outputs.linear.shape[1]
    latent, example = lookup.table[plan.rows[by_row], :dim], plan.bags // num_fields
    pairs = np.zeros((len(by_row), dim + 1))
    if given.linear is not None:
        pairs[:, dim] += given.linear.reshape(-1)[plan.bags] * x[:, 0]
    if given.pooled is not None:
        single = given.pooled
        if single.dtype == np.uint16:  # the bits of bfloat16
            single = (single.astype(np.uint32) << 16).view(np.float32)
        pairs[:, :dim] += single.reshape(-1, dim)[plan.bags] * x if dim else 0
    if given.bi is not None and dim:
        own = outputs.pooled.reshape(-1, dim)[plan.bags] if lookup.field_pairs else latent * x
        pairs[:, :dim] += given.bi[example].astype(float) * (outputs.sum[example] - own) * x
    out = np.zeros((len(plan.rows), dim + 1))
    np.add.at(out, by_row, pairs)
    return out.astype(np.float32)


def update(kernels: Kernels, a: Args) -> list[Any]:
    lookup, plan, outputs, given = _passed(a)
    if kernels is NATIVE:
        kernels.update(lookup, plan, outputs, given, _step(a))
        return [a["table"].copy()]
    _whole(a, end=63, last=63)
    summed = _summed(lookup, plan, outputs, given)
    read = [*vars(plan).values(), *vars(given).values(), outputs.sum, outputs.pooled if lookup.field_pairs else None]
    check_move(lookup, plan.rows, summed, read)
    kernels.move(lookup, plan.rows, summed, _step(a))
    return [a["table"].copy()]


def move(kernels: Kernels, a: Args) -> list[Any]:
    if kernels is not NATIVE:
        _whole(a, end=63, last=63)
    kernels.move(_lookup(a), a["rows"], a["row_gradients"], _step(a), factor=a["factor"])
    return [a["table"].copy()]


def store(kernels: Kernels, a: Args) -> list[Any]:
    """Two chunks, the second one as it was given; one batch of rows of both, with its plan."""
    made = kernels.store(a["num_fields"], a["num_labels"])
    ids, offsets = np.arange(2 * 4, dtype=np.int32), np.arange(2 * 4 + 1, dtype=np.int32)
    known = {1: np.zeros(2, np.float32), 3: np.zeros((2, 3), np.float32)}
    made.add(offsets, ids, None, known.get(a["num_labels"]))
    labels = a["labels"]
    if a["num_labels"] == 3 and isinstance(labels, np.ndarray) and labels.ndim == 1 and len(labels) < 99:
        labels = np.repeat(labels, 3).reshape(-1, 3)
    made.add(a["offsets"], a["ids"], a["weights"], labels, a["example_weights"])
    batches = [a["batch"], np.array([0], np.int64)]
    rows, threads = a["store_rows"], a["num_threads"]
    if kernels is not NATIVE:
        _whole(a, num_threads=31, **{} if rows is None else {"store_rows": 63})
    found = made.gather(batches, a["bases"], a["combiners"], num_table_rows=rows, num_threads=threads)
    answer: list[Any] = []
    for batch in found:
        answer += [batch.jagged.ids, batch.jagged.weights, batch.jagged.offsets, batch.labels, batch.example_weights]
        answer += vars(batch.plan).values() if batch.plan else []
    return answer


def raw_forward(kernels: Kernels, a: Args) -> list[Any]:
    """Past the wrapper that makes the outputs."""
    outputs = (a["out_linear"], a["out_pooled"], a["out_sum"])
    if kernels is NATIVE:
        bi = np.empty_like(a["grad_bi"])
        given = (a["table"], a["dim"], a["ids"], a["weights"], a["offsets"], a["num_fields"], a["field_pairs"])
        _native.forward(*given, *outputs[:2], None, outputs[2], bi, a["num_threads"])
        return [*(array.copy() for array in outputs), bi]
    wanted = [*vars(kernels.forward(_lookup(a | {"bfloat16": False}), _jagged(a))).values()]
    read = (a["table"], a["ids"], a["weights"], a["offsets"])
    for out, right in zip(outputs, wanted, strict=False):
        is_array(out, np.float32, right.ndim, writable=True)
        others = [array for array in (*read, *outputs) if array is not None and array is not out]
        if out.shape != right.shape or any(np.may_share_memory(out, other) for other in others):
            raise ValueError
    return wanted


_BATCH = ("ids", "weights", "offsets", "num_fields")
_LOOKUP = ("table", "dim", "num_threads")
_PLAN = ("rows", "starts", "bags", "plan_weights")
_GIVEN = ("linear", "pooled", "sum", "grad_linear", "grad_pooled", "grad_bi")
_STEP = ("end", "last", "step", "rate_factor")
_STORED = ("num_labels", "labels", "example_weights", "batch", "bases", "combiners", "store_rows", "num_threads")
# What is called, and the names of the arguments that are damaged.
CALLS: list[tuple[Callable[[Kernels, Args], list[Any]], tuple[str, ...]]] = [
    (plan_rows, ("ids", "weights", "offsets", "num_rows")),
    (forward, (*_LOOKUP, *_BATCH)),
    (gradients, (*_LOOKUP, *_PLAN, *_GIVEN)),
    (update, (*_LOOKUP, *_PLAN, *_GIVEN, *_STEP)),
    (move, (*_LOOKUP, "rows", "row_gradients", "factor", *_STEP)),
    (store, (*_BATCH, *_STORED)),
    (raw_forward, (*_LOOKUP, *_BATCH, "out_linear", "out_pooled", "out_sum")),
]
