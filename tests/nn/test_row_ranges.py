"""Vocabularies and parts with their own optimizers in one stacked table."""

from __future__ import annotations

import nn_oracle as oracle
import numpy as np
import pytest
import torch

from manyhot.kernels import select, state_places
from manyhot.nn import Model, batch_loss, build_model, loss_by_hand, row_ranges, stride_of
from manyhot.schema import FM, DeepFM, TableChanges, TableOptimizer, TableOptimizers, VocabularyTables

ADAM, FTRL = TableOptimizer(optimizer="adam", learning_rate=0.1), TableOptimizer(optimizer="ftrl", learning_rate=0.3)
MIXED = TableOptimizers(
    ADAM,
    TableChanges(optimizer="ftrl", learning_rate=0.3),
    {"city": VocabularyTables(optimizer="rowwise_adagrad", linear_tables=TableChanges(optimizer="sgd"))},
)


def learned(optimizer: TableOptimizer | TableOptimizers, kernels: str = "native") -> Model:
    """After three steps."""
    model = oracle.model_of(FM(embedding_dim=5), kernels=kernels, optimizer=optimizer).train()
    for seed in (1, 2, 3):
        batch = oracle.batch_of(oracle.random_rows(seed=seed), kernels=kernels)
        batch_loss(model(batch), batch).backward()
    return model


@pytest.mark.parametrize("kernels", ["native", "reference"])
def test_each_vocabulary_and_part_moves_as_it_would_alone(kernels: str) -> None:
    """The dense part stands still here, so the slopes of one part would depend on the others after the first step
    only; hence one step."""
    batch = oracle.batch_of(oracle.random_rows(seed=4), kernels=kernels)

    def stepped(optimizer: TableOptimizer | TableOptimizers) -> Model:
        model = oracle.model_of(FM(embedding_dim=5), kernels=kernels, optimizer=optimizer)
        batch_loss(model(batch), batch).backward()
        return model

    mixed = stepped(MIXED)
    for name in mixed.tables.layout.ranges:
        latent, linear = MIXED.of(name)
        assert mixed.tables.latent(name).tobytes() == stepped(latent).tables.latent(name).tobytes()
        assert mixed.tables.linear(name).tobytes() == stepped(linear).tables.linear(name).tobytes()


def test_both_kernels_agree_on_mixed_optimizers() -> None:
    one, other = (learned(MIXED, kernels).tables for kernels in ("native", "reference"))
    np.testing.assert_allclose(one.data, other.data, rtol=1e-5, atol=1e-6)


def test_neighbours_with_equal_optimizers_are_one_range() -> None:
    layout = oracle.layout_of()  # app, city, number
    assert row_ranges(layout, ADAM) == row_ranges(layout, TableOptimizers(ADAM, None, {"app": VocabularyTables()}))
    assert [of.end for of in row_ranges(layout, ADAM)] == [layout.num_rows]
    assert [of.end for of in row_ranges(layout, MIXED)] == [stop for _, stop in layout.ranges.values()]


@pytest.mark.parametrize("dim", [0, 1, 16, 100])
def test_rowwise_adagrad_keeps_two_numbers_a_row(dim: int) -> None:
    rowwise = TableOptimizer(optimizer="rowwise_adagrad")
    latent, linear = state_places(dim, "rowwise_adagrad", "rowwise_adagrad")
    assert sum(place.stop - place.start for place in (*latent, *linear)) == (2 if dim else 1)
    stride = stride_of(dim, row_ranges(oracle.layout_of(), rowwise))
    assert stride <= max(1 << (dim + 2).bit_length(), dim + 3 + 15)
    if dim == 100:
        assert stride < stride_of(dim, row_ranges(oracle.layout_of(), TableOptimizer()))


def test_states_start_by_vocabulary_and_part() -> None:
    model = build_model(FM(embedding_dim=5), oracle.layout_of(), select("native"), optimizer=MIXED)
    for name, (start, stop) in model.tables.layout.ranges.items():
        latent, linear = MIXED.of(name)
        places = state_places(5, latent.optimizer, linear.optimizer)
        rows = model.tables.data[start:stop]
        for optimizer, states in ((latent, places[0]), (linear, places[1])):
            first = np.float32(0.1 if optimizer.optimizer in ("ftrl", "rowwise_adagrad") else 0)
            assert all((rows[:, place] == (0 if k else first)).all() for k, place in enumerate(states))


@pytest.mark.parametrize("by_hand", [True, False])
def test_gradients_that_are_kept_move_the_rows_later(by_hand: bool) -> None:
    """With the factor 1 the bits are those of an update in the backward pass, and dense gradients are the same."""
    config = DeepFM(embedding_dim=5, hidden_units=(6,))
    now, later = (oracle.model_of(config, optimizer=MIXED).train() for _ in range(2))
    later.tables.keeps_gradients = True
    for seed in (1, 2):
        batch = oracle.batch_of(oracle.random_rows(seed=seed))
        before = later.tables.data.copy()
        for model in (now, later):
            model.zero_grad()
            if by_hand:
                loss_by_hand(model, batch)[1]()
            else:
                batch_loss(model(batch), batch).backward()
        assert later.tables.data.tobytes() == before.tobytes()
        later.tables.move(1.0)
        assert later.tables.data.tobytes() == now.tables.data.tobytes() != before.tobytes()
        assert all(torch.equal(a.grad, b.grad) for a, b in zip(now.parameters(), later.parameters(), strict=True))
    assert later.tables.num_steps == 2
