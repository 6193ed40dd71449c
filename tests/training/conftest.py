"""The optimizer rules on single numbers are written once, in tests/kernels."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "kernels"))
