"""The public names, and the house rules that a tool does not check."""

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import manyhot

EXPORTED = [
    "AttentionFM",
    "Averaging",
    "BadRows",
    "BadRowsError",
    "BiDeep",
    "Bilinear",
    "CIN",
    "Checkpoints",
    "ConfigError",
    "Cross",
    "DataError",
    "DeepFM",
    "DenseOptimizer",
    "EarlyStopping",
    "FM",
    "Field",
    "FinalBlocks",
    "HeadShape",
    "Interest",
    "GBDT",
    "LR",
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
PACKAGE = Path(manyhot.__file__).parent
ROOMS = sorted(module.name for module in pkgutil.iter_modules([str(PACKAGE)]))


def test_exported_names():
    assert sorted(manyhot.__all__) == sorted(EXPORTED)


@pytest.mark.parametrize("name", EXPORTED)
def test_every_exported_name_is_there_and_documented(name):
    assert getattr(manyhot, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="deepfm"):
        _ = manyhot.deepfm


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_says_what_lives_there_and_exports_what_it_lists(room):
    module = importlib.import_module(f"manyhot.{room}")
    assert len(module.__doc__ or "") > 100
    assert all(hasattr(module, name) for name in module.__all__)


def test_the_library_never_prints():
    calls = [
        f"{path}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert calls == []


def test_the_readme_map_names_every_room():
    readme = (PACKAGE.parent.parent / "README.md").read_text()
    assert all(f"`{room}`" in readme for room in ROOMS)
