"""What only the native kernels promise: bits that no thread count or instruction set changes, one OpenMP runtime."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import kernel_oracle as oracle
import numpy as np
import pytest
import rule_oracle
from kernel_oracle import NUM_ROWS, Case

from manyhot.kernels import Lookup, _native, row_stride, select
from manyhot.schema import TableOptimizer

NATIVE = select("native")
LEVELS = ("baseline", "x86_64_v3", "x86_64_v4")


def available_levels() -> list[str]:
    before, found = _native.level(), []
    for level in LEVELS:
        try:
            found.append(_native.set_level(level))
        except ValueError:
            continue
    _native.set_level(before)
    return found


@pytest.fixture
def set_level() -> Iterator[Callable[[str], str]]:
    before = _native.level()
    yield _native.set_level
    _native.set_level(before)


def everything(case: Case, optimizer: TableOptimizer, field_pairs: bool, num_threads: int) -> bytes:
    """The bytes of outputs, gradients, and of the table after two updates."""
    table, dim, jagged, given = case.table.copy(), case.dim, case.jagged, case.gradients
    plan = NATIVE.plan_rows(jagged, NUM_ROWS)
    lookup = Lookup(table, dim, field_pairs, False, num_threads)
    out = NATIVE.forward(lookup, jagged)
    parts = [out.linear, out.pooled, out.sum, out.bi]
    gradients = NATIVE.gradients(lookup, plan, out, given)
    parts.append(gradients)
    if not field_pairs:
        halved = NATIVE.forward(replace(lookup, bfloat16=True), jagged)
        parts += [halved.linear, halved.pooled, halved.bi]
        parts.append(NATIVE.gradients(lookup, plan, halved, replace(given, pooled=halved.pooled)))
    for step in (1, 2):
        NATIVE.update(lookup, plan, out, given, rule_oracle.one_step(optimizer, step, NUM_ROWS))
        NATIVE.move(lookup, plan.rows, gradients, rule_oracle.one_step(optimizer, step, NUM_ROWS), factor=0.3)
    return b"".join(part.tobytes() for part in [*parts, table])


def check_bits(set_level: Callable[[str], str], optimizer: TableOptimizer, dim: int, field_pairs: bool) -> None:
    case = oracle.random_case(dim, seed=dim, num_examples=240, optimizer=optimizer.optimizer)
    assert len(case.jagged.ids) > 3 * 1024  # a thread for each 1024 pairs: four threads do run
    case.table[:, dim + 1 :] = 0.1
    seen = {}
    for level in available_levels():
        assert set_level(level) == level
        seen |= {(level, n): everything(case, optimizer, field_pairs, n) for n in (1, 2, 3, 4)}
    assert len(seen) >= 4
    assert len(set(seen.values())) == 1


@pytest.mark.parametrize("field_pairs", [False, True], ids=["features", "fields"])
@pytest.mark.parametrize("optimizer", rule_oracle.OPTIMIZERS, ids=list(rule_oracle.OPTIONS))
@pytest.mark.parametrize("dim", (0, 1, 4, 7, 16, 32, 64, 130, 300))
def test_the_same_bits_on_any_threads_and_instruction_set(set_level, field_pairs, optimizer, dim):
    check_bits(set_level, optimizer, dim, field_pairs)


@pytest.mark.parametrize("optimizer", rule_oracle.ALL_ROWS, ids=lambda o: o.optimizer)
@pytest.mark.parametrize("dim", (0, 7, 16))
def test_the_same_bits_where_all_rows_move(set_level, optimizer, dim):
    check_bits(set_level, optimizer, dim, False)


@pytest.mark.parametrize("rule", ["adam", "rowwise_adagrad"])
def test_threads_share_the_rows_of_a_large_table(rule):
    """Few rows of many are in the batch: every row moves once whatever the number of threads."""
    optimizer, num_rows = TableOptimizer(optimizer=rule, l2=0.1, l2_rows="all"), 30_000
    jagged = oracle.make_jagged([[5, 5, 17_000], [29_999], []], None, 3)
    gradients = oracle.make_case(oracle.make_jagged([[], [], []], None, 3), 6, 1).gradients
    rng, tables = np.random.default_rng(1), []
    start = rng.uniform(0.5, 1, (num_rows, row_stride(6, rule))).astype(np.float32)
    for num_threads in (1, 2, 3, 8):
        table = start.copy()
        lookup = Lookup(table, 6, False, False, num_threads)
        plan = NATIVE.plan_rows(jagged, num_rows)
        NATIVE.update(
            lookup, plan, NATIVE.forward(lookup, jagged), gradients, rule_oracle.one_step(optimizer, 1, num_rows)
        )
        tables.append(table.tobytes())
        assert (table[:, :7] != start[:, :7]).all()
    assert len(set(tables)) == 1


@pytest.mark.parametrize("level", LEVELS)
def test_each_instruction_set_is_run(set_level, level):
    """Or named as one that this processor lacks; everywhere else what the processor has is tried in silence."""
    if level not in available_levels():
        pytest.skip(f"this processor does not run {level}")
    case, optimizer = oracle.random_case(20, seed=3), rule_oracle.OPTIMIZERS[0]
    set_level("baseline")
    expected = everything(case, optimizer, False, 1)
    assert set_level(level) == _native.level() == level
    assert everything(case, optimizer, False, 1) == expected


def test_an_unknown_instruction_set_is_refused_and_changes_nothing(set_level):
    before = _native.level()
    with pytest.raises(ValueError, match="instruction set"):
        set_level("x86_64_v9")
    assert _native.level() == before
    assert set_level("baseline") == "baseline"


@pytest.mark.parametrize("level", ["", "baseline", "nonsense"])
def test_the_level_named_by_the_environment_never_crashes_the_process(level):
    code = "from manyhot.kernels import _native; print(_native.level())"
    environment = {**os.environ, "MANYHOT_LEVEL": level}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode >= 0, f"ended by signal {-done.returncode}"
    assert done.stdout.strip() == {"": available_levels()[-1], "baseline": "baseline", "nonsense": ""}[level]
    assert (done.returncode == 0) == (level != "nonsense")
