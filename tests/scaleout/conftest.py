"""A Spark session of two threads on loopback, started and stopped by the tests that need one."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

PANDAS = "PySpark does not yet fully support pandas"  # 4.3 says so of pandas 3, and we give it no pandas
SETTINGS = {
    "spark.master": "local[2,2]",  # a task may fail once
    "spark.driver.memory": "600m",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.session.timeZone": "Asia/Shanghai",  # and not UTC: it must change nothing
    "spark.sql.files.maxPartitionBytes": "200k",  # so that small files come in several partitions
    "spark.sql.files.openCostInBytes": "1k",
}


@pytest.fixture(scope="session")
def loopback() -> Iterator[None]:
    """The environment of Spark on this machine; skips where there is no Java."""
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, and there is no java on the PATH")
    ours = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    before = {key: os.environ.get(key) for key in ours}
    os.environ.update(ours)
    yield
    for key, value in before.items():
        os.environ.pop(key) if value is None else os.environ.update({key: value})


@pytest.fixture(scope="session")
def spark(loopback: None) -> Iterator[Any]:
    """A session of its own."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", PANDAS, FutureWarning)
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.appName("manyhot tests")
        for key, value in SETTINGS.items():
            builder = builder.config(key, value)
        session = builder.getOrCreate()
    yield session
    session.stop()
