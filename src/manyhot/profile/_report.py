"""CheckReport: everything `check` measured and found, as plain frozen structs that turn into JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from ._cost import Memory, Time
from ._findings import Finding
from ._leaks import ColumnAuc
from ._repeats import Repeats
from ._tally import FieldReport, FileLabels

__all__ = ["CheckReport", "PartReport", "VocabularyReport"]


@dataclass(frozen=True)
class PartReport:
    """One of train, valid and test.

    rows: accepted, None where bad rows of train kept them from being counted; rejected: bad; first_rejects: a sentence
    for each of the first of them. positives: rows with label 1; None where bad rows kept anything from being encoded,
    and then files and fields are empty. seconds: that reading and encoding took; None where all was in the cache.
    """

    source: str
    rows: int | None = None
    rejected: int = 0
    first_rejects: tuple[str, ...] = ()
    positives: int | None = None
    label_rate: float | None = None
    pairs: int = 0
    files: tuple[FileLabels, ...] = ()
    fields: dict[str, FieldReport] = field(default_factory=dict)
    seconds: float | None = None


@dataclass(frozen=True)
class VocabularyReport:
    """size: rows of its tables, OOV included. The others are None where ids are hashed or given: distinct tokens and
    their occurrences before min_count and max_size; cut: tokens that these cut; cut_share: of the occurrences."""

    fields: tuple[str, ...]
    size: int
    distinct: int | None = None
    occurrences: int | None = None
    cut: int | None = None
    cut_share: float | None = None


@dataclass(frozen=True)
class CheckReport:
    """parts: train, valid and test, those that could be read. columns: what each column tells of the label alone.
    repeats: rows of valid and test that are also in train. memory, time: None where train could not be encoded."""

    parts: dict[str, PartReport]
    vocabularies: dict[str, VocabularyReport]
    columns: tuple[ColumnAuc, ...]
    repeats: dict[str, Repeats]
    memory: Memory | None
    time: Time | None
    findings: tuple[Finding, ...]

    @property
    def has_errors(self) -> bool:
        """Whether training would refuse or would mean nothing."""
        return any(finding.severity == "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data
