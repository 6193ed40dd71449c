"""What can be known of the data before training: what its columns are, and what is wrong with them.

`propose` looks at a sample and writes the experiment that the rows speak for (`manyhot init`): read `_propose.py`
first, then `_columns.py`. `check` reads every row of an experiment once, with the Encoder that training uses, and tells
what it found (`manyhot check`); the encoded rows stay in the cache, so that training starts at once: read `_check.py`;
`_judge.py` and `_judge_fields.py` hold the thresholds. Nothing here prints (`manyhot.cli` does) or turns raw values
into ids.
"""

from ._check import check
from ._fields import FieldProposal
from ._findings import Finding
from ._propose import Proposal, propose
from ._report import CheckReport
from ._words import percent
from ._write import to_toml

__all__ = ["CheckReport", "FieldProposal", "Finding", "Proposal", "check", "percent", "propose", "to_toml"]
