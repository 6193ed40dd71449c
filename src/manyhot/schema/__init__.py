"""What rows mean and what is to be trained: Vocabulary, Field, Schema, and the experiment file.

Plain frozen structs that check themselves; no torch, no pyarrow, no file but the experiment's TOML. What the words do
to data lives in `manyhot.data`, what they do to numbers in `manyhot.nn` and `manyhot.training`. Read `_field.py` first.
"""

from ._bad_rows import BadRows
from ._catalogue import HEADS, MLP_OPTIONS, MODELS, HeadKind, ModelKind
from ._checkpoints import Checkpoints
from ._config import convert, every_key
from ._experiment import DataConfig, Experiment, load_experiment
from ._field import Combiner, Field, Separators
from ._gbdt import GBDT
from ._head_options import (
    CIN,
    AttentionFM,
    BiDeep,
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
from ._labels import check_labels
from ._loss import Loss
from ._model import FM, LR, DeepFM, Initializer, ModelConfig, WideDeep
from ._optimizers import DenseOptimizer, TableOptimizer
from ._querying import Querying
from ._reading import Reading
from ._schedule import Schedule
from ._schema import Schema
from ._settled import SettledTraining, settle
from ._split import Part, Split, seconds_of
from ._table_optimizers import TableChanges, TableOptimizers, VocabularyTables
from ._tasks import Tasks
from ._training import Averaging, EarlyStopping, TrainingConfig
from ._transforms import Step
from ._vocabulary import Vocabulary

__all__ = [
    "CIN",
    "FM",
    "GBDT",
    "HEADS",
    "LR",
    "MLP_OPTIONS",
    "MODELS",
    "AttentionFM",
    "Averaging",
    "BadRows",
    "BiDeep",
    "Bilinear",
    "Checkpoints",
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
    "Initializer",
    "Interest",
    "Loss",
    "MaskBlocks",
    "ModelConfig",
    "ModelKind",
    "Part",
    "Product",
    "Querying",
    "Reading",
    "Schedule",
    "Schema",
    "SelfAttention",
    "Separators",
    "SettledTraining",
    "Split",
    "Step",
    "Streams",
    "TableChanges",
    "TableOptimizer",
    "TableOptimizers",
    "Tasks",
    "TrainingConfig",
    "Vocabulary",
    "VocabularyTables",
    "WideDeep",
    "WukongLayers",
    "check_labels",
    "convert",
    "every_key",
    "load_experiment",
    "seconds_of",
    "settle",
]
