"""train: from raw rows to a Run that knows its metrics and can be saved."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from manyhot.calibration import check_both_classes
from manyhot.data import ExampleCache, Examples, Rejects, TableLayout, write_rejects
from manyhot.errors import ConfigError
from manyhot.kernels import select
from manyhot.model_file import SavedModel, save_model, take_proof
from manyhot.nn import BuildHead, Model, build_model, check_custom_heads
from manyhot.schema import (
    BadRows,
    Checkpoints,
    ModelConfig,
    Part,
    Querying,
    Reading,
    Schema,
    SettledTraining,
    Split,
    TrainingConfig,
    check_labels,
)

from ._bad_batches import check_weights
from ._base_rates import start_at_base_rates
from ._experiment import experiment, rows_of
from ._judge import judged, labels_of
from ._keeper import Keeper
from ._labels import check_conversions, label_names
from ._loop import check_finite, fit_model
from ._reports import Listener, ProgressBar
from ._resume import Resuming, delete_checkpoints, resuming
from ._rows import Rows, prepared_rows, raw_rows
from ._settings import check_batches, check_l2, check_size, in_words, schema_for, settled, torch_threads
from ._stop import Stop
from ._warm_start import check_start, take_rows

__all__ = ["Run", "train"]


@dataclass(frozen=True)
class Run:
    """A finished training.

    metrics: {"valid": {"auc", "log_loss", ..}, "test": {..}, "examples", "seconds", "examples_per_second"}; of valid
        and test those that there are, with what `manyhot.metrics.evaluate_logits` gives, of several labels {name: {..}}
        instead; both with the calibration, where there is one, and then "valid_uncalibrated" too; seconds of the
        training loop alone, validation left out; "skipped": batches, where `non_finite = "skip"` left out some.
    rejects: the rows of train, valid and test that were left out, where `bad_rows` bore some.
    checkpoints: their folder, where they were kept, until the model is saved.
    """

    saved: SavedModel
    metrics: dict[str, Any]
    rejects: dict[str, Rejects]
    checkpoints: Path | None = None

    @property
    def num_parameters(self) -> int:
        """Weights of the tables and of the dense part, optimizer state left out."""
        network = self.saved.network
        return network.tables.layout.num_rows * (network.tables.dim + 1) + sum(p.numel() for p in network.parameters())

    def save(self, path: str | Path) -> None:
        """Writes the model file; it appears only when it is whole, and takes the place of the checkpoints, which are
        deleted. `manyhot.load` reads it."""
        save_model(Path(path), self.saved)
        if self.checkpoints is not None:
            delete_checkpoints(self.checkpoints)
            object.__setattr__(self, "checkpoints", None)  # what comes to lie there later is another training's

    def save_rejects(self, path: str | Path) -> int:
        """Writes the rows that were left out to a Parquet file with the columns part ("train", ..), origin,
        line, row, reason and text; returns their number. Where it is 0, an old file there is deleted instead."""
        path, number = Path(path), sum(rejects.num_rejected for rejects in self.rejects.values())
        if number:
            write_rejects(path, {part: rejects.batches() for part, rejects in self.rejects.items()})
        else:
            path.unlink(missing_ok=True)
        return number


def train(
    schema: Schema,
    model: ModelConfig,
    *,
    heads: Mapping[str, BuildHead] | None = None,
    train: Any = None,
    valid: Any = None,
    test: Any = None,
    prepared: str | Path | None = None,
    training: TrainingConfig | None = None,
    cache: str | Path | None = None,
    listener: Listener | None = None,
    reading: Reading | None = None,
    split: Split | None = None,
    bad_rows: BadRows | None = None,
    memory_limit: str | None = None,
    checkpoints: str | Path | None = None,
    resume: bool | None = None,
    stop: Stop | None = None,
    on_stage: Callable[[str], None] | None = None,
) -> Run:
    """Trains a model on raw rows, or on prepared ones.

    schema, model, training: what rows mean, which heads, how to train.
    heads: for each name of model.custom_heads a function that takes a HeadShape and returns the module: a
        `torch.nn.Module` whose forward turns TableOutputs into float32 (B,), a term of the logit.
    train, valid, test: a path, glob or list of them, or any object with the Arrow PyCapsule protocol (pandas, polars,
        DuckDB, pyarrow), or a dict of columns; each needs the schema's columns and its labels.
    prepared: instead of train, valid and test a folder that `manyhot prepare` left for this schema; combiners may
        differ.
    cache: folder where encoded rows of files are kept, so that a second run skips encoding; None keeps them in memory.
    listener: receives the reports of the loop; None shows a progress bar where standard error is a terminal.
    reading: how files are read; kept in the model file, so that rows to be scored are read alike.
    split: how valid and test are cut out of train, instead of being given.
    bad_rows: how many bad rows of each of train, valid and test are left out, and told by the Run; None bears none.
    memory_limit: as "1GB": encoded rows that take more than this are read from the cache's files as they are needed,
        instead of being held in memory as far as it goes.
    checkpoints: folder where what is needed to go on is kept, as `training.checkpoints` says, until the Run is saved;
        one training at a time may use it. None keeps nothing.
    resume: None goes on from the newest checkpoint there, if there is one; True refuses to start without; False
        deletes them and starts anew. What comes out has the same bits as without a stop.
    stop: by which training can be asked to stop after a step, from a signal handler or another thread.
    on_stage: told in words what is being done before the loop starts.

    Raises ConfigError (also where the checkpoints are those of another experiment: it names what differs), DataError
    (BadRowsError for more bad rows than are borne), TrainingError (StoppedError where it was asked to stop),
    StorageError (LockedError where another training uses the folder), and ModelFileError for a damaged file to start
    from (`TrainingConfig.init_from`).
    """
    training = training or TrainingConfig()
    tell = on_stage or (lambda text: None)
    schema = schema_for(model, schema)
    check_custom_heads(model, heads or {})
    if training.init_from is not None:
        check_start(training.init_from, model, schema, heads or {})
    parts: dict[Part, Any] = {"train": train, "valid": valid, "test": test}
    data = {name: part for name, part in parts.items() if part is not None}
    if prepared is not None and (data or split is not None):
        named = ", ".join([*data, *(["split"] if split is not None else [])])
        raise ConfigError(f"prepared rows are all that is trained on; leave out {named}")
    if prepared is None and train is None:
        raise ConfigError("there is nothing to train on; give train, or a folder of prepared rows")
    check_labels(schema.labels, model, training)
    for column in _standardized(schema):
        tell(f'column "{column}": standardize makes most zeros something else; the field is no longer sparse')
    folder = Path(checkpoints) if checkpoints is not None and training.checkpoints.enabled else None
    given = experiment(schema, model, training)
    check_size(given)
    with resuming(folder, training.checkpoints.keep, resume, given, tell) as resumption:
        if prepared is None:
            limit = Querying(memory_limit=memory_limit).memory_limit_bytes
            store = ExampleCache(
                Path(cache) if cache is not None else None, num_threads=training.threads, memory_limit=limit
            )
            rows = raw_rows(schema, training, data, store, tell, reading=reading, split=split, bad_rows=bad_rows)
        else:
            rows = prepared_rows(schema, training, Path(prepared), tell)
        training = settled(model, training, rows.examples)
        names, layout = label_names(schema), TableLayout.of(rows.encoder)
        tell(f"training: {in_words(training)}")
        _check(model, training, layout, names, rows.examples)
        with torch_threads(training.threads, alone=training.deterministic) as threads:
            network = _network(model, training, layout, rows, heads, threads, tell)
            with _listener(listener) as listen, _keeper(resumption, training, rows) as keeper:
                learned = rows.examples["train"], rows.examples.get("valid")
                clock = fit_model(network, training, *learned, listen, names, keeper, stop, rows.places)
                metrics, calibrator = judged(network, training, rows.examples, names, clock)
                listen({"event": "end", **metrics})
            summary = _summary(network, training, rows, metrics, split)
            saved = take_proof(SavedModel(rows.encoder, model, network, summary, calibrator=calibrator), rows.proof)
            check_finite(saved.proof_probabilities, clock.steps)
            check_weights(network, clock.steps)
    return Run(saved, metrics, rows.rejects, folder)


def _check(
    model: ModelConfig,
    training: SettledTraining,
    layout: TableLayout,
    names: Sequence[str],
    parts: Mapping[str, Examples],
) -> None:
    """Raises ConfigError or DataError where the rows are none that could be trained on so. names: of several labels."""
    check_batches(model, training, parts["train"])
    check_conversions(model, names, parts)
    check_l2(training, layout, model.latent_size(layout.num_fields), parts["train"].num_rows)
    if training.calibration is not None:
        check_both_classes(*labels_of(parts["valid"]))


def _network(
    model: ModelConfig,
    training: SettledTraining,
    layout: TableLayout,
    rows: Rows,
    heads: Mapping[str, BuildHead] | None,
    threads: int,
    tell: Callable[[str], None],
) -> Model:
    """As it is before the first step."""
    network = build_model(
        model,
        layout,
        select(training.kernels),
        num_labels=len(rows.encoder.schema.labels),
        optimizer=training.table_optimizers,
        seed=training.seed,
        threads=threads,
        heads=heads,
    )
    if model.preset != "article":
        start_at_base_rates(network, rows.examples["train"])
    if training.init_from is not None:
        tell(take_rows(network, rows.encoder, training.init_from, heads or {}))
    return network


def _summary(
    network: Model, training: SettledTraining, rows: Rows, metrics: dict[str, Any], split: Split | None
) -> dict[str, Any]:
    """What the model file says of its training; plain JSON."""
    summary = {
        "training": msgspec.to_builtins(msgspec.structs.replace(training, checkpoints=Checkpoints())),
        "precision": "bfloat16" if network.deep_in_bfloat16 else "float32",  # what "auto" came to
        "metrics": metrics,
        "rows": {name: {"read": r.num_read, "rejected": r.num_rejected} for name, r in rows.rejects.items()},
        "reading": msgspec.to_builtins(rows.reading),
    }
    return summary | ({"split": msgspec.to_builtins(split)} if split is not None else {})


@contextlib.contextmanager
def _keeper(resumption: Resuming | None, training: SettledTraining, rows: Rows) -> Iterator[Keeper | None]:
    if resumption is None:
        yield None
        return
    with resumption.keeper(training, lambda: rows_of(rows.examples, rows.encoder.fingerprint())) as keeper:
        yield keeper


def _standardized(schema: Schema) -> list[str]:
    numeric = (f for f in schema.fields if f.numeric is not None)
    return [c for f in numeric for c in f.input_columns if any(step.name == "standardize" for step in f.steps(c))]


@contextlib.contextmanager
def _listener(given: Listener | None) -> Any:
    if given is not None:
        yield given
    elif sys.stderr.isatty():
        with ProgressBar() as bar:
            yield bar
    else:
        yield lambda report: None
