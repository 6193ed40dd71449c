"""What can be said of data and of an experiment before anything is trained.

`check` reads every row of an experiment once, with the Encoder that training uses, and tells what it found; the encoded
rows stay in the cache, so that training starts at once. Nothing here prints (`manyhot.cli` does) and nothing here turns
raw values into ids. Read `_check.py` first, then `_judge.py`: it holds every threshold.
"""

from ._check import check
from ._findings import Finding
from ._report import CheckReport

__all__ = ["CheckReport", "Finding", "check"]
