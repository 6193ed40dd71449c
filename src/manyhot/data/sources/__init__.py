"""Where rows come from: files in any format and place, SQL, data frames; all become Arrow record batches.

One small file a format. What the columns mean is the Encoder's, one floor up. Read `_open.py` first, which decides what
something is, then `_files.py` (paths and the table of formats).
"""

from ._files import ENDINGS, Files, format_name
from ._open import as_source, open_part, open_source
from ._parts import parts_to_train_on
from ._places import expand, is_url
from ._source import Source, check_columns
from ._sql import is_sql

__all__ = [
    "ENDINGS",
    "Files",
    "Source",
    "as_source",
    "check_columns",
    "expand",
    "format_name",
    "is_sql",
    "is_url",
    "open_part",
    "open_source",
    "parts_to_train_on",
]
