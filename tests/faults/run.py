"""The long form of every fault test: `make faults`, or `python tests/faults/run.py [NAME ...] [--no-record]`.

Each module named in PROGRAMS keeps one promise and has PROMISE (a sentence), LONG (how many trials) and
`run(num) -> str`, which raises AssertionError where the promise is broken and returns the figure where it is kept. The
tests beside it call `run` with few trials. The table goes to docs/reliability.md, between its markers.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import sys
import time
from pathlib import Path

PROGRAMS: tuple[str, ...] = (
    "killed_training",
    "signals",
    "two_runs",
    "killed_writer",
    "lost_writes",
    "full_disk",
    "two_trainers",
    "same_bits",
    "steady_memory",
    "damaged_data",
    "mutated_model_files",
    "hostile_model_files",
    "hostile_arrays",
)

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_START, _END = "<!-- table: make faults -->", "<!-- end of table -->"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=PROGRAMS, metavar="NAME", help=f"of: {', '.join(PROGRAMS)}")
    parser.add_argument("--no-record", action="store_true", help="leave docs/reliability.md as it is")
    arguments = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))
    rows, broken = {}, False
    for name in arguments.names:
        module = importlib.import_module(name)
        started = time.monotonic()
        try:
            figure = module.run(module.LONG)
        except AssertionError as error:
            print(error)
            broken, figure = True, f"BROKEN: {str(error).partition(chr(10))[0]}"
        seconds = time.monotonic() - started
        print(f"{name}: {module.PROMISE}: {figure} ({seconds:.0f} s)", flush=True)
        rows[module.PROMISE] = f"| {module.PROMISE} | {figure} | {datetime.date.today()}, {seconds:.0f} s | `{name}` |"
    if not arguments.no_record:
        _record(rows)
    return int(broken)


def _record(rows: dict[str, str]) -> None:
    """Puts new rows in the place of those of the same promise; others stay."""
    before, _, rest = PAGE.read_text().partition(_START)
    table, _, after = rest.partition(_END)
    head, old = table.strip().splitlines()[:2], table.strip().splitlines()[2:]
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in old} | rows
    PAGE.write_text("\n".join([f"{before}{_START}", *head, *lines.values(), f"{_END}{after}"]))


if __name__ == "__main__":
    sys.exit(main())
