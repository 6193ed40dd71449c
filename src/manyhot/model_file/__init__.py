"""One file from raw row to probability: schema, vocabularies, transforms, tables, dense weights, proof rows.

A safetensors file: data only, no pickle. What stands in it lives here and nowhere else (how its bytes are written and
distrusted: `manyhot.storage`); training fills it, scoring uses it. Read `_saved.py` first.
"""

from ._again import take_proof
from ._file import load_model, read_header, read_settings, save_model
from ._saved import LabelledLogits, SavedModel

__all__ = ["LabelledLogits", "SavedModel", "load_model", "read_header", "read_settings", "save_model", "take_proof"]
