"""The table kernels, native (C++) or reference (plain torch), behind one contract; and native helpers on byte buffers.

This room knows arrays, not fields: ids, weights, offsets, rows of one big table. What an id means is `manyhot.data`'s
business, what the outputs are for is `manyhot.nn`'s. `select("native" | "reference")` gives the implementation; torch
is imported only by the reference and by `rules.py`, the optimizers' formulas. Read `_contract.py` first, then
`_reference.py`: it is the definition.
"""

from ._contract import (
    Batch,
    ExampleStore,
    Float32s,
    Gradients,
    Int32s,
    Jagged,
    Kernels,
    Lookup,
    OptimizerStep,
    Outputs,
    Pooled,
    RowPlan,
    RowRange,
    new_table,
    row_stride,
    state_places,
)
from ._lines import BagBuffers, LineFault, LineFormat, TextBuffers, parse_lines
from ._select import has_bfloat16, select
from ._text import (
    CsvParser,
    CsvRecords,
    QuoteScan,
    TextFault,
    Tokens,
    TokenTable,
    hash_tokens,
    identity_ids,
    interleave,
    parse_bags,
)

__all__ = [
    "BagBuffers",
    "Batch",
    "CsvParser",
    "CsvRecords",
    "ExampleStore",
    "Float32s",
    "Gradients",
    "Int32s",
    "Jagged",
    "Kernels",
    "LineFault",
    "LineFormat",
    "Lookup",
    "OptimizerStep",
    "Outputs",
    "Pooled",
    "QuoteScan",
    "RowPlan",
    "RowRange",
    "TextBuffers",
    "TextFault",
    "TokenTable",
    "Tokens",
    "has_bfloat16",
    "hash_tokens",
    "identity_ids",
    "interleave",
    "new_table",
    "parse_bags",
    "parse_lines",
    "row_stride",
    "select",
    "state_places",
]
