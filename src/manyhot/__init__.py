"""manyhot trains and serves CTR models (DeepFM first) on sparse fields of many weighted values over shared
vocabularies.

The names below are the public API; they are imported when first used, so `import manyhot` costs nothing. Rooms, from
the top: cli; demo, bench, profile and scaleout; training and scoring; model_file, nn, data, kernels, schema; metrics
and calibration; errors; each may import only from those below it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import BadRowsError, ConfigError, DataError, ManyhotError, ModelFileError, TrainingError
    from .nn import HeadShape, TableOutputs
    from .schema import (
        CIN,
        FM,
        GBDT,
        LR,
        AttentionFM,
        Averaging,
        BadRows,
        BiDeep,
        Bilinear,
        Checkpoints,
        Cross,
        DeepFM,
        DenseOptimizer,
        EarlyStopping,
        Field,
        FinalBlocks,
        Interest,
        Loss,
        MaskBlocks,
        ModelConfig,
        Product,
        Reading,
        Schedule,
        Schema,
        SelfAttention,
        Separators,
        Split,
        Streams,
        TableChanges,
        TableOptimizer,
        Tasks,
        TrainingConfig,
        Vocabulary,
        VocabularyTables,
        WideDeep,
        WukongLayers,
    )
    from .scoring import Scorer, load
    from .training import Run, train

__version__ = "0.1.0"

_HOMES = {
    "errors": ("BadRowsError", "ConfigError", "DataError", "ManyhotError", "ModelFileError", "TrainingError"),
    "nn": ("HeadShape", "TableOutputs"),
    "schema": (
        "CIN",
        "FM",
        "GBDT",
        "LR",
        "AttentionFM",
        "Averaging",
        "BadRows",
        "BiDeep",
        "Bilinear",
        "Checkpoints",
        "Cross",
        "DeepFM",
        "DenseOptimizer",
        "EarlyStopping",
        "Field",
        "FinalBlocks",
        "Interest",
        "Loss",
        "MaskBlocks",
        "ModelConfig",
        "Product",
        "Reading",
        "Schedule",
        "Schema",
        "SelfAttention",
        "Separators",
        "Split",
        "Streams",
        "TableChanges",
        "TableOptimizer",
        "Tasks",
        "TrainingConfig",
        "Vocabulary",
        "VocabularyTables",
        "WideDeep",
        "WukongLayers",
    ),
    "scoring": ("Scorer", "load"),
    "training": ("Run", "train"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "CIN",
    "FM",
    "GBDT",
    "LR",
    "AttentionFM",
    "Averaging",
    "BadRows",
    "BadRowsError",
    "BiDeep",
    "Bilinear",
    "Checkpoints",
    "ConfigError",
    "Cross",
    "DataError",
    "DeepFM",
    "DenseOptimizer",
    "EarlyStopping",
    "Field",
    "FinalBlocks",
    "HeadShape",
    "Interest",
    "Loss",
    "ManyhotError",
    "MaskBlocks",
    "ModelConfig",
    "ModelFileError",
    "Product",
    "Reading",
    "Run",
    "Schedule",
    "Schema",
    "Scorer",
    "SelfAttention",
    "Separators",
    "Split",
    "Streams",
    "TableChanges",
    "TableOptimizer",
    "TableOutputs",
    "Tasks",
    "TrainingConfig",
    "TrainingError",
    "Vocabulary",
    "VocabularyTables",
    "WideDeep",
    "WukongLayers",
    "load",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
