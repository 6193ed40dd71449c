"""Files that nothing is lost from and nothing is let in by: written whole or not at all, read with distrust.

Knows paths, bytes and arrays; not what they mean. What must be on disk before what is decided here and nowhere else.
Read `_whole.py` first.
"""

from ._checkpoints import CheckpointFolder, Stored
from ._failures import why_not_written
from ._json import MOST_BYTES, read_json
from ._leftovers import sweep
from ._lock import RunLock
from ._regular import open_regular
from ._tensors import TensorFile, opened_tensors, tensors_checksum, write_tensors
from ._version import VERSION
from ._whole import made_folder, whole_file, whole_folder

__all__ = [
    "MOST_BYTES",
    "VERSION",
    "CheckpointFolder",
    "RunLock",
    "Stored",
    "TensorFile",
    "made_folder",
    "open_regular",
    "opened_tensors",
    "read_json",
    "sweep",
    "tensors_checksum",
    "whole_file",
    "whole_folder",
    "why_not_written",
    "write_tensors",
]
