from typing import Any

import numpy as np
import numpy.typing as npt

_F = npt.NDArray[np.float32]
_I = npt.NDArray[np.int32]
_L = npt.NDArray[np.int64]
_B = npt.NDArray[np.uint8]
_H = npt.NDArray[np.uint16]

has_openmp: bool
has_bfloat16: bool

def level() -> str: ...
def set_level(level: str) -> str: ...
def forward(
    table: _F,
    dim: int,
    ids: _I,
    weights: _F | None,
    offsets: _I,
    num_fields: int,
    field_pairs: bool,
    linear: _F,
    pooled: _F | None,
    pooled_half: _H | None,
    sum: _F,
    bi: _F,
    num_threads: int,
) -> None: ...
def backward(
    table: _F,
    dim: int,
    rows: _I,
    starts: _I,
    bags: _I,
    weights: _F | None,
    grad_linear: _F | None,
    grad_pooled: _F | None,
    grad_pooled_half: _H | None,
    grad_bi: _F | None,
    sum: _F,
    field_pooled: _F | _H | None,
    num_fields: int,
    ranges: list[tuple[int, tuple[Any, ...], tuple[Any, ...]]] | None,
    out: _F | None,
    num_threads: int,
) -> None: ...
def move_rows(
    table: _F,
    dim: int,
    rows: _I,
    gradients: _F,
    factor: float,
    ranges: list[tuple[int, tuple[Any, ...], tuple[Any, ...]]],
    num_threads: int,
) -> None: ...
def plan_rows(ids: _I, weights: _F | None, offsets: _I, num_table_rows: int) -> tuple[_I, _I, _I, _F | None]: ...
def interleave(columns: list[tuple[_I, _F | None, _I, int]], num_rows: int) -> tuple[_I, _F | None, _I]: ...
def parse_bags(
    data: _B, starts: _L, lengths: _I, pair_separator: str, weight_separator: str
) -> tuple[_L, _I, _F | None, _I, _L, _I]: ...
def parse_lines(
    block: bytes, format: int, names: list[str]
) -> tuple[list[tuple[_B, _I, _B]], list[tuple[_B, _I, _F, _I]], _L, _L, _L, _I, _I, list[str]]: ...
def prefix_tokens(data: _B, starts: _L, lengths: _I, prefix: bytes) -> tuple[_B, _L, _I]: ...
def hash_tokens(data: _B, starts: _L, lengths: _I) -> npt.NDArray[np.uint64]: ...
def identity_ids(data: _B, starts: _L, lengths: _I, size: int) -> _I: ...

class ExampleStore:
    @property
    def num_rows(self) -> int: ...
    def __init__(self, num_fields: int, num_labels: int = 1) -> None: ...
    def add(
        self, offsets: _I, ids: _I, weights: _F | None, labels: _F | None, example_weights: _F | None = None
    ) -> None: ...
    def gather(
        self, batches: list[_L], bases: _I, combiners: _B, num_table_rows: int | None, num_threads: int
    ) -> list[tuple[_I, _F | None, _I, _F, _F | None, tuple[_I, _I, _I, _F | None] | None]]: ...

class QuoteScan:
    def __init__(self, delimiter: bytes) -> None: ...
    def feed(self, block: bytes) -> int: ...
    @property
    def is_closed(self) -> bool: ...
    @property
    def is_wrong(self) -> bool: ...

class CsvParser:
    def __init__(
        self, delimiter: bytes, quote: bool, empty_rows: bool, num_columns: int, wanted: list[int], header: bool
    ) -> None: ...
    def parse(self, block: bytes) -> tuple[list[tuple[_B, _L, _B, int]], _I, _I, _I, _I, _I, _I, _I, int]: ...

class TokenTable:
    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    def count(self, data: _B, starts: _L, lengths: _I, times: _L | None) -> None: ...
    def ranked(self, min_count: int, max_size: int) -> tuple[_B, _L, _L]: ...
    def lookup(self, data: _B, starts: _L, lengths: _I) -> _I: ...
