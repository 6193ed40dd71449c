"""manyhot train EXPERIMENT.toml"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from manyhot.schema import load_experiment
from manyhot.storage import RunLock, sweep
from manyhot.training import ProgressBar, label_names
from manyhot.training import train as train_model

from ._output import console, metric_lines, output_folder, to_stderr, write_json
from ._signals import stopping_in_order
from ._sources import sources_of
from ._training_log import TrainingLog

__all__ = ["train"]

_LOG, _METRICS, _REJECTS, _MODEL = "log.jsonl", "metrics.json", "rejects.parquet", "model.manyhot"


def train(
    experiment: Path,
    *,
    set: Annotated[tuple[str, ...], Parameter(name="--set", negative="", show_default=False)] = (),
    out: Path | None = None,
    prepared: Path | None = None,
    cache: Path = Path(".manyhot_cache"),
    resume: bool | None = None,
) -> None:
    """Train the model of an experiment file.

    Leaves in the output folder: model.manyhot, metrics.json, log.jsonl (a line a report); and rejects.parquet where
    max_bad_rows or max_bad_fraction of the file bore bad rows, which were left out. Until the end there are also
    checkpoints/, from which the same command goes on after a stop or a fault, and lock.

    Parameters
    ----------
    experiment
        TOML file with [data], [vocabularies], [fields], [model] and [training].
    set
        Change one key of the file: --set training.epochs=3. May be repeated.
    out
        Output folder; unless given, runs/ and the experiment file's name without .toml.
    prepared
        Folder that `manyhot prepare` left; the raw rows are not touched then.
    cache
        Folder for encoded rows, so that a second run skips encoding; may be deleted at any time.
    resume
        Go on from the newest checkpoint in the output folder; unless given, this is done where there is one. With
        --no-resume the checkpoints there are deleted.
    """
    config = load_experiment(experiment, set)
    folder = out if out is not None else Path("runs") / experiment.stem
    rows: dict[str, Any] = {"prepared": prepared, "split": config.data.split if prepared is None else None}
    if prepared is None:
        rows |= {str(name): source for name, source in sources_of(config).items()}
    with (
        stopping_in_order() as stop,
        output_folder(folder),
        RunLock(folder),
        TrainingLog(folder / _LOG, to_stderr.print) as log,
        ProgressBar(to_stderr) as bar,
    ):
        for name in (_LOG, _METRICS, _REJECTS, _MODEL):
            sweep(folder, name)  # that of rejects need not be written again

        def listen(report: dict[str, Any]) -> None:
            log(report)
            bar(report)

        run = train_model(
            config.schema,
            config.model,
            **rows,
            training=config.training,
            cache=cache,
            listener=listen,
            reading=config.data.reading,
            bad_rows=config.data.bad_rows,
            memory_limit=config.data.memory_limit,
            checkpoints=folder / "checkpoints",
            resume=resume,
            stop=stop,
            on_stage=to_stderr.print,
        )
        num_rejected = run.save_rejects(folder / _REJECTS)
        write_json(folder / _METRICS, run.metrics)
        run.save(folder / _MODEL)  # last: it takes the place of the checkpoints
    judged = [name for name in ("valid_uncalibrated", "valid", "test") if name in run.metrics]
    width = max(map(len, judged), default=0) + 1
    for name in judged:
        title = f"{name.replace('_', ' '):{width}}"
        for line in metric_lines(title, run.metrics[name], label_names(config.schema)):
            console.print(line)
    rate = f"{run.metrics['examples_per_second']:,.0f} examples/s"
    console.print(f"{run.metrics['examples']:,} examples in {run.metrics['seconds']:.1f} s ({rate})")
    if num_rejected:
        console.print(f"rows left out: {folder / _REJECTS}")
    console.print(f"model: {folder / _MODEL}")
