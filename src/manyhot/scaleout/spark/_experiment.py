"""The rows of an experiment file, prepared by Spark."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from manyhot.errors import ConfigError
from manyhot.schema import Experiment

from ._files import read_files
from ._prepare import prepare
from ._pyspark import SparkSession, spark_errors

__all__ = ["prepare_experiment"]


def prepare_experiment(experiment: Experiment, folder: str | Path, *, master: str | None = None) -> dict[str, Any]:
    """`prepare` of the files that an experiment names.

    master: of the cluster; None is what Spark's own configuration says. A session that is there already is used, and
    left; else one is started and stopped. Raises DataError, BadRowsError.
    """
    data = experiment.data
    if data.split is not None:
        raise ConfigError(
            "data.split: Spark does not cut valid and test out of train; give them as files of their own, or prepare "
            "with the embedded engine"
        )
    if data.bad_rows.any:
        raise ConfigError(
            "data: max_bad_rows and max_bad_fraction are of the embedded engine; Spark takes no bad row, so correct or "
            "remove them first"
        )
    with _session(master) as session:
        with spark_errors("read the files"):
            frames = {
                name: read_files(session, getattr(data, name), experiment.folder, data.reading)
                for name in ("train", "valid", "test")
                if getattr(data, name) is not None
            }
        return prepare(experiment.schema, folder, **frames, reading=data.reading)


@contextmanager
def _session(master: str | None) -> Iterator[SparkSession]:
    running = SparkSession.getActiveSession()
    if running is not None:
        yield running
        return
    builder = SparkSession.builder.appName("manyhot prepare")
    for key, value in {
        "spark.sql.execution.arrow.maxRecordsPerBatch": "65536",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }.items():
        builder = builder.config(key, value)
    if master is not None:
        builder = builder.master(master)
    unset = "PYSPARK_PYTHON" not in os.environ
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # executors run the Python of the driver
    try:
        with spark_errors("start, which needs Java 17 or later on the PATH or under JAVA_HOME"):
            session = builder.getOrCreate()
        try:
            yield session
        finally:
            session.stop()
    finally:
        if unset:
            del os.environ["PYSPARK_PYTHON"]
