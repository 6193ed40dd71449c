"""Reading: how files of rows are to be read, where their names and contents do not tell."""

from __future__ import annotations

from typing import Literal

from manyhot.errors import ConfigError

from ._config import Config, first_twice

__all__ = ["Reading"]


class Reading(Config, frozen=True, kw_only=True):
    """How files are read. A model keeps it, so that rows to be scored are read as those it was trained on.

    format: None goes by the ending of each file's name. "criteo" and "avazu" are the raw files of those competitions.
    columns: the names of the columns of CSV/TSV files without a header.
    delimiter: of CSV/TSV files; None takes it from the name (.tsv, .txt: tab, else comma).
    quote: whether values of CSV/TSV files may stand in double quotes; without, a quote is a character like others.
    """

    format: Literal["parquet", "arrow", "csv", "tsv", "jsonl", "libsvm", "libffm", "vw", "criteo", "avazu"] | None = (
        None
    )
    columns: tuple[str, ...] | None = None
    delimiter: str | None = None
    quote: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("columns", "delimiter"):
            if getattr(self, key) is not None and self.format not in (None, "csv", "tsv"):
                raise ConfigError(f'data: {key} is for CSV and TSV files, not for format = "{self.format}"; remove it')
        if self.delimiter is not None and len(self.delimiter.encode()) != 1:
            raise ConfigError(f'data: delimiter = "{self.delimiter}" must be one ASCII character')
        if self.delimiter is not None and self.delimiter in ('\n\r"' if self.quote else "\n\r"):
            raise ConfigError(f"data: delimiter = {self.delimiter!r} ends lines or quotes values; name another one")
        twice = first_twice(self.columns or ())
        if twice is not None:
            raise ConfigError(f'data: columns names "{twice}" twice')
