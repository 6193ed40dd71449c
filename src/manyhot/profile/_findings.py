"""Finding: one thing worth saying about an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from manyhot.errors import on_one_line

__all__ = ["SEVERITIES", "Finding", "Kind", "Severity"]

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

Kind = Literal[
    "unreadable",
    "missing_column",
    "bad_rows",
    "no_rows",
    "one_class",
    "few_labels",
    "label_rate",
    "leak",
    "repeated_rows",
    "always_empty",
    "emptiness",
    "constant",
    "identifies_rows",
    "oov",
    "cut_tokens",
    "null_words",
    "far_numbers",
    "long_bags",
    "memory",
    "training",
]


@dataclass(frozen=True)
class Finding:
    """severity: "error" where training would refuse or would mean nothing, "warning" where it would likely suffer,
    "note" for what is only good to know. kind: one of the words in docs/check.md, for programs. where: a part, a field
    or a vocabulary. text: what, and what to do."""

    severity: Severity
    kind: Kind
    where: str
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", on_one_line(self.text))  # it quotes names and values of files
