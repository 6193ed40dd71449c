"""The benchmark: known cases on simulated data, the real training loop from Examples on disk, and the machine's limits.

Measures, and explains what it measured: where the time of a step goes, what the machine's own rates of multiplying,
gathering and copying would allow, and the share of it that is reached. Printing is the command's business
(`manyhot.cli`). Read `_cases.py` first.
"""

from ._cases import CASES, Case, build_case, simulate, write_case
from ._limits import Bound, Limits, bound_of, measure_limits
from ._run import BenchResult, run_bench

__all__ = [
    "CASES",
    "BenchResult",
    "Bound",
    "Case",
    "Limits",
    "bound_of",
    "build_case",
    "measure_limits",
    "run_bench",
    "simulate",
    "write_case",
]
