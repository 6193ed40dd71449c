"""manyhot inspect MODEL"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Table

from manyhot.errors import ManyhotError, on_one_line
from manyhot.model_file import load_model
from manyhot.schema import HEADS, MODELS, Field, ModelConfig, SettledTraining, Tasks, convert
from manyhot.training import in_words, label_names

from ._model_options import options_of
from ._output import cell, console, metric_lines

__all__ = ["inspect"]

_COUNTS = ("groups", "groups_of_one_class")


def inspect(model: Path, /, *, as_json: bool = False) -> None:
    """What a model file holds: fields, vocabularies, model, training, metrics.

    Parameters
    ----------
    model
        A model file; its proof rows are scored and compared, as whenever a model is loaded.
    as_json
        Print JSON instead of tables.
    """
    saved = load_model(model)
    schema, network = saved.encoder.schema, saved.network
    sizes = {name: v.size for name, v in saved.encoder.vocabularies.items()}
    if as_json:
        model_keys = msgspec.to_builtins(saved.config)
        data = {"schema": schema.to_dict(), "model": model_keys, "vocabulary_sizes": sizes, "summary": saved.summary}
        console.print(json.dumps(data))
        return
    fields = Table("field", "columns", "vocabulary", "tokens", "combiner", "options", box=None, pad_edge=False)
    for field in schema.fields:
        columns = ", ".join([*field.input_columns, *([f"weights {field.weights}"] if field.weights else [])])
        if field.gbdt is not None:
            columns = f"{field.gbdt.trees} trees of {', '.join(field.gbdt.input_columns)}"
        columns = columns or " x ".join(field.cross or ())
        name = field.vocabulary_name
        cells = (field.name, columns, name, f"{sizes[name]:,}", field.effective_combiner, _options(field))
        fields.add_row(*(cell(text) for text in cells))
    console.print(fields)
    config, tables = saved.config, network.tables
    size = tables.layout.num_rows * (tables.dim + 1) * 4 / 2**20
    dense = sum(p.numel() for p in network.parameters())
    console.print()
    _tell(f"{'label ' if len(schema.labels) == 1 else 'labels'}     {', '.join(schema.labels)}")
    for name, column in (("weights", schema.example_weights), ("group", schema.group), ("time", schema.time)):
        if column is not None:
            _tell(f"{name:11}{column}")
    if isinstance(split := saved.summary.get("split"), dict):
        _tell(f"split      {', '.join(f'{k} {v}' for k, v in split.items())}")
    for line in _model_lines(config):
        _tell(line)
    if len(schema.labels) > 1:
        _tell(f"tasks      {_tasks(config.tasks or Tasks())}")
    _tell(f"tables     {tables.layout.num_rows:,} rows, {size:.1f} MiB; dense part {dense:,} weights")
    training = _training(saved.summary)
    if training is not None:
        _tell(f"training   {in_words(training)}")
    if saved.calibrator is not None:
        _tell(f"calibrated by {training.calibration}, fitted on valid" if training is not None else "calibrated")
    judged = _judged(saved.summary, label_names(schema))
    width = max(map(len, judged), default=0) if saved.calibrator is not None else 10
    for name, metrics in judged.items():
        labels = [label for label in label_names(schema) if label in metrics]
        for line in metric_lines(f"{name.replace('_', ' '):{width}} ", metrics, labels):
            _tell(line)
    _tell(f"proof      {len(saved.proof_probabilities)} rows score as when the model was saved")


def _tell(line: str) -> None:
    """Names in it come out of the file, which may be anybody's."""
    console.print(on_one_line(line))


def _training(summary: dict[str, Any]) -> SettledTraining | None:
    """None where the file says nothing of it that can be read: nothing but this command reads the summary, and loading
    believes it unread."""
    try:
        return convert(summary.get("training"), SettledTraining, "training")
    except ManyhotError:
        return None


def _judged(summary: dict[str, Any], labels: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The metrics by what they are of, of several labels those of each, as far as they are any."""
    metrics = summary.get("metrics")
    found = {}
    for name, each in metrics.items() if isinstance(metrics, dict) else ():
        if not isinstance(each, dict):
            continue  # a number of the training
        known = {label: numbers for label in labels if (numbers := _numbers(each.get(label)))} or _numbers(each)
        if known:
            found[name] = known
    return found


def _numbers(metrics: Any) -> dict[str, Any]:
    """Of them what is a number, or undefined; groups where both of their counts are there."""
    if not isinstance(metrics, dict):
        return {}
    known = {key: value for key, value in metrics.items() if value is None or type(value) in (int, float)}
    if any(type(known.get(key)) is not int for key in _COUNTS):
        known = {key: value for key, value in known.items() if key not in _COUNTS}
    return known


def _tasks(tasks: Tasks) -> str:
    options = msgspec.to_builtins(tasks)
    return ", ".join([tasks.kind, *(f"{key} = {json.dumps(value)}" for key, value in options.items() if key != "kind")])


def _model_lines(config: ModelConfig) -> Iterator[str]:
    """Its name, its heads with their terms, and every option that they read, in the words of an experiment file."""
    if config.name is not None:
        kind = MODELS[config.name]
        yield f"model      {kind.title}" + (f" ({kind.paper})" if kind.paper else "")
    heads = config.heads or ()
    yield f"heads      {' + '.join(heads)}"
    for head in heads:
        yield f"           {head}: {HEADS[head].term}"
    options = ", ".join(f"{option.key} = {option.value}" for option in options_of(config) if option.value)
    if options:
        yield f"options    {options}"


def _options(field: Field) -> str:
    """What field and vocabulary say of tokens beyond the defaults, in the words of an experiment file."""
    own = {key: value for key, value in msgspec.to_builtins(field).items() if key in ("missing", "max_pairs")}
    options = {**msgspec.to_builtins(field.vocabulary), **own}
    return ", ".join(f"{key} = {json.dumps(value)}" for key, value in options.items() if key != "name")
