"""What commands share in writing: whole files only, and numbers for people."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from manyhot.errors import ManyhotError

__all__ = ["console", "metric_text", "to_stderr", "whole_file", "write_json"]

console = Console(highlight=False, soft_wrap=True)
to_stderr = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; renamed to it at the end, deleted where something failed."""
    part = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise ManyhotError(f"{path}: cannot write: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Indented JSON; the file appears when it is whole."""
    with whole_file(path) as part:
        part.write_text(json.dumps(data, indent=2) + "\n")


def metric_text(metrics: dict[str, float | None]) -> str:
    """ "auc 0.78123  log_loss 0.45101"; None is "undefined" (labels of one class only)."""
    return "  ".join(
        f"{key} {'undefined' if value is None else format(value, '.5f')}" for key, value in metrics.items()
    )
