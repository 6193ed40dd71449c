"""The offline demo: a simulated app-store log with known probabilities, and what each idea of manyhot brings on it.

Uses the library as anyone would, through `manyhot.training`; printing is the command's business (`manyhot.cli`). Read
`_simulate.py` first.
"""

from ._run import DemoResult, full_deepfm, run_demo
from ._simulate import Log, simulate

__all__ = ["DemoResult", "Log", "full_deepfm", "run_demo", "simulate"]
