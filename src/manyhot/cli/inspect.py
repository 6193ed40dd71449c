"""manyhot inspect MODEL"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
from rich.table import Table
from rich.text import Text

from manyhot.model_file import load_model
from manyhot.schema import HEADS, MODELS, Field, ModelConfig, SettledTraining, Tasks, convert
from manyhot.training import in_words, label_names

from ._model_options import options_of
from ._output import console, metric_lines

__all__ = ["inspect"]


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
        fields.add_row(*map(Text, cells))
    console.print(fields)
    config, tables = saved.config, network.tables
    size = tables.layout.num_rows * (tables.dim + 1) * 4 / 2**20
    dense = sum(p.numel() for p in network.parameters())
    console.print(f"\n{'label ' if len(schema.labels) == 1 else 'labels'}     {', '.join(schema.labels)}")
    for name, column in (("weights", schema.example_weights), ("group", schema.group), ("time", schema.time)):
        if column is not None:
            console.print(f"{name:11}{column}")
    if "split" in saved.summary:
        console.print(f"split      {', '.join(f'{k} {v}' for k, v in saved.summary['split'].items())}")
    for line in _model_lines(config):
        console.print(line)
    if len(schema.labels) > 1:
        console.print(f"tasks      {_tasks(config.tasks or Tasks())}")
    console.print(f"tables     {tables.layout.num_rows:,} rows, {size:.1f} MiB; dense part {dense:,} weights")
    console.print(f"training   {in_words(convert(saved.summary['training'], SettledTraining, 'training'))}")
    if saved.calibrator is not None:
        console.print(f"calibrated by {saved.summary['training']['calibration']}, fitted on valid")
    judged = {name: metrics for name, metrics in saved.summary["metrics"].items() if isinstance(metrics, dict)}
    width = max(map(len, judged), default=0) if saved.calibrator is not None else 10
    for name, metrics in judged.items():
        for line in metric_lines(f"{name.replace('_', ' '):{width}} ", metrics, label_names(schema)):
            console.print(line)
    console.print(f"proof      {len(saved.proof_probabilities)} rows score as when the model was saved")


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
