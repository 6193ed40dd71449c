"""Finding: one thing worth saying about an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["SEVERITIES", "Finding", "Severity"]

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """severity: "error" where training would refuse or would mean nothing, "warning" where it would likely suffer,
    "note" for what is only good to know. where: a part, a field, a vocabulary. text: what, and what to do."""

    severity: Severity
    where: str
    text: str
