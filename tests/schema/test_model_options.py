"""Model and training options: presets fill in what they stand for, and mistakes are named."""

from __future__ import annotations

import pytest

from manyhot.errors import ConfigError
from manyhot.schema import (
    FM,
    LR,
    MODELS,
    DeepFM,
    DenseOptimizer,
    EarlyStopping,
    ModelConfig,
    Product,
    Schedule,
    TableChanges,
    TableOptimizer,
    TrainingConfig,
    WideDeep,
)

INFINITE = float("inf")
MISTAKES = {
    "unknown name": (lambda: ModelConfig(name="deepfn"), ["model", '"deepfn"', 'did you mean "deepfm"?']),
    "neither name nor heads": (lambda: ModelConfig(), ["model", 'name = "deepfm"', "heads ="]),
    "name and other heads": (lambda: ModelConfig(name="lr", heads=["fm"]), ['"lr"', "name or heads, not both"]),
    "head twice": (lambda: ModelConfig(heads=["fm", "fm"]), ["model", "heads", "twice"]),
    "unknown head": (lambda: ModelConfig(heads=["cros"]), ["model", "heads", '"cros"', 'did you mean "cross"?']),
    "no latent size": (lambda: DeepFM(embedding_dim=0), ["embedding_dim = 0", "between 1 and 4096"]),
    "dropout of all": (lambda: DeepFM(dropout=1.0), ["dropout = 1.0", "[0, 1)"]),
    "dropout is no number": (lambda: DeepFM(dropout=float("nan")), ["dropout = nan", "[0, 1)"]),
    "empty layer": (lambda: DeepFM(hidden_units=[8, 0]), ["hidden_units = [8, 0]", "at least 1"]),
    "negative scale": (lambda: FM(embedding_scale=-1.0), ["embedding_scale = -1.0"]),
    "infinite scale": (lambda: FM(embedding_scale=INFINITE), ["embedding_scale = inf"]),
    "dropout without deep": (lambda: FM(dropout=0.5), ["dropout", 'head "deep"']),
    "hidden units without deep": (lambda: LR(hidden_units=[8]), ["hidden_units", 'head "deep"']),
    "batch norm without deep": (lambda: FM(batch_norm=True), ["batch_norm", 'head "deep"']),
    "pairs without fm": (lambda: WideDeep(pairs="fields"), ["pairs", 'head "fm"']),
    "unknown pairs": (lambda: DeepFM(pairs="field"), ["pairs", "field"]),
    "article with pairs of fields": (
        lambda: DeepFM(preset="article", pairs="fields"),
        ['preset = "article"', "remove"],
    ),
    "other latents beside field-aware ones": (
        lambda: ModelConfig(heads=["linear", "field_aware_fm", "deep"]),
        ["model: heads", '"field_aware_fm"', 'leave out "deep"'],
    ),
    "product without the head": (lambda: DeepFM(product=Product()), ["product", 'head "product"', "lacks"]),
    "hidden units as text": (lambda: DeepFM(hidden_units="400"), ["hidden_units", "text"]),
    "hidden units as one number": (lambda: DeepFM(hidden_units=400), ["hidden_units", "whole number"]),
    "batch size": (lambda: TrainingConfig(batch_size=0), ["training", "batch_size = 0", "at least 1"]),
    "epochs": (lambda: TrainingConfig(epochs=-1), ["training", "epochs = -1", "at least 1"]),
    "validate_every": (lambda: TrainingConfig(validate_every=0), ["training", "validate_every = 0", "at least 1"]),
    "threads": (lambda: TrainingConfig(threads=0), ["training", "threads = 0", "at least 1"]),
    "seed": (lambda: TrainingConfig(seed=-1), ["training", "seed = -1", "between 0 and 2^63 - 1"]),
    "kernels": (lambda: TrainingConfig(kernels="cuda"), ["training", "kernels", "cuda"]),
    "epochs as text": (lambda: TrainingConfig(epochs="3"), ["training", "epochs", "whole number", "text"]),
    "patience": (lambda: EarlyStopping(patience=0), ["early_stopping", "patience = 0", "at least 1"]),
    "metric": (lambda: EarlyStopping(metric="acc"), ["metric", "acc"]),
    "learning rate": (lambda: TableOptimizer(learning_rate=0.0), ["learning_rate = 0.0", "positive"]),
    "infinite learning rate": (lambda: DenseOptimizer(learning_rate=INFINITE), ["learning_rate = inf"]),
    "l2": (lambda: TableOptimizer(optimizer="ftrl", l2=-1.0), ["l2 = -1.0", "negative"]),
    "beta": (lambda: DenseOptimizer(beta1=1.0), ["beta1 = 1.0", "[0, 1)"]),
    "accumulator": (lambda: TableOptimizer(initial_accumulator=0.0), ["initial_accumulator = 0.0", "positive"]),
    "l1 of adagrad": (
        lambda: TableOptimizer(optimizer="adagrad", l1=0.1),
        ['"adagrad"', "no l1", "initial_accumulator"],
    ),
    "accumulator of adam": (lambda: DenseOptimizer(initial_accumulator=0.2), ['"adam"', "no initial_accumulator"]),
    "l2_rows of ftrl": (lambda: TableOptimizer(optimizer="ftrl", l2_rows="all"), ['"ftrl"', "no l2_rows"]),
    "rowwise_adagrad of the dense part": (lambda: DenseOptimizer(optimizer="rowwise_adagrad"), ["rowwise_adagrad"]),
    "momentum of adam": (lambda: DenseOptimizer(momentum=0.9), ['"adam"', "no momentum"]),
    "momentum of 1": (lambda: DenseOptimizer(optimizer="sgd", momentum=1.0), ["momentum = 1.0", "[0, 1)"]),
    "nesterov alone": (lambda: DenseOptimizer(optimizer="sgd", nesterov=True), ["nesterov", "momentum"]),
    "a key that a part's rule has not": (
        lambda: TrainingConfig(vocabularies={"app": {"l1": 0.1}}),
        ["training: vocabularies.app", '"adam" has no l1'],
    ),
    "a key that linear weights' rule has not": (
        lambda: TrainingConfig(linear_tables=TableChanges(optimizer="ftrl", beta1=0.5)),
        ["training: linear_tables", '"ftrl" has no beta1'],
    ),
    "exploding_loss": (lambda: TrainingConfig(exploding_loss=1.0), ["exploding_loss = 1.0", "more than 1"]),
    "clip_norm": (lambda: TrainingConfig(clip_norm=0.0), ["clip_norm = 0.0", "positive"]),
    "schedule of ftrl": (
        lambda: TrainingConfig(linear_tables=TableChanges(optimizer="ftrl"), schedule=Schedule(kind="cosine")),
        ["schedule", "ftrl (linear_tables)", "leave one of them out"],
    ),
    "warm-up of ftrl": (
        lambda: TrainingConfig(dense=DenseOptimizer(optimizer="ftrl"), schedule=Schedule(warm_up_steps=9)),
        ["ftrl (dense)"],
    ),
    "unknown schedule": (lambda: Schedule(kind="cosin"), ["schedule", "kind", "cosin"]),
    "factor": (lambda: Schedule(kind="step", factor=1.0), ["factor = 1.0", "between 0 and 1"]),
    "min_factor": (lambda: Schedule(kind="cosine", min_factor=1.5), ["min_factor = 1.5", "[0, 1]"]),
    "patience of a schedule": (lambda: Schedule(kind="plateau", patience=0), ["patience = 0", "at least 1"]),
    "warm_up_steps": (lambda: Schedule(warm_up_steps=-1), ["warm_up_steps = -1", "at least 0"]),
    "patience of cosine": (lambda: Schedule(kind="cosine", patience=3), ['"cosine" has no patience', "min_factor"]),
    "initializer": (lambda: FM(initializer="xavier"), ["initializer", "xavier"]),
    "scale of glorot": (lambda: FM(initializer="glorot", embedding_scale=0.1), ['"glorot" has no embedding_scale']),
    "scale of zeros": (lambda: FM(initializer="zeros", linear_scale=0.1), ['"zeros" has no linear_scale']),
    "unknown optimizer": (lambda: TableOptimizer(optimizer="adagard"), ["optimizer", "adagard"]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_named(case: str) -> None:
    make, words = MISTAKES[case]
    with pytest.raises(ConfigError) as caught:
        make()
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)


@pytest.mark.parametrize("kind", [LR, FM, WideDeep, DeepFM])
def test_a_named_model_has_its_heads(kind: type[ModelConfig]) -> None:
    config = kind()
    assert config.heads == MODELS[config.name].heads
    assert config.hidden_units == ((400, 400) if "deep" in config.heads else ())
    assert config.has_latent == (kind is not LR)


def test_preset_article_stands_for_what_semantics_says() -> None:
    config = DeepFM(preset="article")
    assert (config.pairs, config.head_biases, config.layer_order) == ("features", True, "article")


def test_options_of_each_optimizer_are_accepted() -> None:
    used = {
        "sgd": {"l2": 0.1},
        "adagrad": {"initial_accumulator": 0.5, "l2": 0.1},
        "proximal_adagrad": {"l1": 0.1, "l2": 0.2},
        "ftrl": {"l1": 0.1, "l2": 0.2, "initial_accumulator": 1.0},
        "adam": {"beta1": 0.8, "beta2": 0.9, "epsilon": 1e-6, "weight_decay": 0.1, "l2": 0.1},
        "adamw": {"weight_decay": 0.0},
    }
    for name, options in used.items():
        for kind in (TableOptimizer, DenseOptimizer):
            made = kind(optimizer=name, **options)
            assert {key: getattr(made, key) for key in options} == options
