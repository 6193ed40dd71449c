"""What `manyhot evaluate` found, for people."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from ._output import cell, console, number_text

__all__ = ["show"]

_NOT_METRICS = ("groups", "groups_of_one_class", "examples", "intervals", "curve", "by", "slices")


def show(found: dict[str, Any]) -> None:
    """Prints the tables of what `--as-json` would print."""
    console.print(f"{found['examples']:,} examples\n")
    console.print(_metrics(found))
    if "groups" in found:
        left_out = f"{found['groups_of_one_class']:,} of one class left out"
        console.print(f"\ngauc within {found['groups']:,} groups, {left_out}")
    if "curve" in found:
        console.print("\ncalibration curve\n")
        console.print(_curve(found["curve"]))
    if "slices" in found:
        console.print(f"\nby {found['by']}\n")
        console.print(_slices(found["by"], found["slices"]))


def _metrics(found: dict[str, Any]) -> Table:
    intervals = found.get("intervals")
    table = _table("", "", *(["95 % interval"] if intervals is not None else []))
    for name, value in found.items():
        if name in _NOT_METRICS:
            continue
        cells = [number_text(value)]
        if intervals is not None:
            interval = intervals.get(name)
            cells.append("" if interval is None else f"{interval.low:.5f} to {interval.high:.5f}")
        table.add_row(name, *cells)
    table.show_header = intervals is not None
    return table


def _curve(bins: list[dict[str, Any]]) -> Table:
    table = _table("bin", "rows", "mean p", "rate", "rate - p")
    for number, part in enumerate(bins, 1):
        p, rate = part["mean_probability"], part["rate"]
        table.add_row(str(number), f"{part['rows']:,}", f"{p:.4f}", f"{rate:.4f}", f"{rate - p:+.4f}")
    return table


def _slices(field: str, slices: list[dict[str, Any]]) -> Table:
    table = _table(field, "rows", "positives", "auc", "log loss", "calibration")
    for line in slices:
        numbers = (number_text(line[key]) for key in ("auc", "log_loss", "calibration"))
        token = cell("others", "italic") if line["token"] is None else cell(line["token"])
        table.add_row(token, f"{line['rows']:,}", f"{line['positives']:,}", *numbers)
    return table


def _table(first: str, *numbers: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(cell(first), overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
