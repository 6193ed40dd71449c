"""From raw rows to batches: Source -> Encoder -> Examples -> Loader.

Everything that touches Arrow, files of rows and tokens lives here, and the Encoder is the only code anywhere that turns
raw values into ids. No torch. What fields mean is `manyhot.schema`'s; what is computed from ids is `manyhot.nn`'s. Read
`_encoder.py` first, then `_bags.py` (kinds of columns) and `_loader.py`; formats and places of rows are in
`sources/`.
"""

from ._batches import Rejects, SourceBatch
from ._cache import ExampleCache
from ._encoder import EncodedChunk, Encoder
from ._examples import Examples, write_examples
from ._layout import TableLayout
from ._loader import Loader
from ._reject_file import write_rejects
from ._whole_file import whole_file
from .sources import Source, as_source, open_source

__all__ = [
    "EncodedChunk",
    "Encoder",
    "ExampleCache",
    "Examples",
    "Loader",
    "Rejects",
    "Source",
    "SourceBatch",
    "TableLayout",
    "as_source",
    "open_source",
    "whole_file",
    "write_examples",
    "write_rejects",
]
