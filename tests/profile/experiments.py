"""Small experiments on disk, checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from manyhot.profile import CheckReport, Finding, check
from manyhot.schema import load_experiment

TRAINING = '[model]\nname = "lr"\n[training]\nbatch_size = 64\nepochs = 2\nthreads = 1\n'


def write(folder: Path, fields: str, *, training: str = TRAINING, data: str = "", **parts: Any) -> Path:
    """An experiment file with these [fields] (and [vocabularies]), and a Parquet file for each part: a dict of columns,
    or a list of them, one a file. data: further lines of [data]."""
    lines = [f'[data]\nlabel = "y"\n{data}']
    for name, given in parts.items():
        if isinstance(given, dict):
            pq.write_table(pa.table(given), folder / f"{name}.parquet")
            lines.append(f'{name} = "{name}.parquet"\n')
        else:
            for number, columns in enumerate(given):
                pq.write_table(pa.table(columns), folder / f"{name}-{number}.parquet")
            lines.append(f'{name} = "{name}-*.parquet"\n')
    path = folder / "experiment.toml"
    path.write_text("".join(lines) + fields + training)
    return path


def checked(folder: Path, fields: str, **given: Any) -> CheckReport:
    """The report on such an experiment; nothing is cached."""
    return check(load_experiment(write(folder, fields, **given)))


def findings(report: CheckReport, kind: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.kind == kind]
