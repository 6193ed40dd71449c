"""What rows mean and what is to be trained: Vocabulary, Field, Schema, and the experiment file.

Plain frozen structs that check themselves; no torch, no pyarrow, no file but the experiment's TOML. What the words do
to data lives in `manyhot.data`, what they do to numbers in `manyhot.nn` and `manyhot.training`. Read `_field.py` first.
"""

from ._bad_rows import BadRows
from ._catalogue import HEADS, MODELS, HeadKind, ModelKind
from ._config import convert
from ._experiment import DataConfig, Experiment, load_experiment
from ._field import Combiner, Field, Separators
from ._gbdt import GBDT
from ._head_options import (
    CIN,
    AttentionFM,
    Bilinear,
    Cross,
    FinalBlocks,
    Interest,
    MaskBlocks,
    Product,
    SelfAttention,
    Streams,
    WukongLayers,
)
from ._model import FM, LR, DeepFM, ModelConfig, WideDeep
from ._querying import Querying
from ._reading import Reading
from ._schema import Schema
from ._split import Part, Split, seconds_of
from ._training import DenseOptimizer, EarlyStopping, TableOptimizer, TrainingConfig
from ._transforms import Step
from ._vocabulary import Vocabulary

__all__ = [
    "CIN",
    "FM",
    "GBDT",
    "HEADS",
    "LR",
    "MODELS",
    "AttentionFM",
    "BadRows",
    "Bilinear",
    "Combiner",
    "Cross",
    "DataConfig",
    "DeepFM",
    "DenseOptimizer",
    "EarlyStopping",
    "Experiment",
    "Field",
    "FinalBlocks",
    "HeadKind",
    "Interest",
    "MaskBlocks",
    "ModelConfig",
    "ModelKind",
    "Part",
    "Product",
    "Querying",
    "Reading",
    "Schema",
    "SelfAttention",
    "Separators",
    "Split",
    "Step",
    "Streams",
    "TableOptimizer",
    "TrainingConfig",
    "Vocabulary",
    "WideDeep",
    "WukongLayers",
    "convert",
    "load_experiment",
    "seconds_of",
]
