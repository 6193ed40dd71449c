"""train: from raw rows to a Run that knows its metrics and can be saved."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch

from manyhot.data import ExampleCache, Examples, Rejects, TableLayout, as_source, write_rejects
from manyhot.errors import ConfigError, DataError
from manyhot.kernels import select
from manyhot.model_file import SavedModel, save_model, take_proof
from manyhot.nn import build_model, predict_logits
from manyhot.schema import BadRows, ModelConfig, Reading, Schema, TrainingConfig

from ._loop import check_finite, fit_model
from ._metrics import evaluate_logits
from ._reports import Listener, ProgressBar

__all__ = ["Run", "train"]


@dataclass(frozen=True)
class Run:
    """A finished training.

    metrics: {"valid": {"auc", "log_loss"}, "test": {..}, "examples", "seconds", "examples_per_second"}; of valid and
        test
        those that were given; seconds of the training loop alone, validation left out.
    rejects: the rows of train, valid and test that were left out, where `bad_rows` bore some.
    """

    saved: SavedModel
    metrics: dict[str, Any]
    rejects: dict[str, Rejects]

    @property
    def num_parameters(self) -> int:
        """Weights of the tables and of the dense part, optimizer state left out."""
        network = self.saved.network
        return network.tables.layout.num_rows * (network.tables.dim + 1) + sum(p.numel() for p in network.parameters())

    def save(self, path: str | Path) -> None:
        """Writes the model file; it appears only when it is whole. `manyhot.load` reads it."""
        save_model(Path(path), self.saved)

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
    train: Any,
    valid: Any = None,
    test: Any = None,
    training: TrainingConfig | None = None,
    cache: str | Path | None = None,
    listener: Listener | None = None,
    reading: Reading | None = None,
    bad_rows: BadRows | None = None,
    on_stage: Callable[[str], None] | None = None,
) -> Run:
    """Trains a model on raw rows.

    schema, model, training: what rows mean, which heads, how to train.
    train, valid, test: a path, glob or list of them, or any object with the Arrow PyCapsule protocol (pandas, polars,
        DuckDB, pyarrow), or a dict of columns; each needs the schema's columns and its label.
    cache: folder where encoded rows of files are kept, so that a second run skips encoding; None keeps them in memory.
    listener: receives the reports of the loop; None shows a progress bar where standard error is a terminal.
    reading: how files are read; kept in the model file, so that rows to be scored are read alike.
    bad_rows: how many bad rows of each of train, valid and test are left out, and told by the Run; None bears none.
    on_stage: told in words what is being done before the loop starts.

    Raises ConfigError, DataError (BadRowsError for more bad rows than are borne), TrainingError.
    """
    training = training or TrainingConfig()
    tell = on_stage or (lambda text: None)
    if training.early_stopping is not None and valid is None:
        raise ConfigError("early_stopping needs rows it can look at; give valid")
    if training.validate_every is not None and valid is None:
        raise ConfigError("validate_every needs rows it can look at; give valid")
    if model.preset == "article":
        schema = _with_combiner_sum(schema)
    sources = {
        name: as_source(data, reading)
        for name, data in (("train", train), ("valid", valid), ("test", test))
        if data is not None
    }
    for column in _standardized(schema):
        tell(f'column "{column}": standardize makes most zeros something else; the field is no longer sparse')
    store = ExampleCache(Path(cache) if cache is not None else None, num_threads=training.threads)
    fitted = Rejects(bad_rows)
    encoder, was_there = store.fit(schema, sources["train"], rejects=fitted)
    sizes = ", ".join(f"{name} {v.size:,}" for name, v in encoder.vocabularies.items())
    tell(f"vocabularies {'reused' if was_there else 'fitted'}: {sizes}")
    examples: dict[str, Examples] = {}
    rejects = {name: Rejects(bad_rows) for name in sources}
    for name, source in sources.items():
        examples[name], was_there = store.encode(encoder, source, rejects=rejects[name])
        rows, pairs = examples[name].num_rows, examples[name].num_pairs
        if rows == 0:
            raise DataError(f"{source.name}: {name} holds no {'good ' if rejects[name].num_rejected else ''}rows")
        made = "reused" if was_there else "encoded"
        tell(f"{name} {made}: {rows:,} examples {rejects[name].counts}, {pairs / rows:.1f} pairs each")
    late = rejects["train"].num_rejected - fitted.num_rejected
    if late:
        raise DataError(
            f"{sources['train'].name}: {late:,} rows are bad only by numbers that were learned from them, as where "
            "log1p comes after standardize; put the step before it, or a clip between"
        )

    if model.batch_norm and min(training.batch_size, examples["train"].num_rows) == 1:
        raise ConfigError("batch_norm needs batches of at least two examples; raise batch_size or add rows")
    with _threads(training.threads):
        network = build_model(
            model,
            TableLayout.of(encoder),
            select(training.kernels),
            optimizer=training.tables,
            seed=training.seed,
            threads=training.threads,
        )
        with _listener(listener) as listen:
            clock = fit_model(network, training, examples["train"], examples.get("valid"), listen)
            metrics: dict[str, Any] = {}
            for name in ("valid", "test"):
                if name in examples:
                    labels = examples[name].labels
                    assert labels is not None
                    logits = check_finite(predict_logits(network, examples[name]), clock.steps)
                    metrics[name] = evaluate_logits(labels, logits)
            metrics |= {
                "examples": clock.examples,
                "seconds": clock.seconds,
                "examples_per_second": clock.examples_per_second,
            }
            listen({"event": "end", **metrics})
        summary = {
            "training": msgspec.to_builtins(training),
            "precision": "bfloat16" if network.deep_in_bfloat16 else "float32",  # what "auto" came to
            "metrics": metrics,
            "rows": {name: {"read": r.num_read, "rejected": r.num_rejected} for name, r in rejects.items()},
            "reading": msgspec.to_builtins(reading or Reading()),
        }
        saved = SavedModel(encoder, model, network, summary)
        saved = take_proof(saved, sources.get("valid", sources["train"]))
        check_finite(saved.proof_probabilities, clock.steps)
    return Run(saved, metrics, rejects)


def _with_combiner_sum(schema: Schema) -> Schema:
    fields = tuple(msgspec.structs.replace(f, combiner=f.combiner or "sum") for f in schema.fields)
    return msgspec.structs.replace(schema, fields=fields)


def _standardized(schema: Schema) -> list[str]:
    numeric = (f for f in schema.fields if f.numeric is not None)
    return [c for f in numeric for c in f.input_columns if any(step.name == "standardize" for step in f.steps(c))]


@contextlib.contextmanager
def _threads(number: int | None) -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _listener(given: Listener | None) -> Any:
    if given is not None:
        yield given
    elif sys.stderr.isatty():
        with ProgressBar() as bar:
            yield bar
    else:
        yield lambda report: None
