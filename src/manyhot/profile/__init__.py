"""What can be known of the data before training: what its columns are, and the experiment file that they speak for.

Reads rows through `manyhot.data` as training does, and never trains. Printing and writing is the command's business
(`manyhot.cli`). For `manyhot init` read `_propose.py` first, then `_columns.py`.
"""

from ._percent import percent
from ._propose import FieldProposal, Proposal, propose
from ._write import relative_to, to_toml

__all__ = ["FieldProposal", "Proposal", "percent", "propose", "relative_to", "to_toml"]
