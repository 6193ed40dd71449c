"""Where rows come from: files in any format and place, SQL, data frames; all become Arrow record batches.

One small file a format. What the columns mean is the Encoder's, one floor up. Read `_open.py` first, which decides what
something is, then `_files.py` (paths and the table of formats).
"""

from ._files import Files, expand, format_name
from ._open import as_source, open_source
from ._parts import parts_to_train_on
from ._source import Source, check_columns

__all__ = ["Files", "Source", "as_source", "check_columns", "expand", "format_name", "open_source", "parts_to_train_on"]
