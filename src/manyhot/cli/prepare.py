"""manyhot prepare EXPERIMENT.toml --out FOLDER"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from manyhot.data import parts_to_train_on
from manyhot.data import prepare as prepare_rows
from manyhot.errors import ConfigError
from manyhot.schema import load_experiment

from ._output import console, to_stderr
from ._sources import sources_of

__all__ = ["prepare"]


def prepare(
    experiment: Path,
    *,
    out: Path,
    set: Annotated[tuple[str, ...], Parameter(name="--set", negative="", show_default=False)] = (),
    engine: Literal["embedded", "spark"] = "embedded",
    master: str | None = None,
) -> None:
    """Fit and encode the rows of an experiment file; `manyhot train --prepared FOLDER` trains on what this leaves.

    Parameters
    ----------
    experiment
        TOML file; [data], [vocabularies] and [fields] are used.
    out
        Folder to leave; it appears when it is whole. One that was prepared before is replaced.
    set
        Change one key of the file: --set data.delimiter=";". May be repeated.
    engine
        embedded: this process, on one machine. spark: an Apache Spark cluster (pip install "manyhot[spark]").
    master
        With --engine spark, the cluster: local[4], spark://host:7077, yarn, k8s://...; unless given, what Spark's own
        configuration says.
    """
    config = load_experiment(experiment, set)
    if engine == "spark":
        from manyhot.scaleout.spark import prepare_experiment

        described = prepare_experiment(config, out, master=master)
    elif master is not None:
        raise ConfigError("--master is for --engine spark")
    else:
        sources = parts_to_train_on(sources_of(config), config.schema, config.data.split, to_stderr.print)
        described = prepare_rows(
            config.schema,
            sources,
            out,
            reading=config.data.reading,
            bad_rows=config.data.bad_rows,
            num_threads=config.training.threads,
        )
    for name, counts in described["parts"].items():
        rows, rejected = counts["rows"], counts["rejected"]
        read = f"{rows + rejected:,} rows read, {rows:,} accepted, {rejected:,} rejected"
        console.print(f"{name:6}{read}; {counts['pairs']:,} pairs")
    sizes = ", ".join(f"{name} {size:,}" for name, size in described["vocabularies"].items())
    console.print(f"vocabularies: {sizes}")
    console.print(f"prepared: {out}")
