"""Tables and dense part beside torch's own optimizers on the same model with dense parameters, to 1e-6."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

import manyhot as mh
from manyhot.data import TableLayout
from manyhot.kernels import Batch, Jagged, select
from manyhot.nn import Model, build_model
from manyhot.schema import SettledTraining
from manyhot.training import Learner, check_l2
from manyhot.training._schedule import RateSchedule

NUM_ROWS, DIM, NUM_EXAMPLES, STEPS = 20, 6, 24, 8
LAYOUT = TableLayout.of_sizes(mh.Schema(label="y", fields=(mh.Field("app", combiner="sum"),)), {"app": NUM_ROWS})


def draw(rng: np.random.Generator, num_rows: int) -> np.ndarray:
    """Weights of each feature in each example, float32 [B, V]; 0 where it is not there, which in many rows it never is.
    The others are there in most examples: Adam makes a whole step of a slope that is nothing but rounding."""
    weights = rng.uniform(0.5, 1.5, (NUM_EXAMPLES, NUM_ROWS)) * (rng.uniform(size=(NUM_EXAMPLES, NUM_ROWS)) < 0.8)
    weights[:, rng.permutation(NUM_ROWS)[num_rows:]] = 0
    return weights.astype(np.float32)


def batch_of(weights: np.ndarray, labels: np.ndarray, kernels: str) -> Batch:
    ids = [np.flatnonzero(row) for row in weights]
    jagged = Jagged(
        np.concatenate(ids).astype(np.int32),
        weights[weights != 0],
        np.cumsum([0, *map(len, ids)]).astype(np.int32),
        num_fields=1,
    )
    return Batch(jagged, labels, select(kernels).plan_rows(jagged, NUM_ROWS))


class DenseFM(torch.nn.Module):
    """FM over a dense matrix of weights in float64, with the numbers of ours."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        tables = model.tables
        self.latent = torch.nn.Parameter(torch.tensor(tables.data[:, :DIM].copy()))
        self.linear = torch.nn.Parameter(torch.tensor(tables.data[:, DIM].copy()))
        self.dense = torch.nn.ParameterList(p.detach().clone() for p in model.parameters())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bias, coefficient, h = self.dense
        bi = ((x @ self.latent) ** 2 - (x**2) @ self.latent**2) / 2
        return (x @ self.linear) * coefficient[0] + bi @ h + bias


L2 = 0.03
TORCH = {
    "sgd": lambda p, l2: torch.optim.SGD(p, 0.05, weight_decay=l2),
    "adagrad": lambda p, l2: torch.optim.Adagrad(p, 0.05, weight_decay=l2, initial_accumulator_value=0.1, eps=0),
    "adam": lambda p, l2: torch.optim.Adam(p, 0.05, weight_decay=l2),
    "adamw": lambda p, l2: torch.optim.AdamW(p, 0.05),
}


