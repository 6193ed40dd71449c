"""manyhot train EXPERIMENT.toml"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from manyhot.data import open_source
from manyhot.schema import Experiment, load_experiment
from manyhot.training import ProgressBar
from manyhot.training import train as train_model

from ._output import console, metric_text, output_file, to_stderr, write_json

__all__ = ["train"]


def train(
    experiment: Path,
    *,
    set: Annotated[tuple[str, ...], Parameter(name="--set", negative="", show_default=False)] = (),
    out: Path | None = None,
    cache: Path = Path(".manyhot_cache"),
) -> None:
    """Train the model of an experiment file.

    Leaves in the output folder: model.manyhot, metrics.json, log.jsonl (a line a report).

    Parameters
    ----------
    experiment
        TOML file with [data], [vocabularies], [fields], [model] and [training].
    set
        Change one key of the file: --set training.epochs=3. May be repeated.
    out
        Output folder; unless given, runs/ and the experiment file's name without .toml.
    cache
        Folder for encoded rows, so that a second run skips encoding; may be deleted at any time.
    """
    config = load_experiment(experiment, set)
    folder = out if out is not None else Path("runs") / experiment.stem
    sources = {
        name: _source(config, name) for name in ("train", "valid", "test") if getattr(config.data, name) is not None
    }
    with output_file(folder / "log.jsonl") as log, log.open("w") as lines, ProgressBar() as bar:

        def listen(report: dict[str, Any]) -> None:
            lines.write(json.dumps(report) + "\n")
            lines.flush()
            bar(report)

        run = train_model(
            config.schema,
            config.model,
            **sources,
            training=config.training,
            cache=cache,
            listener=listen,
            reading=config.data.reading,
            on_stage=to_stderr.print,
        )
        run.save(folder / "model.manyhot")
        write_json(folder / "metrics.json", run.metrics)
    for name in ("valid", "test"):
        if name in run.metrics:
            console.print(f"{name:6}{metric_text(run.metrics[name])}")
    rate = f"{run.metrics['examples_per_second']:,.0f} examples/s"
    console.print(f"{run.metrics['examples']:,} examples in {run.metrics['seconds']:.1f} s ({rate})")
    console.print(f"model: {folder / 'model.manyhot'}")


def _source(config: Experiment, name: str) -> Any:
    return open_source(
        getattr(config.data, name),
        folder=config.folder,
        reading=config.data.reading,
        querying=config.data.querying(config.training.threads),
    )
