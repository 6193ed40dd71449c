"""manyhot score MODEL DATA --out FILE.parquet"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from manyhot.scoring import load

from ._output import console, output_file

__all__ = ["score"]


def score(model: Path, data: list[str], /, *, out: Path) -> None:
    """Probabilities of rows, written to a Parquet file with one column, probability, in the order of the rows; where a
    model has several labels, with a column of probabilities for each, under its name.

    A row that cannot be read is an error that names it, and nothing is written: no row is left out, so that the
    probabilities keep their places.

    Parameters
    ----------
    model
        A model file.
    data
        Paths or globs of the rows: Parquet, CSV, TSV, Arrow. No label is needed.
    out
        The Parquet file to write; it appears only when it is whole.
    """
    scorer = load(model)
    probabilities, labels = scorer.score(data), scorer.encoder.schema.labels
    columns = {"probability": probabilities} if len(labels) == 1 else dict(zip(labels, probabilities.T, strict=True))
    with output_file(out) as part:
        pq.write_table(pa.table(columns), part)
    console.print(f"{len(probabilities):,} probabilities: {out}")
