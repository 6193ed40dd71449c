"""What the training loop tells, to whoever listens: a file, a terminal, a notebook."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

__all__ = ["Listener", "ProgressBar", "valid_line"]


class Listener(Protocol):
    """Receives reports: plain dictionaries with "event" = "start", "progress", "valid", "skipped" or "end"."""

    def __call__(self, report: dict[str, Any]) -> None:
        """Takes one report."""


class ProgressBar:
    """A bar on standard error with examples a second, loss and time left; a line for each validation.

    Without a terminal only the validations are written. console: another one to write to.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[rate]:>11,.0f} examples/s  loss {task.fields[loss]:.4f}  left"),
            TimeRemainingColumn(compact=True),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> ProgressBar:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def __call__(self, report: dict[str, Any]) -> None:
        if report["event"] == "start":
            total = report["examples"] * report["epochs"]
            fields = {"epoch": 1, "epochs": report["epochs"], "rate": 0.0, "loss": float("nan")}
            self._task = self._progress.add_task("", total=total, **fields)
        elif report["event"] == "progress" and self._task is not None:
            self._progress.update(
                self._task,
                completed=report["examples"],
                epoch=report["epoch"],
                rate=report["examples_per_second"],
                loss=report["loss"],
            )
        elif report["event"] == "skipped":
            rows = ", ".join(report["rows"])
            text = f"step {report['step']}  {report['what']}: nothing was learned from this batch ({rows})"
            self._console.print(text, highlight=False, soft_wrap=True, markup=False)
        elif report["event"] == "valid":
            self._console.print(valid_line(report), highlight=False, soft_wrap=True, markup=False)


def valid_line(report: dict[str, Any]) -> str:
    """ "epoch 2  step 118  loss 0.4312  valid auc 0.78123  log_loss 0.45101"; of several labels a line each, the first
    of which starts like this, with the label's name before its metrics."""
    start = f"epoch {report['epoch']}  step {report['step']}  loss {report['loss']:.4f}  valid "
    if "labels" not in report:
        return start + _metrics(report)
    width = max(map(len, report["labels"]))
    lines = [f"{name:{width}}  {_metrics(of_label)}" for name, of_label in report["labels"].items()]
    return start + ("\n" + " " * len(start)).join(lines)


def _metrics(found: dict[str, Any]) -> str:
    return "  ".join(
        f"{key} {'undefined' if found[key] is None else format(found[key], '.5f')}"
        for key in ("auc", "log_loss", "gauc")
        if key in found
    )
