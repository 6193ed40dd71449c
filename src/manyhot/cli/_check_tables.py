"""The report of `manyhot check` for people: tables no wider than the terminal, findings last."""

from __future__ import annotations

from collections import Counter

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from manyhot.profile import CheckReport, Finding, percent

from ._output import cell, console

__all__ = ["show"]

_COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_FILES_SHOWN, _ALIKE_SHOWN = 20, 3


def show(report: CheckReport) -> None:
    """Prints it."""
    if report.parts:
        _print(_parts(report))
    for name, part in report.parts.items():
        if len(part.files) > 1:
            console.print(f"\nfiles of {name}")
            _print(_files(report, name))
        if part.first_rejects:
            console.print(f"\nbad rows of {name}")
            for sentence in part.first_rejects:
                console.print(f"  {sentence}")
            if part.rejected > len(part.first_rejects):
                console.print(f"  ... and {part.rejected - len(part.first_rejects):,} more")
    if report.vocabularies:
        _print(_fields(report))
        _print(_vocabularies(report))
        _print(_cost(report))
    _print(_findings(report))


def _print(table: RenderableType) -> None:
    console.print()
    console.print(table, soft_wrap=False)


def _table(first: str, *numbers: str, last: str | None = None) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    if last is not None:
        table.add_column(last, overflow="fold")
    return table


def _parts(report: CheckReport) -> Table:
    table = _table("part", "rows", "bad", "label 1", last="source")
    for name, part in report.parts.items():
        rows = "?" if part.rows is None else f"{part.rows:,}"
        table.add_row(name, rows, f"{part.rejected:,}", _share(part.label_rate), cell(part.source))
    return table


def _files(report: CheckReport, name: str) -> Table:
    files = report.parts[name].files
    table = _table("file", "rows", "label 1")
    for file in files[:_FILES_SHOWN]:
        table.add_row(cell(file.name), f"{file.rows:,}", _share(file.label_rate))
    if len(files) > _FILES_SHOWN:
        table.add_row(f"... and {len(files) - _FILES_SHOWN:,} more, in --json")
    return table


def _fields(report: CheckReport) -> Table:
    train = report.parts["train"]
    others = [name for name in ("valid", "test") if name in report.parts and report.parts[name].fields]
    table = _table("field", "empty", "OOV", *(f"in {o}" for o in others), "pairs", "p99", "max", "tokens", "AUC")
    for name, field in train.fields.items():
        aucs = [c.auc for c in report.columns if c.field == name and c.auc is not None]
        table.add_row(
            cell(name),
            _share(field.empty_share),
            _share(field.oov_share),
            *(_share(report.parts[other].fields[name].oov_share) for other in others),
            f"{field.mean_pairs:.3g}",
            f"{field.p99_pairs:,}",
            f"{field.most_pairs:,}",
            f"{field.distinct:,}",
            f"{max(aucs):.3f}" if aucs else "",
        )
    return table


def _vocabularies(report: CheckReport) -> Table:
    table = _table("vocabulary", "size", "distinct", "cut", "of pairs", last="shared by")
    for name, vocabulary in report.vocabularies.items():
        distinct, cut = ("" if n is None else f"{n:,}" for n in (vocabulary.distinct, vocabulary.cut))
        share = _share(vocabulary.cut_share)
        fields = "" if vocabulary.fields == (name,) else ", ".join(vocabulary.fields)
        table.add_row(cell(name), f"{vocabulary.size:,}", distinct, cut, share, cell(fields))
    return table


def _cost(report: CheckReport) -> Table:
    lines = Table.grid(padding=(0, 2))
    memory, time = report.memory, report.time
    if memory is not None:
        text = f"tables {_bytes(memory.tables)} ({memory.table_rows:,} rows of {memory.row_bytes} bytes)"
        text += f", their copy for early stopping {_bytes(memory.best_copy)}" if memory.best_copy else ""
        text += f", their averages {_bytes(memory.averages)}" if memory.averages else ""
        text += f"; encoded rows {_bytes(memory.examples)}, on disk"
        lines.add_row("memory", text + (f"; {_bytes(memory.free)} are free" if memory.free is not None else ""))
    read = [part for part in report.parts.values() if part.seconds is not None and part.rows]
    rows, seconds = sum(part.rows or 0 for part in read), sum(part.seconds or 0 for part in read)
    if read:
        rate = f"{rows / seconds:,.0f} rows/s"
        lines.add_row("reading", f"{rows:,} rows read and encoded in {_duration(seconds)} ({rate})")
    else:
        lines.add_row("reading", "not needed, the encoded rows were in the cache")
    if time is not None:
        rate = f"{time.examples_per_second:,.0f} examples/s in {time.steps} steps on this machine"
        epochs = f"about {_duration(time.seconds_an_epoch)} an epoch, {_duration(time.seconds)} for all"
        early = ", less where early stopping ends it" if memory is not None and memory.best_copy else ""
        lines.add_row("training", f"{rate}: {epochs}{early}")
    return lines


def _findings(report: CheckReport) -> RenderableType:
    if not report.findings:
        return "nothing to complain of"
    table = Table.grid(padding=(0, 2))
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in report.findings:
        alike.setdefault((finding.severity, finding.kind), []).append(finding)
    for (severity, _), findings in alike.items():
        label = cell(severity, _COLOURS[severity])
        shown = findings if len(findings) <= _ALIKE_SHOWN + 1 else findings[:_ALIKE_SHOWN]
        for finding in shown:
            table.add_row(label, Text.assemble((finding.where, "bold"), ": ", finding.text))
        if rest := findings[len(shown) :]:
            places = ", ".join(dict.fromkeys(finding.where for finding in rest))
            table.add_row(label, cell(f"... and {len(rest)} more like these: {places}"))
    counts = Counter(finding.severity for finding in report.findings)
    said = [f"{number} {severity}{'s' if number > 1 else ''}" for severity, number in counts.items()]
    table.add_row("", "")
    table.add_row("", ", ".join(said))
    return table


def _share(share: float | None) -> str:
    return "" if share is None else percent(share)


def _bytes(number: int) -> str:
    return f"{number / 1e9:,.1f} GB" if number >= 1e9 else f"{number / 1e6:,.1f} MB"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
