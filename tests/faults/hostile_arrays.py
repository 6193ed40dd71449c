"""Damaged arguments of the native calls: python tests/faults/hostile_arrays.py TRIALS SEED PLACE runs them by itself.

Each trial takes a good call, damages one to three arguments, and makes it twice: natively and in plain Python. Both
must refuse it, the native one by ValueError or TypeError and without a change to the table, or both answer the same.
The trials run in a child process, which writes the number of the trial under way to the file PLACE.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

PROMISE = "hostile arrays and bytes at the kernel boundary: each call a Python exception or the right result"
LONG = 1_000_000
_CASES = 60
_MEMORY = 16 << 30  # of addresses, most of them torch's and never used; arrays of 2^33 numbers do not fit in


def run(num: int, seed: int = 1) -> str:
    """In a child process, so that the end of it can be told from an answer."""
    with tempfile.NamedTemporaryFile(mode="r", suffix=".txt") as place:
        command = [sys.executable, __file__, str(num), str(seed), place.name]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
        assert done.returncode == 0, f"trial {place.read()}, seed {seed}: exit {done.returncode}: {done.stderr[-3000:]}"
    return done.stdout.strip()


def same(ours: Any, theirs: Any, squared: float) -> bool:
    """Equal numbers; floats but for their rounding, bfloat16 as its bits. squared: the largest number of the answer,
    squared: the pairwise term is a difference of such squares, and may have lost as much as they round to."""
    if not isinstance(ours, np.ndarray):
        return bool(ours == theirs)
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return False
    rounding = 1e-3
    if ours.dtype == np.uint16:
        ours, theirs = ((array.astype(np.uint32) << 16).view(np.float32) for array in (ours, theirs))
        rounding = 1e-2
    largest = largest_of(theirs)  # what may have cancelled out
    return np.allclose(ours, theirs, rounding, rounding * largest + 1e-6 * squared, equal_nan=True)


def largest_of(array: Any) -> float:
    """Of the finite numbers, and 1; 0 of what holds no floats."""
    if not isinstance(array, np.ndarray) or array.dtype != np.float32:
        return 0.0
    return float(np.max(np.abs(array), where=np.isfinite(array), initial=1))


def answer(call: Any, who: Any, args: dict[str, Any]) -> tuple[list[Any] | None, Exception | None]:
    """What a call gives or raises; the table is as before."""
    table = args.get("table")
    before = table.copy() if isinstance(table, np.ndarray) else None
    try:
        return call(who, args), None
    except Exception as error:
        if before is not None and before.tobytes() != table.tobytes():
            raise AssertionError("a call that was refused wrote to the table") from error
        return None, error
    finally:
        if before is not None and table.flags.writeable and table.size:
            table[...] = before


def trial(draw: random.Random, call: Any, names: tuple[str, ...], good: dict[str, Any], natives: Any) -> str:
    """One damaged call; the name of what came of it. AssertionError where it is wrong."""
    from hostile_values import damaged

    args = dict(good)
    chosen = draw.sample(names, min(len(names), draw.choice((1, 1, 1, 2, 3))))
    for name in chosen:
        if args[name] is not None:
            args[name] = damaged(draw, args[name], [good[other] for other in names if other != name])
    ours, error = answer(call, natives[0], args)
    theirs, refusal = answer(call, natives[1], args)
    what = f"{call.__name__} with other {', '.join(chosen)}"
    assert error is None or isinstance(error, (ValueError, TypeError)), f"{what}: {error!r}"
    if (error is None) != (refusal is None):
        raise AssertionError(f"{what}: native: {error!r}, definition: {refusal!r}") from refusal
    if ours is None or theirs is None:
        return type(error).__name__
    assert len(ours) == len(theirs), what
    squared = max(map(largest_of, theirs), default=0.0) ** 2
    assert all(same(*pair, squared) for pair in zip(ours, theirs, strict=True)), f"{what}: {ours} {theirs}"
    return "right"


def main(num: int, seed: int, place: Path) -> str:
    import hostile_tables
    import hostile_texts

    from manyhot.kernels import select

    draw, counts = random.Random(seed), Counter[str]()
    groups = [
        (hostile_tables.cases(draw, _CASES), hostile_tables.CALLS, (hostile_tables.NATIVE, select("reference"))),
        (hostile_texts.cases(draw, _CASES), hostile_texts.CALLS, (True, False)),
    ]
    calls = [(cases, natives, *call) for cases, made, natives in groups for call in made]
    if "libasan" not in os.environ.get("LD_PRELOAD", ""):  # it reserves much more than it uses
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    np.seterr(all="ignore")
    warnings.simplefilter("ignore")
    with place.open("w") as file:
        for number in range(num):
            file.seek(0)
            file.write(f"{number}")
            file.flush()
            cases, natives, call, names = calls[number % len(calls)]
            one = random.Random(f"{seed} {number}")
            counts[trial(one, call, names, cases[one.randrange(len(cases))], natives)] += 1
    refused = counts.total() - counts["right"]
    kinds = ", ".join(f"{count:,} {name}" for name, count in counts.most_common() if name != "right")
    return f"{num:,} calls of {len(calls)} kinds: {refused:,} refused ({kinds}), {counts['right']:,} right, 0 others"


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    print(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
