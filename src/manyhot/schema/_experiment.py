"""One TOML file that holds data, vocabularies, fields, model and training."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from manyhot.errors import ConfigError, nearest_name

from ._bad_rows import BadRows
from ._config import Config, convert
from ._labels import check_labels, labels_of
from ._model import ModelConfig
from ._querying import Querying
from ._reading import Reading
from ._schema import Schema
from ._split import Split
from ._training import TrainingConfig

__all__ = ["DataConfig", "Experiment", "load_experiment"]

_SECTIONS = ("data", "vocabularies", "fields", "model", "training")


class DataConfig(Reading, frozen=True, kw_only=True):
    """Where the rows are, and how they are read. Relative paths count from the folder of the experiment file.

    train, valid, test: a path, a glob, a URL, or a list of them; or SQL; valid and test are optional.
    label: the column of 0/1; or labels: several, of one model. As in Schema.
    example_weights, group, time: columns, as in Schema.
    split: how valid and test are cut out of train, instead of being given.
    max_bad_rows, max_bad_fraction: how many bad rows of each of train, valid and test may be left out (`BadRows`).
    database, memory_limit, temp_directory: where SQL is run, and within which limits; see Querying.
    """

    train: str | tuple[str, ...]
    label: str | None = None
    labels: tuple[str, ...] = ()
    valid: str | tuple[str, ...] | None = None
    test: str | tuple[str, ...] | None = None
    example_weights: str | None = None
    group: str | None = None
    time: str | None = None
    split: Split | None = None
    max_bad_rows: int | None = None
    max_bad_fraction: float | None = None
    database: str | None = None
    memory_limit: str | None = None
    temp_directory: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        labels_of("data", self.label, self.labels)
        if self.split is not None:
            self.split.check(self.time, valid=self.valid is not None, test=self.test is not None)
        _ = self.bad_rows  # which checks the limits
        self.querying(None)

    @property
    def bad_rows(self) -> BadRows:
        """How many bad rows are borne."""
        return BadRows(max_rows=self.max_bad_rows, max_fraction=self.max_bad_fraction)

    @property
    def reading(self) -> Reading:
        """How the files are read, alone."""
        return Reading(**{name: getattr(self, name) for name in Reading.__struct_fields__})

    def querying(self, threads: int | None) -> Querying:
        """How SQL is run. Raises ConfigError."""
        return Querying(
            database=self.database,
            memory_limit=self.memory_limit,
            temp_directory=self.temp_directory,
            threads=threads,
        )


class Experiment(Config, frozen=True, kw_only=True):
    """A whole experiment, checked. `folder` is where relative data paths start."""

    data: DataConfig
    schema: Schema
    model: ModelConfig
    training: TrainingConfig
    folder: Path

    def __post_init__(self) -> None:
        super().__post_init__()
        self.model.check_fields(self.schema.vocabulary_of)


def load_experiment(path: str | Path, overrides: tuple[str, ...] = ()) -> Experiment:
    """Reads a TOML experiment; overrides are "section.key=value" with the value as TOML (bare words are text).

    Raises ConfigError naming the file and the place in it.
    """
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the experiment: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file: {error}") from None
    for override in overrides:
        _apply(data, override)
    try:
        return _experiment(data, path.parent)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _experiment(data: dict[str, Any], folder: Path) -> Experiment:
    for key in data:
        if key not in _SECTIONS:
            raise ConfigError(f"unknown section [{key}]{nearest_name(key, _SECTIONS)}")
    for key in ("data", "fields"):
        if key not in data:
            raise ConfigError(f"section [{key}] is missing")
    source = convert(data["data"], DataConfig, "data")
    row = {key: getattr(source, key) for key in ("label", "labels", "example_weights", "group", "time")}
    training = convert(data.get("training", {}), TrainingConfig, "training")
    if training.init_from is not None:
        training = msgspec.structs.replace(training, init_from=str(folder / training.init_from))
    experiment = Experiment(
        data=source,
        schema=Schema.from_dict({**row, **{k: data[k] for k in ("vocabularies", "fields") if k in data}}),
        model=convert(data.get("model", {"name": "deepfm"}), ModelConfig, "model"),
        training=training,
        folder=folder,
    )
    check_labels(experiment.schema.labels, experiment.model, experiment.training)
    return experiment


def _apply(data: dict[str, Any], override: str) -> None:
    """Sets one dotted key. The value is TOML; what TOML cannot read is taken as text."""
    key, equals, text = override.partition("=")
    path = [part.strip() for part in key.split(".")]
    if not equals or len(path) < 2 or not all(path):
        raise ConfigError(f'--set {override}: write it as section.key=value, for example "training.epochs=3"')
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    for part in path[:-1]:
        data = data.setdefault(part, {})
        if not isinstance(data, dict):
            raise ConfigError(f'--set {override}: "{part}" is a value, not a section')
    data[path[-1]] = value
