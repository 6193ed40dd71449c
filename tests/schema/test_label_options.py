"""One label or several: what a schema and an experiment may say of them, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manyhot.errors import ConfigError
from manyhot.schema import (
    EarlyStopping,
    Field,
    ModelConfig,
    Schema,
    Tasks,
    TrainingConfig,
    check_labels,
    load_experiment,
)

FIELDS = (Field("city"),)
EXPERIMENT = """
[data]
train = "t.csv"
labels = ["click", "buy"]
[fields.city]
[model]
name = "deepfm"
tasks = { kind = "mmoe", experts = 3, tower_units = [8] }
[training]
label_weights = { buy = 2.0 }
early_stopping = { metric = "auc", label = "buy" }
"""


def test_one_label_and_a_list_of_one_are_the_same() -> None:
    one, listed = Schema(label="click", fields=FIELDS), Schema(labels=("click",), fields=FIELDS)
    assert one == listed
    assert (one.label, one.labels) == ("click", ("click",))
    assert one.to_dict()["label"] == "click" and "labels" not in one.to_dict()


def test_several_labels_go_round_in_their_order() -> None:
    schema = Schema(labels=("buy", "click"), fields=FIELDS)
    assert (schema.label, schema.labels) == (None, ("buy", "click"))
    assert schema.to_dict()["labels"] == ["buy", "click"] and "label" not in schema.to_dict()
    assert Schema.from_dict(schema.to_dict()) == schema != Schema(labels=("click", "buy"), fields=FIELDS)


def test_an_experiment_of_several_labels(tmp_path: Path) -> None:
    (tmp_path / "e.toml").write_text(EXPERIMENT)
    made = load_experiment(tmp_path / "e.toml")
    assert made.schema.labels == made.data.labels == ("click", "buy")
    assert made.model.tasks == Tasks(kind="mmoe", experts=3, tower_units=(8,))
    assert made.training.label_weights == {"buy": 2.0}
    assert made.training.early_stopping == EarlyStopping(metric="auc", label="buy")


def model(**tasks: object) -> Callable[[], object]:
    return lambda: ModelConfig(name="deepfm", tasks=Tasks(**tasks))


MISTAKES: dict[str, tuple[Callable[[], object], list[str]]] = {
    "none": (lambda: Schema(fields=FIELDS), ["schema", "label is missing"]),
    "both": (lambda: Schema(label="y", labels=("click", "buy"), fields=FIELDS), ["schema", "label and labels"]),
    "twice": (lambda: Schema(labels=("y", "y"), fields=FIELDS), ["labels", '"y" twice']),
    "a field": (lambda: Schema(labels=("y", "city"), fields=FIELDS), ['field "city"', "is the label"]),
    "a group": (lambda: Schema(labels=("y", "z"), fields=FIELDS, group="z"), ["group", '"z" is the label']),
    "text": (lambda: Schema(labels="click", fields=FIELDS), ["labels", "expected list"]),
    "unknown kind": (model(kind="moe"), ["kind", '"mmoe"']),
    "of another kind": (model(kind="mmoe", levels=3), ["levels", '"mmoe"', "experts"]),
    "options of none": (model(kind="esmm", experts=3), ["experts", '"esmm"', "no options"]),
    "no experts": (model(kind="ple", experts=0), ["experts = 0", "at least 1"]),
    "no layers": (
        lambda: ModelConfig(name="deepfm", hidden_units=(), tasks=Tasks(kind="mmoe")),
        ["hidden_units", "expert_units"],
    ),
    "no units": (model(kind="ple", expert_units=()), ["expert_units", "empty"]),
    "units of 0": (model(kind="ple", tower_units=(8, 0)), ["tower_units", "at least 1"]),
    "no deep head": (lambda: ModelConfig(name="fm", tasks=Tasks(kind="ple")), ['"ple"', '"deep"', "lacks"]),
    "weights of one": (
        lambda: check_labels(("click",), ModelConfig(name="lr"), TrainingConfig(label_weights={"click": 2.0})),
        ["label_weights", '"click" alone'],
    ),
    "negative weight": (lambda: TrainingConfig(label_weights={"buy": -1.0}), ["label_weights", '"buy"', "from 0"]),
}
SETTINGS: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "both": (("data.label=click",), ["data", "label and labels", "keep one"]),
    "one label": (("data.labels=[]", "data.label=click"), ["model", "tasks", "several labels"]),
    "unknown weight": (("training.label_weights={byu=1}",), ["label_weights", '"byu"', 'did you mean "buy"']),
    "unknown decider": (("training.early_stopping={label='clik'}",), ["early_stopping", '"clik"', '"click"']),
    "three of two": (('data.labels=["a", "b", "c"]', "model.tasks={kind='esmm'}"), ["esmm", "two labels", "not 3"]),
    "unknown option": (("model.tasks.expert=3",), ["model.tasks", '"expert"', '"experts"']),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_named(case: str) -> None:
    make, words = MISTAKES[case]
    with pytest.raises(ConfigError) as caught:
        make()
    assert [word for word in words if word not in str(caught.value)] == [], caught.value


@pytest.mark.parametrize("case", SETTINGS)
def test_a_mistake_in_an_experiment_is_named(case: str, tmp_path: Path) -> None:
    (tmp_path / "e.toml").write_text(EXPERIMENT)
    overrides, words = SETTINGS[case]
    with pytest.raises(ConfigError) as caught:
        load_experiment(tmp_path / "e.toml", overrides)
    assert [word for word in ["e.toml", *words] if word not in str(caught.value)] == [], caught.value
