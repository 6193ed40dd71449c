"""Model files that are not as they were written: each is refused soon and in little memory, or it scores the same."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from model_mutations import flip, mutated

PROMISE = (
    "Mutated model files, most with a right checksum; every truncation of the header; single bit flips: refused in "
    "100 ms and 64 MiB each, or scoring their proof rows as before"
)
LONG = 100_000

FILES = sorted((Path(__file__).parents[1] / "model_file" / "released").glob("*/*.manyhot"))
_MOST_SECONDS, _MOST_BYTES = 0.1, 64 * 2**20
_MOST_IF_BUSY = 2.0  # where other processes always have the processor; what it works counts then, and this is a hang
_SETTINGS = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
_AT_ONCE = 10_000  # trials of a process


def run(num: int) -> str:
    """num mutated files, num flips, and of the truncations at most about ten times as many."""
    totals: Counter[str] = Counter()
    slowest = most = 0.0
    for first in range(0, num, _AT_ONCE):
        found = _in_a_child(first, min(num - first, _AT_ONCE), num)
        totals.update(found["totals"])
        slowest, most = max(slowest, found["slowest"]), max(most, found["most_bytes"])
    assert totals["flipped refused"] == totals["flipped"], "a flipped bit was not noticed"
    assert totals["truncated refused"] == totals["truncated"], "a truncated header was not noticed"
    return (
        f"{totals['mutated']:,} mutated files: {totals['mutated refused']:,} refused, {totals['mutated same']:,} "
        f"scored the same; {totals['truncated']:,} of {totals['truncated']:,} truncations and {totals['flipped']:,} of "
        f"{totals['flipped']:,} flips refused; at most {slowest * 1000:.0f} ms and {most / 2**20:.1f} MiB; no crash"
    )


def _in_a_child(first: int, count: int, num: int) -> dict[str, Any]:
    """A crash ends the child alone, and what it was at is known."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, str(first), str(count), str(num), folder]
        here, settings = Path(__file__).parent, {**os.environ, **_SETTINGS}
        done = subprocess.run(command, env=settings, cwd=here, capture_output=True, text=True, check=False)
        place = Path(folder) / "trial"
        at = place.read_text() if place.exists() else "the start"
    assert done.returncode == 0, f"{at}: exit code {done.returncode}\n{done.stderr[-3000:]}"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _trials(first: int, count: int, num: int) -> Iterator[tuple[str, int, bytes]]:
    """Kind, number and bytes of each."""
    raw = [path.read_bytes() for path in FILES]
    for trial in range(first, first + count):
        yield "mutated", trial, mutated(raw[trial % len(raw)], np.random.default_rng([trial, 6]))
    bits = [(each, bit) for each in raw for bit in range(8 * len(each))]
    chosen = np.linspace(0, len(bits) - 1, min(num, len(bits))).astype(int)
    for trial in chosen[first : first + count].tolist():
        each, bit = bits[trial]
        yield "flipped", trial, flip(each, bit)
    if first == 0:
        lengths = [(each, n) for each in raw for n in range(8 + int.from_bytes(each[:8], "little"))]
        for trial in range(0, len(lengths), max(1, len(lengths) // (10 * num))):
            each, length = lengths[trial]
            yield "truncated", trial, each[:length]


def _child(first: int, count: int, num: int, folder: Path) -> dict[str, Any]:
    from manyhot.model_file import load_model

    for path in FILES:
        load_model(path)  # what is imported, started and taken once is not counted
        _look_at(path)
    totals: Counter[str] = Counter()
    slowest = 0.0
    most = 0
    path, place = folder / "m.manyhot", (folder / "trial").open("w")
    # Memory that is asked for and not touched is none of a process, but the limit knows it.
    resource.setrlimit(resource.RLIMIT_DATA, (_status("VmData:") + _MOST_BYTES, resource.RLIM_INFINITY))
    for kind, trial, content in _trials(first, count, num):
        place.seek(0)
        place.write(f"{kind:9} {trial:9}")
        place.flush()
        path.write_bytes(content)
        before = _peak_from_here()
        seconds, outcome, used = *_loaded(path), _MOST_SECONDS + 1
        most = max(most, _status("VmHWM:") - before)
        for _ in range(5):  # other processes may have had the processor
            if seconds > _MOST_SECONDS:
                started = time.process_time()
                seconds = min(seconds, _loaded(path)[0])
                used = min(used, time.process_time() - started)
        if _MOST_SECONDS < seconds < _MOST_IF_BUSY:
            seconds = used
        assert seconds <= _MOST_SECONDS, f"took {seconds:.3f} s: {outcome}"
        assert outcome in ("refused", "same"), outcome
        if outcome == "same":
            _look_at(path)
        slowest = max(slowest, seconds)
        totals.update([kind, f"{kind} {outcome}"])
    return {"totals": totals, "slowest": slowest, "most_bytes": most}


def _loaded(path: Path) -> tuple[float, str]:
    """Seconds; "refused", "same", or what went wrong."""
    from manyhot.data import open_source
    from manyhot.errors import ConfigError, ModelFileError
    from manyhot.model_file import load_model

    started = time.perf_counter()
    try:
        saved = load_model(path)
    except (ModelFileError, ConfigError) as error:
        seconds, said = time.perf_counter() - started, str(error)
        one_line = said.startswith(f"{path}: ") and said.isprintable() and len(said) < 1000
        of_a_head = "a head of its user's own" in said
        if not one_line or (isinstance(error, ConfigError) and not of_a_head):
            return seconds, f"no good sentence: {said!r}"
        if any(word in said for word in ("memory", "alloc", "MemoryError")):
            return seconds, f"asked for more than 64 MiB: {said}"
        return seconds, "refused"
    seconds = time.perf_counter() - started
    again = saved.probabilities(open_source(saved.proof_rows))
    same = np.all(np.abs(again - saved.proof_probabilities) <= 1e-5) and again.shape == saved.proof_probabilities.shape
    return seconds, "same" if same else "scores differ"


def _look_at(path: Path) -> None:
    """What reads the summary, which loading believes unread: each line that is shown is one, and an error is ours."""
    import manyhot
    from manyhot.cli import main
    from manyhot.errors import ManyhotError

    with contextlib.redirect_stdout(io.StringIO()) as shown:
        main(["inspect", str(path)])
    lines = shown.getvalue().split("\n")
    assert all(map(str.isprintable, lines)), lines
    assert lines[-2].startswith("proof "), lines
    with contextlib.suppress(ManyhotError):
        manyhot.load(path).source({"x": [1]})


def _peak_from_here() -> int:
    """Bytes of memory in use; the peak, VmHWM, is from now on that of what follows."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS:")


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(key))


if __name__ == "__main__":
    _first, _count, _num, _folder = sys.argv[1:]
    print(json.dumps(_child(int(_first), int(_count), int(_num), Path(_folder))))
