"""encode: a DataFrame into a folder of Examples, one file a partition."""

from __future__ import annotations

from pathlib import Path

from manyhot.data import Encoder, Examples, wanted_columns
from manyhot.errors import DataError
from manyhot.storage import whole_folder

from ._frame import ran
from ._places import add_files
from ._pyspark import DataFrame, spark_errors
from ._report import Report, check_reports
from ._tasks import EncodeTask

__all__ = ["encode"]


def encode(rows: DataFrame, encoder: Encoder, folder: str | Path, *, name: str = "the DataFrame") -> Examples:
    """Encodes the rows, labels among them, into `folder`/part-NNNNN.arrow; the folder appears when it is whole.

    folder: in a file system that the driver and all executors see under this name; one that is there is replaced.
    rows: columns of the schema and its label; the same rows in the same partitions whenever Spark computes them anew.
    name: what error sentences call the rows.
    Returns the Examples, mapped. Raises DataError, BadRowsError.
    """
    folder = Path(folder).resolve()
    columns = wanted_columns(encoder.schema, with_labels=True)
    try:
        with whole_folder(folder) as part:
            task = EncodeTask(*encoder.state(), str(part), name)
            with spark_errors(f"encode {name}"):
                reports = Report.of(ran(rows, columns, name, task).toArrow()["key"])
            add_files(rows, reports)
            check_reports(reports)
            _check_files(part, folder, reports, name)
        return Examples.open(folder)
    except OSError as error:
        raise DataError(f"{folder}: cannot write Examples: {error.strerror or error}") from None


def _check_files(part: Path, folder: Path, reports: list[Report], name: str) -> None:
    """Raises DataError where a file that a task wrote is not here; removes what no task stands for."""
    written = {report.file for report in reports if report.file is not None}
    if not written:
        raise DataError(f"{name} holds no rows")
    here = {path.name for path in part.iterdir()}
    if not written <= here:
        raise DataError(
            f"{folder}: {len(written - here)} of {len(written)} files that executors wrote are not here; "
            "name a folder in a file system that all machines share"
        )
    for left in here - written:  # of tasks that were stopped
        (part / left).unlink()
