"""manyhot init DATA"""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Any

from rich.table import Table

from manyhot.data import is_sql
from manyhot.errors import ConfigError
from manyhot.profile import FieldProposal, Proposal, percent, propose, to_toml

from ._output import cell, console, output_file, to_stderr

__all__ = ["init"]


def init(
    data: list[str],
    /,
    *,
    out: Path = Path("experiment.toml"),
    label: str | None = None,
    valid: str | None = None,
    force: bool = False,
    json: bool = False,
) -> None:
    """Look at the first 100,000 rows and write a commented experiment file that trains as it stands.

    Parameters
    ----------
    data
        Paths or globs of the rows, or one SQL query.
    out
        The experiment file to write.
    label
        The column to predict, where init cannot tell.
    valid
        Rows kept apart from those learned from.
    force
        Overwrite the experiment file.
    json
        One JSON object on standard output instead of a table.
    """
    if out.exists() and not force:
        raise ConfigError(f"{out}: is there already; give another name by --out, or --force to overwrite it")
    # The files that a query names count from the experiment's folder, where they will be when it is trained.
    folder = out.parent if is_sql(data[0]) else Path()
    proposal = propose(data, folder, label=label, valid=valid)
    with output_file(out) as part:
        part.write_text(to_toml(proposal, out), encoding="utf-8")
    if json:
        console.print(json_text.dumps(_as_data(proposal, out)))
        return
    console.print(_table(proposal))
    for warning in proposal.warnings:
        to_stderr.print(f"warning: {warning}")
    console.print(f"\n{out}   (try: manyhot train {out})")


def _rows(proposal: Proposal) -> list[dict[str, Any]]:
    """A row a column: what it is, and what becomes of it."""
    fields = {proposed.field.name: proposed for proposed in proposal.fields}
    weights = {p.field.weights: p.field.name for p in proposal.fields if p.field.weights is not None}
    rows = []
    for column in proposal.columns:
        if column.name == proposal.label.column:
            kind, says = "label", f"{proposal.label.why}; {percent(proposal.label.share)} are 1"
        elif column.name in weights:
            kind, says = "weights", f"of {weights[column.name]}"
        elif column.name in proposal.left_out:
            kind, says = "left out", proposal.left_out[column.name]
        else:
            kind, says = column.kind, _says(fields[column.name])
        distinct = len(column.values) or len(column.tokens)
        row = {"column": column.name, "is": kind, "distinct": distinct, "missing": column.share_missing, "says": says}
        rows.append(row)
    return rows


def _says(proposed: FieldProposal) -> str:
    field, column, parts = proposed.field, proposed.column, []
    if field.separators is not None:
        parts.append(
            "parted by " + " and ".join(f'"{s}"' for s in (field.separators.pair, field.separators.weight) if s)
        )
    if field.numeric is not None:
        parts.append(f"{', '.join(field.numeric)} ({proposed.reason})")
    elif proposed.reason:
        parts.append(proposed.reason)
    if column.null_word is not None:
        parts.append(f'"{column.null_word[0]}" is a token of its own')
    if isinstance(field.vocabulary, str) and field.vocabulary != field.name:
        parts.append(f"vocabulary of {field.vocabulary}")
    return "; ".join(parts)


def _table(proposal: Proposal) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("column", overflow="fold")
    table.add_column("is", no_wrap=True)
    table.add_column("distinct", justify="right", no_wrap=True)
    table.add_column("missing", justify="right", no_wrap=True)
    table.add_column("")
    for row in _rows(proposal):
        missing = percent(row["missing"]) if row["missing"] else ""
        cells = (row["column"], row["is"], f"{row['distinct']:,}", missing, row["says"])
        table.add_row(*map(cell, cells))
    return table


def _as_data(proposal: Proposal, out: Path) -> dict[str, Any]:
    overlaps = [
        {"vocabulary": v.vocabulary.name, "smaller": o.smaller, "larger": o.larger, "of_tokens": o.of_tokens,
         "of_occurrences": o.of_occurrences, "by_chance": o.by_chance}
        for v in proposal.vocabularies
        for o in v.overlaps
    ]  # fmt: skip
    return {
        "experiment": str(out),
        "rows": proposal.sample.num_rows,
        "all_rows": proposal.sample.is_whole,
        "label": proposal.label.column,
        "columns": _rows(proposal),
        "shared": overlaps,
        "schema": proposal.schema.to_dict(),
        "warnings": list(proposal.warnings),
    }