@pytest.mark.parametrize("kernels", ["native", "reference"])
@pytest.mark.parametrize("name", TORCH)
@pytest.mark.parametrize("l2_rows", ["touched", "all"])
def test_the_same_steps_as_torch(name: str, l2_rows: str, kernels: str) -> None:
    """touched: every row is in each batch, which is then what torch does; all: half of the rows."""
    l2 = 0.0 if name == "adamw" else L2
    options = {"optimizer": name, "learning_rate": 0.05, "l2": l2}
    config = SettledTraining(
        tables=mh.TableOptimizer(**options, l2_rows=l2_rows), dense=mh.DenseOptimizer(**options), precision="float32"
    )
    rng = np.random.default_rng(2)
    model = build_model(
        mh.FM(embedding_dim=DIM, pairs="features", embedding_scale=0.3),
        LAYOUT,
        select(kernels),
        optimizer=config.tables,
    )
    ours, theirs = Learner(model, config), DenseFM(model).double()
    moves = TORCH[name](list(theirs.parameters()), l2)
    met = set()
    for _ in range(STEPS):
        weights = draw(rng, NUM_ROWS if l2_rows == "touched" else NUM_ROWS // 2)
        labels = rng.integers(0, 2, NUM_EXAMPLES).astype(np.float32)
        met.add(len(np.flatnonzero(weights.any(0))))
        ours.learn(batch_of(weights, labels, kernels))
        moves.zero_grad()
        logits = theirs(torch.from_numpy(weights).double())
        binary_cross_entropy_with_logits(logits, torch.from_numpy(labels).double()).backward()
        moves.step()
    assert met == {NUM_ROWS} if l2_rows == "touched" else met == {NUM_ROWS // 2}
    tables = model.tables.weights()
    np.testing.assert_allclose(tables[:, :DIM], theirs.latent.detach(), rtol=0, atol=1e-6)
    np.testing.assert_allclose(tables[:, DIM], theirs.linear.detach(), rtol=0, atol=1e-6)
    for mine, other in zip(model.parameters(), theirs.dense, strict=True):
        np.testing.assert_allclose(mine.detach(), other.detach(), rtol=0, atol=1e-6)


def test_clipping_and_a_schedule_are_those_of_torch() -> None:
    """Clipping before L2 is added; the norm is of tables and dense part together, and some steps are above it."""
    options = {"optimizer": "adam", "learning_rate": 0.05, "l2": L2}
    schedule = mh.Schedule(kind="step", every=3, factor=0.5, warm_up_steps=4)
    config = SettledTraining(
        tables=mh.TableOptimizer(**options),
        dense=mh.DenseOptimizer(**options),
        precision="float32",
        clip_norm=1.2,
        schedule=schedule,
    )
    rng, rates = np.random.default_rng(3), RateSchedule(schedule, 100, 100)
    kernels = select("native")
    model = build_model(
        mh.FM(embedding_dim=DIM, pairs="features", embedding_scale=0.3), LAYOUT, kernels, optimizer=config.tables
    )
    ours, theirs = Learner(model, config), DenseFM(model).double()
    moves = torch.optim.Adam(list(theirs.parameters()), 0.05, weight_decay=L2)
    expected = torch.optim.lr_scheduler.LambdaLR(moves, lambda k: min((k + 1) / 4, 1) * 0.5 ** (k // 3))
    norms = []
    for step in range(1, STEPS + 1):
        weights, labels = draw(rng, NUM_ROWS), rng.integers(0, 2, NUM_EXAMPLES).astype(np.float32)
        ours.set_rates(rates.factor(step))
        ours.learn(batch_of(weights, labels, "native"))
        moves.zero_grad()
        logits = theirs(torch.from_numpy(weights).double())
        binary_cross_entropy_with_logits(logits, torch.from_numpy(labels).double()).backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.2)))
        moves.step()
        expected.step()
    assert min(norms) < 1.2 < max(norms)
    tables = model.tables.weights()
    np.testing.assert_allclose(tables[:, :DIM], theirs.latent.detach(), rtol=0, atol=3e-6)
    np.testing.assert_allclose(tables[:, DIM], theirs.linear.detach(), rtol=0, atol=3e-6)
    for mine, other in zip(model.parameters(), theirs.dense, strict=True):
        np.testing.assert_allclose(mine.detach(), other.detach(), rtol=0, atol=3e-6)


def layout_of_rows(num_rows: int) -> TableLayout:
    return TableLayout.of_sizes(mh.Schema(label="y", fields=(mh.Field("app"),)), {"app": num_rows})


def test_l2_on_all_rows_is_refused_where_the_tables_are_too_large() -> None:
    config = SettledTraining(batch_size=128, tables=mh.TableOptimizer(optimizer="adam", l2_rows="all"))
    check_l2(config, layout_of_rows(128 * 65_536 // 64), dim=16, num_rows=1000)  # adam's rows of 16 take 64 floats
    with pytest.raises(mh.ConfigError, match=r'l2_rows = "all".*131,073 rows.*batch_size.*"touched"'):
        check_l2(config, layout_of_rows(128 * 65_536 // 64 + 1), dim=16, num_rows=1000)
    with pytest.raises(mh.ConfigError, match="a batch of 100"):
        check_l2(config, layout_of_rows(128 * 65_536 // 64), dim=16, num_rows=100)
    check_l2(SettledTraining(batch_size=1), layout_of_rows(10**9), dim=16, num_rows=1000)
