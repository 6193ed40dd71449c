"""Heads given from Python: they train, are saved by name and weights, and are needed again to load."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from clicks import SCHEMA, TRAIN, VALID
from torch import Tensor, nn

import manyhot as mh
from manyhot.data import as_source
from manyhot.nn import DeepHead, FMHead
from refusals import assert_refused

DEEP = {"embedding_dim": 4, "hidden_units": (8,)}


class Meeting(nn.Module):
    """What members of the first field have in common with the candidate, and what they have with each other."""

    needs_within = True

    def __init__(self, shape: mh.HeadShape) -> None:
        super().__init__()
        self.member_fields, self.candidate = (0,), shape.field_names.index("candidate")
        self.scales = nn.Parameter(torch.ones(2, shape.dim))

    def forward(self, tables: mh.TableOutputs) -> Tensor:
        latents, weights, examples = tables.members[0]
        met = (latents * tables.pooled[examples, self.candidate]) @ self.scales[0] * weights
        within = tables.within[:, 0] @ self.scales[1]
        return within.index_add(0, examples, met)


def train(model: mh.ModelConfig, heads=None, **options) -> mh.Run:
    training = msgspec.structs.replace(mh.TrainingConfig(batch_size=64, epochs=2, threads=1), **options)
    return mh.train(SCHEMA, model, heads=heads, train=TRAIN, valid=VALID, training=training, listener=lambda _: None)


@pytest.fixture(scope="module")
def run() -> mh.Run:
    return train(mh.FM(embedding_dim=4, embedding_scale=0.3, custom_heads=("meeting",)), {"meeting": Meeting})


@pytest.fixture
def saved(run: mh.Run, tmp_path: Path) -> Path:
    run.save(tmp_path / "model")
    return tmp_path / "model"


def test_a_loaded_model_scores_as_the_trained_one(run, saved):
    heads = {"meeting": Meeting, "of another model": Meeting}
    scorer = mh.load(saved, heads=heads)
    rows = scorer.source(VALID)
    np.testing.assert_array_equal(scorer.score(VALID), run.saved.probabilities(rows), strict=True)
    assert scorer._saved.config.custom_heads == ("meeting",)
    scales = run.saved.network.heads["meeting"].scales
    assert (
        not torch.equal(scales, torch.ones(2, 4))
        and run.num_parameters == run.saved.network.tables.layout.num_rows * 5 + 17
    )


def test_a_head_gets_members_and_within_as_it_asks(saved):
    """Its term out of the pairs, by loops in float64."""
    model = mh.load(saved, heads={"meeting": Meeting})._saved
    network, few = model.network, as_source({name: column[:40] for name, column in VALID.items()})
    for name in ("linear", "fm"):
        nn.init.zeros_(network.heads[name].coefficients)
    [chunk] = model.encoder.encode(few, with_labels=False)
    table = network.tables.latent("app").astype(float)
    first, second = network.heads["meeting"].scales.detach().double().numpy()
    for b, p in enumerate(model.probabilities(few).astype(float)):
        bags = [slice(*chunk.offsets[4 * b + f : 4 * b + f + 2]) for f in (0, 1)]
        x = chunk.weights[bags[0]].astype(float)
        scaled = table[chunk.ids[bags[0]]] * (x / max(np.sqrt((x**2).sum()), 1e-30))[:, None]
        met = (scaled @ (table[chunk.ids[bags[1]]].sum(0) * first)).sum()
        within = sum((scaled[i] * scaled[j] for i in range(len(x)) for j in range(i)), np.zeros(4)) @ second
        assert np.log(p / (1 - p)) == pytest.approx(met + within + network.bias.item(), abs=1e-4)


def test_a_head_of_ones_own_is_as_good_as_a_named_one():
    named = train(mh.DeepFM(**DEEP))
    own = train(mh.FM(**DEEP, custom_heads=("mine",)), {"mine": DeepHead.of})
    for key in ("auc", "log_loss"):
        assert own.metrics["valid"][key] == pytest.approx(named.metrics["valid"][key], abs=1e-5)


class SlowFM(FMHead):
    """The same term; that it inherits must not send it the quick way of its parent."""

    def forward(self, tables: mh.TableOutputs) -> Tensor:
        return -super().forward(tables)


@pytest.mark.parametrize("build", [FMHead.of, SlowFM.of], ids=["twice", "inherited"])
def test_a_head_that_is_there_twice_learns_twice(build):
    model = mh.ModelConfig(heads=("fm",), custom_heads=("again",), embedding_dim=4)
    run = train(model, {"again": build}, dense=mh.DenseOptimizer(optimizer="sgd", learning_rate=0.5))
    first, second = (run.saved.network.heads[name].coefficients for name in ("fm", "again"))
    sign = -1 if build == SlowFM.of else 1
    assert not torch.equal(first, torch.ones(4))
    torch.testing.assert_close(first - 1, sign * (second - 1), rtol=1e-3, atol=1e-6)


def test_rows_move_by_both_heads():
    """One step, at whose start all logits are near 0: twice the head is twice the way."""

    def latents(heads: dict, learning_rate: float = 1.0) -> np.ndarray:
        model = mh.ModelConfig(heads=("fm",), custom_heads=tuple(heads), embedding_dim=4)
        tables = mh.TableOptimizer(optimizer="sgd", learning_rate=learning_rate)
        run = train(model, heads, batch_size=1000, epochs=1, tables=tables)
        return run.saved.network.tables.latent("app").copy()

    start = latents({}, 1e-20)
    once, twice = latents({}) - start, latents({"again": FMHead.of}) - start
    assert np.abs(once).max() > 1e-4
    np.testing.assert_allclose(twice, 2 * once, rtol=0.02, atol=1e-6)


def test_alone_it_is_a_model():
    model = mh.ModelConfig(custom_heads=("mine",), **DEEP)
    assert (model.heads, model.has_latent, model.hidden_units) == ((), True, (8,))
    assert train(model, {"mine": DeepHead.of}).metrics["valid"]["auc"] > 0.6


class Wide(nn.Module):
    def forward(self, tables: mh.TableOutputs) -> Tensor:
        return tables.linear[:, :1]


MINE = mh.LR(custom_heads=("mine",))
MISTAKES = {
    "not given": (lambda: train(MINE), ['custom_heads: "mine" is not given', 'heads={"mine": build}']),
    "not named": (lambda: train(mh.LR(), {"mine": Wide}), ['no head "mine"', 'custom_heads = ["mine"]']),
    "wrong shape": (
        lambda: train(MINE, {"mine": lambda shape: Wide()}),
        ['head "mine" gave float32 (64, 1) for 64 examples', "(B,)"],
    ),
    "no module": (lambda: train(MINE, {"mine": lambda shape: 3}), ['"mine" made int', "torch.nn.Module"]),
    "a word of torch": (
        lambda: train(mh.LR(custom_heads=("forward",)), {"forward": Wide}),
        ['"forward" is a word that torch needs'],
    ),
    "a head there is": (lambda: mh.LR(custom_heads=("cross",)), ['"cross" is a head of manyhot']),
    "no name": (lambda: mh.LR(custom_heads=("a.b",)), ['"a.b" must be a name']),
    "twice": (lambda: mh.LR(custom_heads=("a", "a")), ["named twice in custom_heads"]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_named(case):
    make, words = MISTAKES[case]
    with pytest.raises(mh.ConfigError) as caught:
        make()
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)


def test_a_file_cannot_be_loaded_without_its_heads(saved, tmp_path, capfd):
    words = [str(saved), '"meeting"', 'manyhot.load(path, heads={"meeting": build})']
    with pytest.raises(mh.ConfigError) as caught:
        mh.load(saved)
    assert [word for word in words if word not in str(caught.value)] == []
    assert_refused(["inspect", saved], words, tmp_path, capfd)


def test_a_file_does_not_take_other_heads(saved):
    with pytest.raises(mh.ModelFileError) as caught:
        mh.load(saved, heads={"meeting": FMHead.of})
    said = str(caught.value)
    assert "trained with another meeting than the given" in said and "heads.meeting.coefficients is absent" in said
    assert "\n" not in said


def test_the_command_line_says_that_it_has_none(tmp_path, capfd):
    experiment = tmp_path / "clicks.toml"
    (tmp_path / "train.csv").write_text("city,clicked\na,1\n")
    experiment.write_text(
        '[data]\ntrain = "train.csv"\nlabel = "clicked"\n[fields.city]\n[model]\nname = "lr"\ncustom_heads = ["mine"]\n'
    )
    assert_refused(["train", experiment], ['"mine" is not given', "in Python"], tmp_path, capfd)


def test_the_example_of_the_docs_runs(tmp_path, monkeypatch):
    page = (Path(__file__).parent.parent.parent / "docs/models.md").read_text()
    [example] = re.findall(r"```python\n(.*?)```", page, re.S)
    monkeypatch.chdir(tmp_path)
    names = {"schema": SCHEMA, "rows": TRAIN, "__name__": "example"}
    exec(compile(example, "docs/models.md", "exec"), names)
    network = names["run"].saved.network
    assert network.heads["likeness"].scale.item() != 1
    np.testing.assert_array_equal(names["probabilities"], mh.Scorer(names["run"].saved).score(TRAIN))


def test_a_model_may_start_from_a_file_with_its_own_custom_head(saved, run):
    still = {"tables": mh.TableOptimizer(optimizer="sgd", learning_rate=1e-60), "init_from": str(saved)}
    model = mh.FM(embedding_dim=4, custom_heads=("meeting",))
    warm = train(model, {"meeting": Meeting}, **still).saved.network.tables
    np.testing.assert_array_equal(warm.weights(), run.saved.network.tables.weights())
    with pytest.raises(mh.ConfigError, match=r'init_from = .*user.s own, "meeting".*take another file'):
        train(mh.FM(embedding_dim=4), **still)


@pytest.mark.parametrize(
    ("buffer", "words"),
    [
        (torch.ones(3, dtype=torch.bool), ["mask is of torch.bool", "model files hold float32", "persistent=False"]),
        (torch.full((3,), -torch.inf), ["mask holds NaN or infinity", "persistent=False"]),
    ],
)
def test_what_cannot_be_saved_is_refused_before_training(buffer: Tensor, words: list[str]) -> None:
    class Masked(Meeting):
        def __init__(self, shape: mh.HeadShape, persistent: bool = True) -> None:
            super().__init__(shape)
            self.register_buffer("mask", buffer, persistent=persistent)

    model = mh.FM(embedding_dim=4, custom_heads=("meeting",))
    with pytest.raises(mh.ConfigError) as caught:
        train(model, {"meeting": Masked})
    assert all(word in str(caught.value) for word in ('heads: "meeting": mask', *words))
    train(model, {"meeting": lambda shape: Masked(shape, persistent=False)}, epochs=1)
