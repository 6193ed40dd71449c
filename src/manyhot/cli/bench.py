"""manyhot bench"""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import msgspec
from rich.table import Table

from manyhot.bench import CASES, BenchResult, run_bench
from manyhot.errors import ConfigError, nearest_name

from ._output import console, to_stderr

__all__ = ["bench"]

_STAGES = {
    "gather": "gather a batch from disk",
    "group": "group its pairs by row",
    "forward": "forward: read rows, pool, cross",
    "dense": "dense part: heads, loss, optimizer",
    "update": "backward: sum gradients, move rows",
}


def bench(
    *,
    case: str = "criteo",
    data: Path | None = None,
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
    repeats: int = 5,
    examples: int | None = None,
    limits: bool = True,
    threads: int | None = None,
    json: bool = False,
) -> None:
    """Train a known case on simulated data; say how fast, where the time goes, and what this machine would allow.

    Run it on an idle machine.

    Parameters
    ----------
    case
        criteo, criteo-8m, apps, article, article-4096 or lr (docs/performance.md says what they are).
    data
        Folder in which the simulated Examples are kept for the next time; without it they are thrown away.
    precision
        Of the dense part.
    repeats
        Passes over the Examples; the median counts.
    examples
        How many to simulate.
    limits
        Measure what the machine can do at best, too.
    threads
        Of kernels and matmuls; all cores where not given.
    json
        One JSON object on standard output.
    """
    if case not in CASES:
        raise ConfigError(f'bench: there is no case "{case}"{nearest_name(case, CASES)}; there are {", ".join(CASES)}')
    for name, number in (("repeats", repeats), ("examples", examples), ("threads", threads)):
        if number is not None and number < 1:
            raise ConfigError(f"bench: {name} must be at least 1")
    with tempfile.TemporaryDirectory() as temporary:
        result = run_bench(
            CASES[case],
            (data or Path(temporary)) / case,
            precision=precision,
            repeats=repeats,
            num_examples=examples,
            with_limits=limits,
            threads=threads,
            on_stage=to_stderr.print,
        )
    if json:
        console.print(msgspec.json.encode(asdict(result) | {"share": result.share}).decode())
    else:
        _print(result)


def _print(result: BenchResult) -> None:
    console.print(f"\n{result.case}, dense part in {result.precision}")
    console.print(f"examples_per_second  {result.examples_per_second:,.0f}", end="")
    console.print(f"   ({min(result.rates):,.0f} to {max(result.rates):,.0f} in {len(result.rates)} passes)")
    console.print(f"one batch from memory, again and again  {result.from_memory:,.0f}\n")
    table = Table(box=None, pad_edge=False)
    table.add_column("stage", no_wrap=True)
    table.add_column("us/example", justify="right")
    for name, meaning in _STAGES.items():
        table.add_row(meaning, f"{result.stages[name]:.3f}")
    console.print(table)
    console.print(f"table side (group, forward, backward)  {result.table_ns_per_pair:.1f} ns a pair")
    limits, bound = result.limits, result.bound
    if limits is None or bound is None:
        return
    console.print(f"\nlimits of this machine, {limits.num_threads} threads")
    console.print(f"  matmul    {limits.flops_float32 / 1e9:,.0f} GFLOP/s in float32", end="")
    console.print(f", {limits.flops_bfloat16 / 1e9:,.0f} in bfloat16")
    console.print(f"  random rows of 64 bytes   {limits.rows_per_second / 1e6:,.0f} million/s")
    console.print(f"  copy   {limits.bytes_per_second / 1e9:,.1f} GB/s")
    console.print(
        f"bound  {bound.total:.2f} us/example: matmuls {bound.matmuls:.2f}, "
        f"{result.distinct_rows:.1f} distinct rows {bound.rows:.2f}, activations {bound.activations:.2f}"
    )
    console.print(f"reached  {result.share:.0%} of it")
