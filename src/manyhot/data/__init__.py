"""From raw rows to batches: Source -> Encoder -> Examples -> Loader.

Everything that touches Arrow, files of rows and tokens lives here, and the Encoder is the only code anywhere that turns
raw values into ids. No torch. What fields mean is `manyhot.schema`'s; what is computed from ids is `manyhot.nn`'s. Read
`_encoder.py` first, then `_bags.py` (kinds of columns) and `_loader.py`; formats and places of rows are in
`sources/`.
"""

from ._bags import decoded
from ._batches import Rejects, SourceBatch, bad_rows_error
from ._cache import ExampleCache
from ._encoder import EncodedChunk, Encoder
from ._examples import Examples, write_examples
from ._fields import wanted_columns
from ._fit import Fit
from ._layout import TableLayout
from ._loader import Loader
from ._memory import available_bytes
from ._partial import PARTIAL_SCHEMA, TOKEN, add_partial, partial_rows
from ._prepare import prepare
from ._prepared import Prepared, finish_prepared, first_rows, new_prepared
from ._reject_file import write_rejects
from ._row_places import places_of
from ._slices import SliceReader, Slices
from ._vocabularies import Counted, FittedVocabulary
from .sources import Files, Source, as_source, is_sql, open_part, open_source, parts_to_train_on

__all__ = [
    "PARTIAL_SCHEMA",
    "TOKEN",
    "Counted",
    "EncodedChunk",
    "Encoder",
    "ExampleCache",
    "Examples",
    "Files",
    "Fit",
    "FittedVocabulary",
    "Loader",
    "Prepared",
    "Rejects",
    "SliceReader",
    "Slices",
    "Source",
    "SourceBatch",
    "TableLayout",
    "add_partial",
    "as_source",
    "available_bytes",
    "bad_rows_error",
    "decoded",
    "finish_prepared",
    "first_rows",
    "is_sql",
    "new_prepared",
    "open_part",
    "open_source",
    "partial_rows",
    "parts_to_train_on",
    "places_of",
    "prepare",
    "wanted_columns",
    "write_examples",
    "write_rejects",
]
