"""pyspark, or the sentence that says how to get it; and Spark's own errors as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from manyhot.errors import DataError, ManyhotError

try:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException, PythonException
    from pyspark.sql import DataFrame, SparkSession, Window, functions
except ImportError as error:
    raise ManyhotError(f'pyspark cannot be imported ({error}); install it: pip install "manyhot[spark]"') from None

__all__ = ["DataFrame", "PySparkException", "SparkSession", "Window", "functions", "spark_errors"]


@contextmanager
def spark_errors(doing: str) -> Iterator[None]:
    """What Spark itself cannot do becomes one sentence; an exception of our own code in an executor stays as it is."""
    try:
        yield
    except PythonException:
        raise
    except (PySparkException, Py4JError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise DataError(f"Spark cannot {doing}: {lines[0] if lines else type(error).__name__}") from error
