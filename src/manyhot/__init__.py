"""manyhot trains and serves CTR models (DeepFM first) on sparse fields of many weighted values over shared
vocabularies.

The names below are the public API; they are imported when first used, so `import manyhot` costs nothing. Rooms, from
the top: cli; demo, bench, profile and scaleout; training and scoring; model_file, nn, data, kernels, schema, errors;
each may import only from those below it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import BadRowsError, ConfigError, DataError, ManyhotError, ModelFileError, TrainingError
    from .schema import (
        FM,
        GBDT,
        LR,
        BadRows,
        DeepFM,
        DenseOptimizer,
        EarlyStopping,
        Field,
        ModelConfig,
        Reading,
        Schema,
        Separators,
        Split,
        TableOptimizer,
        TrainingConfig,
        Vocabulary,
        WideDeep,
    )
    from .scoring import Scorer, load
    from .training import Run, train

__version__ = "0.1.0"

_HOMES = {
    "errors": ("BadRowsError", "ConfigError", "DataError", "ManyhotError", "ModelFileError", "TrainingError"),
    "schema": (
        "FM",
        "GBDT",
        "LR",
        "BadRows",
        "DeepFM",
        "DenseOptimizer",
        "EarlyStopping",
        "Field",
        "ModelConfig",
        "Reading",
        "Schema",
        "Separators",
        "Split",
        "TableOptimizer",
        "TrainingConfig",
        "Vocabulary",
        "WideDeep",
    ),
    "scoring": ("Scorer", "load"),
    "training": ("Run", "train"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "FM",
    "GBDT",
    "LR",
    "BadRows",
    "BadRowsError",
    "ConfigError",
    "DataError",
    "DeepFM",
    "DenseOptimizer",
    "EarlyStopping",
    "Field",
    "ManyhotError",
    "ModelConfig",
    "ModelFileError",
    "Reading",
    "Run",
    "Schema",
    "Scorer",
    "Separators",
    "Split",
    "TableOptimizer",
    "TrainingConfig",
    "TrainingError",
    "Vocabulary",
    "WideDeep",
    "load",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
