"""What can be said of data and of an experiment before anything is trained.

`check` reads every row of an experiment once, with the Encoder that training uses, and tells what it found; the encoded
rows stay in the cache, so that training starts at once. Nothing here prints (`manyhot.cli` does) and nothing here turns
raw values into ids. Read `_check.py` first; `_judge.py` and `_judge_fields.py` hold the thresholds.
"""

from ._check import check
from ._findings import Finding
from ._report import CheckReport
from ._words import percent

__all__ = ["CheckReport", "Finding", "check", "percent"]
