"""fit: an Encoder learned by all executors."""

from __future__ import annotations

import pyarrow.compute as pc

from manyhot.data import TOKEN, Encoder, Fit, add_partial, wanted_columns
from manyhot.errors import ConfigError
from manyhot.schema import Schema

from ._frame import ran
from ._places import add_files
from ._pyspark import DataFrame, Window, functions, spark_errors
from ._report import Report, check_reports
from ._tasks import REPORT, LearnTask

__all__ = ["fit"]


def fit(rows: DataFrame, schema: Schema, *, name: str = "the DataFrame") -> Encoder:
    """Learns vocabularies and transforms in one pass over the rows; the same bits as `Encoder.fit`, in any order.

    Partitions are counted by themselves, Spark adds the counts up and drops what min_count and max_size cut: only the
    tokens that are kept come to the driver (of a quantile_bucket column every distinct value).

    rows: columns of the schema and its label. name: what error sentences call the rows.
    Raises DataError, BadRowsError; ConfigError where a field has trees, which one machine grows.
    """
    for field in schema.fields:
        if field.gbdt is not None:
            raise ConfigError(
                f'field "{field.name}": Spark does not grow the trees of gbdt; prepare with the embedded engine'
            )
    task = LearnTask(schema.to_dict(), name)
    with spark_errors(f"learn from {name}"):
        partial = ran(rows, wanted_columns(schema, with_labels=True), name, task)
        merged = partial.groupBy("kind", "name", "key").agg(functions.sum("times").alias("times"))
        kept = _kept(merged, schema).toArrow()
    reports = Report.of(kept.filter(pc.equal(kept["kind"], REPORT))["key"])
    add_files(rows, reports)
    check_reports(reports)
    learned = Fit(schema)
    for batch in kept.to_batches():
        add_partial(learned, batch)
    return Encoder(schema, learned.vocabularies(1), learned.numbers)


def _kept(merged: DataFrame, schema: Schema) -> DataFrame:
    """Without the tokens that min_count and max_size cut; ties by bytes, as everywhere."""
    is_token = functions.col("kind") == TOKEN
    for vocabulary in schema.vocabularies:
        here = is_token & (functions.col("name") == vocabulary.name)
        if vocabulary.min_count > 1:
            merged = merged.where(~here | (functions.col("times") >= vocabulary.min_count))
        if vocabulary.max_size is not None:
            # Rows of other names are spread by their key, so that ranking sorts nothing but this vocabulary.
            spread = functions.when(here, 0).otherwise(functions.xxhash64("key"))
            order = Window.partitionBy(here, spread).orderBy(functions.desc("times"), functions.asc("key"))
            ranked = merged.withColumn("rank", functions.row_number().over(order))
            merged = ranked.where(~here | (functions.col("rank") <= vocabulary.max_size)).drop("rank")
    return merged
