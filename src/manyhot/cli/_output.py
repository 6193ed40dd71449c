"""What commands share in writing: whole files only, and numbers for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from manyhot.errors import ManyhotError
from manyhot.storage import made_folder, whole_file

from ._console import cell, console, to_stderr

__all__ = [
    "cell",
    "console",
    "metric_lines",
    "metric_text",
    "number_text",
    "output_file",
    "output_folder",
    "to_stderr",
    "write_json",
]

_IN_A_LINE = ("auc", "log_loss", "ece", "gauc")


@contextmanager
def output_folder(path: Path) -> Iterator[None]:
    """`made_folder`, with the sentence for one that cannot be made."""
    with ExitStack() as stack:
        try:
            stack.enter_context(made_folder(path))
        except OSError as error:
            raise ManyhotError(f"{path}: cannot make the output folder: {error.strerror or error}") from None
        yield


@contextmanager
def output_file(path: Path) -> Iterator[Path]:
    """`whole_file`, with the sentence for a file that cannot be written."""
    try:
        with whole_file(path) as part:
            yield part
    except OSError as error:
        raise ManyhotError(f"{path}: cannot write: {error.strerror or error}") from None


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Indented JSON; the file appears when it is whole."""
    with output_file(path) as part:
        part.write_text(json.dumps(data, indent=2) + "\n")


def number_text(value: float | None) -> str:
    """ "0.78123"; None is "undefined" (labels of one class only)."""
    return "undefined" if value is None else f"{value:.5f}"


def metric_text(metrics: dict[str, float | None]) -> str:
    """ "auc 0.78123  log_loss 0.45101  ece 0.00713", the metrics that fit a line.

    With groups also "gauc 0.69102 (1,203 groups, 31 of one class left out)".
    """
    text = "  ".join(f"{key} {number_text(metrics[key])}" for key in _IN_A_LINE if key in metrics)
    if "groups" in metrics:
        text += f" ({metrics['groups']:,} groups, {metrics['groups_of_one_class']:,} of one class left out)"
    return text


def metric_lines(title: str, metrics: dict[str, Any], labels: Sequence[str] = ()) -> list[str]:
    """A line "valid auc 0.78123 ..", or of several labels of these names a line each, "valid click auc 0.78123 .."."""
    if not labels:
        return [f"{title}{metric_text(metrics)}"]
    width = max(map(len, labels)) + 2
    return [f"{title}{name:{width}}{metric_text(metrics[name])}" for name in labels]
