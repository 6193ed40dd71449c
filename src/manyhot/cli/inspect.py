"""manyhot inspect MODEL"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from rich.table import Table
from rich.text import Text

from manyhot.model_file import load_model
from manyhot.schema import Field

from ._output import console, metric_text

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
        text = json.dumps({"schema": schema.to_dict(), "vocabulary_sizes": sizes, "summary": saved.summary})
        console.print(text)
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
    console.print(f"\nlabel      {schema.label}")
    for name, column in (("weights", schema.example_weights), ("group", schema.group), ("time", schema.time)):
        if column is not None:
            console.print(f"{name:11}{column}")
    if "split" in saved.summary:
        console.print(f"split      {', '.join(f'{k} {v}' for k, v in saved.summary['split'].items())}")
    units = list(config.hidden_units or ())
    heads = f"{' + '.join(config.heads or ())}, embedding_dim {tables.dim}, hidden_units {units}"
    console.print(f"heads      {heads}")
    console.print(f"tables     {tables.layout.num_rows:,} rows, {size:.1f} MiB; dense part {dense:,} weights")
    for name, metrics in saved.summary["metrics"].items():
        if isinstance(metrics, dict):
            console.print(f"{name:11}{metric_text(metrics)}")
    console.print(f"proof      {len(saved.proof_probabilities)} rows score as when the model was saved")


def _options(field: Field) -> str:
    """What field and vocabulary say of tokens beyond the defaults, in the words of an experiment file."""
    own = {key: value for key, value in msgspec.to_builtins(field).items() if key in ("missing", "max_pairs")}
    options = {**msgspec.to_builtins(field.vocabulary), **own}
    return ", ".join(f"{key} = {json.dumps(value)}" for key, value in options.items() if key != "name")
