"""Which optimizer the latent numbers and the linear weights of a vocabulary get."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhot.errors import ConfigError
from manyhot.schema import TableChanges, TableOptimizer, TrainingConfig, VocabularyTables, load_experiment

FILE = """
[data]
train = "x.csv"
label = "y"
[fields.app]
[fields.city]
[training.tables]
optimizer = "adam"
learning_rate = 0.01
l2 = 0.5
[training.linear_tables]
optimizer = "ftrl"
l1 = 0.1
[training.vocabularies.app]
learning_rate = 0.02
[training.vocabularies.city]
optimizer = "sgd"
linear_tables = { learning_rate = 0.3 }
"""


def test_changes_are_applied_from_the_general_to_the_particular(tmp_path: Path) -> None:
    (tmp_path / "e.toml").write_text(FILE)
    optimizers = load_experiment(tmp_path / "e.toml").training.table_optimizers
    adam = TableOptimizer(optimizer="adam", learning_rate=0.01, l2=0.5)
    ftrl = TableOptimizer(optimizer="ftrl", l1=0.1)  # nothing of adam is left
    assert optimizers.of("other") == (adam, ftrl)
    assert optimizers.of("app") == (
        TableOptimizer(optimizer="adam", learning_rate=0.02, l2=0.5),
        TableOptimizer(optimizer="ftrl", learning_rate=0.02, l1=0.1),
    )
    assert optimizers.of("city") == (
        TableOptimizer(optimizer="sgd"),
        TableOptimizer(optimizer="sgd", learning_rate=0.3),
    )


def test_without_changes_all_tables_have_the_one_optimizer() -> None:
    config = TrainingConfig(tables=TableOptimizer(optimizer="adam"))
    assert config.table_optimizers.of("app") == (config.tables, config.tables) == config.tables.of("app")


def test_a_key_can_be_set_to_its_default() -> None:
    """None is what leaves a key alone, not the default's value."""
    base = TableOptimizer(optimizer="adamw", learning_rate=0.5, weight_decay=0.3)
    assert TableChanges(learning_rate=0.05, weight_decay=0.0).applied(base).decay == 0
    assert TableChanges(learning_rate=0.05).applied(base).learning_rate == 0.05
    assert TableOptimizer(optimizer="adamw").decay == 0.01
    assert TableOptimizer(optimizer="adam").decay == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[training.vocabularies.app]\nlearning_rat = 1", ["training.vocabularies.app", 'mean "learning_rate"']),
        ("[training.vocabularies.app]\nl1 = 1", ["training: vocabularies.app", '"adam" has no l1']),
        ("[training.vocabularies]\napp = 3", ["training: vocabularies", "expected table"]),
        ("[training]\nvocabularies = 3", ["training", "vocabularies", "expected table"]),
        ("[training.linear_tables]\nlearning_rate = 0", ["training: linear_tables", "learning_rate = 0.0"]),
        ("[training.schedule]\nfactr = 0.1", ["training.schedule", 'mean "factor"']),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, line: str, words: list[str]) -> None:
    (tmp_path / "e.toml").write_text(FILE[: FILE.index("[training")] + line)
    with pytest.raises(ConfigError) as caught:
        load_experiment(tmp_path / "e.toml")
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)


def test_changes_given_as_dicts_are_structs() -> None:
    made = TrainingConfig(vocabularies={"app": {"learning_rate": 0.1}}, schedule={"kind": "cosine"})
    assert made.vocabularies == {"app": VocabularyTables(learning_rate=0.1)}
