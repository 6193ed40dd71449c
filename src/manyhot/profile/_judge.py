"""From what was measured to what is worth saying, part by part. docs/check.md explains the thresholds."""

from __future__ import annotations

import math
from collections.abc import Iterator

from manyhot.schema import Experiment, settle

from ._findings import Finding
from ._judge_fields import judge_fields
from ._report import CheckReport, PartReport
from ._words import percent

__all__ = ["judge"]

FEW_LABELS = 10
RATE_OF_PART, RATE_OF_FILE = 2.0, 3.0  # factors between label rates
SURE = 6.0  # deviations that chance would hardly give, however many files are looked at
REPEATED, ALL_REPEATED = 0.01, 0.9  # shares of rows, beyond what train repeats of itself


def judge(config: Experiment, report: CheckReport) -> list[Finding]:
    """The findings on parts, then on fields and vocabularies, then on what training takes."""
    findings: list[Finding] = []
    for name, part in report.parts.items():
        findings += _rows(name, part)
        findings += _labels(config, name, part, report)
    return [*findings, *_repeats(report), *judge_fields(config.schema, report), *_memory(report)]


def _rows(name: str, part: PartReport) -> Iterator[Finding]:
    if part.rejected:
        read = part.rejected + (part.rows or 0)
        text = f"{part.rejected:,} of {read:,} rows are bad; correct or remove them"
        yield Finding("error", "bad_rows", name, text)
    elif part.rows == 0:
        yield Finding("error", "no_rows", name, f"{part.source} holds no rows")


def _labels(config: Experiment, name: str, part: PartReport, report: CheckReport) -> Iterator[Finding]:
    if part.positives is None or part.label_rate is None or not part.rows:
        return
    fewer = min(part.positives, part.rows - part.positives)
    if fewer == 0:
        yield _one_class(config, name, part.rows, f"all {part.rows:,} labels are {int(part.positives > 0)}")
    elif fewer < FEW_LABELS:
        text = f"only {fewer} rows have the rarer label; whatever is measured will be chance"
        yield Finding("warning", "few_labels", name, text)
    for file in part.files if len(part.files) > 1 else ():
        if _differs(file.positives, file.rows, part.label_rate, RATE_OF_FILE):
            rates = f"{percent(file.label_rate)} in {file.name} and {percent(part.label_rate)} in all files"
            yield Finding("warning", "label_rate", name, f"the label rate is {rates}; check how that file was made")
    train = report.parts.get("train")
    expected = None if train is None or name == "train" else train.label_rate
    if expected is not None and _differs(part.positives, part.rows, expected, RATE_OF_PART):
        rates = f"{percent(part.label_rate)}, and {percent(expected)} in train"
        text = f"the label rate is {rates}; probabilities will be off by as much"
        yield Finding("warning", "label_rate", name, text)


def _one_class(config: Experiment, name: str, num_rows: int, all_are: str) -> Finding:
    stopping = settle(config.training, num_rows, num_rows).early_stopping
    if name == "train":
        text = f'{all_are}, so there is nothing to learn; check column "{config.data.label}"'
        return Finding("error", "one_class", name, text)
    if name == "valid" and stopping is not None and stopping.metric in ("auc", "pr_auc", "gauc"):
        by = "AUC" if stopping.metric == "auc" else stopping.metric
        text = f'{all_are}, and early stopping by {by} needs both classes; give other rows, or metric = "log_loss"'
        return Finding("error", "one_class", name, text)
    if name == "valid" and config.training.calibration is not None:
        text = f"{all_are}, and calibration needs both classes; give other rows, or leave calibration out"
        return Finding("error", "one_class", name, text)
    return Finding("warning", "one_class", name, f"{all_are}, so AUC is undefined")


def _differs(positives: int, rows: int, expected: float, factor: float) -> bool:
    """Whether a label rate is another by more than the factor, and not by chance."""
    if not 0 < expected < 1:
        return False
    sure = abs(positives - rows * expected) > SURE * math.sqrt(rows * expected * (1 - expected))
    return sure and not expected / factor <= positives / rows <= expected * factor


def _repeats(report: CheckReport) -> Iterator[Finding]:
    for name, repeats in report.repeats.items():
        excess = repeats.share - repeats.train_share
        if repeats.share < REPEATED:
            continue
        text = f"{percent(repeats.share)} of the rows are also in train, field by field"
        within = f"{percent(repeats.train_share)} of train's rows repeat another row of train"
        if excess < REPEATED:
            yield Finding("note", "repeated_rows", name, f"{text}; {within}, so rows are alike by nature")
        elif repeats.share >= ALL_REPEATED and excess >= ALL_REPEATED / 2:
            text += ", so that it measures what was learned by heart; give other rows"
            yield Finding("error", "repeated_rows", name, text)
        else:
            text += f", while {within}; metrics will be too good: check the split"
            yield Finding("warning", "repeated_rows", name, text)


def _memory(report: CheckReport) -> Iterator[Finding]:
    memory = report.memory
    if memory is None or memory.free is None or memory.tables > memory.free:
        return  # where tables do not fit, training's own sentence is there already
    free = f"{memory.free / 1e9:.1f} GB that are free"
    if memory.tables + memory.best_copy + memory.averages > memory.free:
        copies = (
            "their copies for early stopping and averaging do"
            if memory.averages
            else "their copy for early stopping does"
        )
        text = f"the tables fit into the {free}, {copies} not; raise min_count"
        yield Finding("warning", "memory", "training", text)
    elif memory.tables + memory.examples > memory.free:
        text = f"the encoded rows, {memory.examples / 1e9:.1f} GB, do not fit beside the tables into the {free}"
        yield Finding("note", "memory", "training", f"{text}; each epoch reads them from disk")
