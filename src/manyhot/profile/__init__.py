"""What can be known of the data before training: what its columns are, and the experiment file that they speak for.

Reads rows through `manyhot.data` as training does, and never trains. Printing and writing is the command's business
(`manyhot.cli`). For `manyhot init` read `_propose.py` first, then `_columns.py`.
"""

from ._fields import FieldProposal
from ._propose import Proposal, propose
from ._siblings import is_sql
from ._words import percent
from ._write import to_toml

__all__ = ["FieldProposal", "Proposal", "is_sql", "percent", "propose", "to_toml"]
