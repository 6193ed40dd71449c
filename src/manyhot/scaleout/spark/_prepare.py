"""prepare: DataFrames into a folder of prepared rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from manyhot.data import finish_prepared, new_prepared
from manyhot.schema import Reading, Schema

from ._encode import encode
from ._fit import fit
from ._frame import chosen
from ._pyspark import DataFrame, spark_errors

__all__ = ["prepare"]

_PROOF_ROWS = 256


def prepare(
    schema: Schema,
    folder: str | Path,
    *,
    train: DataFrame,
    valid: DataFrame | None = None,
    test: DataFrame | None = None,
    reading: Reading | None = None,
) -> dict[str, Any]:
    """Fits on train, encodes all, leaves a folder for `manyhot train --prepared` or mh.train(prepared=...).

    folder: in a file system that the driver and all executors see under this name; it appears when it is whole, and
    replaces one that was prepared before. reading: how files with such rows are read; kept for the model.
    Returns what prepared.json says. Raises DataError, BadRowsError.
    """
    if schema.example_weights is not None:  # as everywhere, nothing is learned from rows of weight 0
        column = schema.example_weights.replace("`", "``")
        train = train.where(f"coalesce(try_cast(`{column}` as double) <> 0, true)")
    frames = {name: rows for name, rows in (("train", train), ("valid", valid), ("test", test)) if rows is not None}
    with new_prepared(Path(folder).resolve()) as part:
        encoder = fit(train, schema, name="train")
        for name, rows in frames.items():
            encode(rows, encoder, part / name, name=name)
        first = "valid" if valid is not None else "train"
        with spark_errors(f"read {first}"):
            proof = chosen(frames[first], schema.columns, first).limit(_PROOF_ROWS).toArrow()
        return finish_prepared(part, encoder, proof, reading or Reading(), engine="spark")
