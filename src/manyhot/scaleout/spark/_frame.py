"""What is asked of a DataFrame before Spark runs: the columns, and a task on each of its partitions."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from manyhot.data import PARTIAL_SCHEMA
from manyhot.data.sources import check_columns

from ._pyspark import DataFrame, functions
from ._tasks import CORRUPT, EncodeTask, LearnTask

__all__ = ["RESULT", "chosen", "ran"]

_SPARK_TYPES = {pa.string(): "string", pa.binary(): "binary", pa.int64(): "bigint"}
RESULT = ", ".join(f"{field.name} {_SPARK_TYPES[field.type]}" for field in PARTIAL_SCHEMA)


def chosen(rows: DataFrame, columns: Sequence[str], name: str) -> DataFrame:
    """Exactly these columns. Raises DataError where one is missing or there twice."""
    check_columns(name, columns, rows.columns)
    return rows.select(*(functions.col(f"`{column.replace('`', '``')}`") for column in columns))


def ran(rows: DataFrame, columns: Sequence[str], name: str, task: LearnTask | EncodeTask) -> DataFrame:
    """The rows that a task gives of each partition, as PARTIAL_SCHEMA; lazy, as all of Spark."""
    lines = [CORRUPT] if CORRUPT in rows.columns else []
    return chosen(rows, [*columns, *lines], name).mapInArrow(task, RESULT)
