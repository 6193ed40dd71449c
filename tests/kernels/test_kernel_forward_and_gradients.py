"""Native and reference kernels against nested loops in float64 (SEMANTICS section 2)."""

from __future__ import annotations

import kernel_oracle as oracle
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_oracle import NUM_ROWS, Case

from manyhot.kernels import Kernels, select
from manyhot.kernels._reference import forward_rows

DIMS = (0, 1, 3, 4, 8, 16, 17, 64, 130, 300)
MODEST = settings(max_examples=10, deadline=None)

both_kernels = pytest.mark.parametrize("kernels", [select("native"), select("reference")], ids=["native", "reference"])
both_pairs = pytest.mark.parametrize("field_pairs", [False, True], ids=["features", "fields"])
every_dim = pytest.mark.parametrize("dim", DIMS)


def assert_forward(kernels: Kernels, case: Case, field_pairs: bool) -> None:
    ours = kernels.forward(case.table, case.dim, case.jagged, field_pairs, 1)
    theirs = oracle.forward(case, field_pairs)
    for name in ("linear", "pooled", "sum", "bi"):
        assert getattr(ours, name).shape == theirs[name].shape
        assert getattr(ours, name).dtype == np.float32
    np.testing.assert_allclose(ours.linear, theirs["linear"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.pooled, theirs["pooled"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.sum, theirs["sum"], rtol=1e-5, atol=1e-5)
    # bi is a difference of squares: float32 rounds it relative to the squares, not to what is left of them.
    assert (np.abs(ours.bi - theirs["bi"]) <= 1e-6 * theirs["size"] ** 2 + 1e-12).all()


def assert_gradients(kernels: Kernels, case: Case, field_pairs: bool) -> None:
    plan = kernels.plan_rows(case.jagged.ids, NUM_ROWS)
    outputs = kernels.forward(case.table, case.dim, case.jagged, field_pairs, 1)
    before = case.table.copy()
    ours = kernels.gradients(
        case.table, case.dim, case.jagged, plan, case.gradients, outputs, field_pairs, num_threads=1
    )
    theirs = oracle.gradients(case, field_pairs)
    size = np.abs(theirs).max(initial=1)
    assert ours.shape == (len(plan.rows), case.dim + 1)
    np.testing.assert_allclose(ours, theirs[plan.rows], rtol=1e-5, atol=1e-5 * size)
    assert not np.delete(theirs, plan.rows, axis=0).any()
    np.testing.assert_array_equal(case.table, before)


@both_kernels
@both_pairs
@every_dim
@given(data=st.data())
@MODEST
def test_forward_is_the_sum_over_pairs(kernels, field_pairs, dim, data):
    assert_forward(kernels, data.draw(oracle.cases(dim)), field_pairs)


@both_kernels
@both_pairs
@every_dim
@given(data=st.data())
@MODEST
def test_gradients_are_those_of_the_sum_over_pairs(kernels, field_pairs, dim, data):
    assert_gradients(kernels, data.draw(oracle.cases(dim)), field_pairs)


@both_kernels
@both_pairs
@pytest.mark.parametrize("dim", (0, 5, 16, 140))
def test_long_batches(kernels, field_pairs, dim):
    case = oracle.random_case(dim, seed=dim)
    assert_forward(kernels, case, field_pairs)
    assert_gradients(kernels, case, field_pairs)


@both_kernels
@both_pairs
def test_a_batch_without_pairs_gives_zeros(kernels, field_pairs):
    case = oracle.make_case(oracle.make_jagged([[]] * 6, None, 2), 5, seed=0)
    out = kernels.forward(case.table, 5, case.jagged, field_pairs, 2)
    assert all(array.shape[0] == 3 and not array.any() for array in (out.linear, out.pooled, out.sum, out.bi))
    plan = kernels.plan_rows(case.jagged.ids, NUM_ROWS)
    assert kernels.gradients(case.table, 5, case.jagged, plan, case.gradients, out, field_pairs, 2).shape == (0, 6)


@both_kernels
def test_features_count_the_pairs_inside_a_field_and_fields_do_not(kernels):
    case = oracle.make_case(oracle.make_jagged([[1, 2], [3]], [2.0, 1.0, -1.0], 2), 1, seed=1)
    case.table[1:4, 0] = 3, 5, 7
    features, fields = (kernels.forward(case.table, 1, case.jagged, pairs, 1).bi.item() for pairs in (False, True))
    assert (features, fields) == (6 * 5 + 6 * -7 + 5 * -7, 6 * -7 + 5 * -7)


@both_kernels
@both_pairs
def test_an_example_does_not_depend_on_its_batch(kernels, field_pairs):
    case = oracle.random_case(8, seed=3)
    whole = kernels.forward(case.table, 8, case.jagged, field_pairs, 2)
    for b in (0, 17, 39):
        pairs = case.example(b)
        bags = [[row for g, row, _ in pairs if g == f] for f in range(4)]
        alone = oracle.make_jagged(bags, [x for _, _, x in pairs], 4)
        out = kernels.forward(case.table, 8, alone, field_pairs, 1)
        np.testing.assert_allclose(out.bi[0], whole.bi[b], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(out.linear[0], whole.linear[b], rtol=1e-5, atol=1e-5)


@both_pairs
@pytest.mark.parametrize("dim", (1, 3))
@given(data=st.data())
@MODEST
def test_the_definition_passes_gradcheck_in_float64(field_pairs, dim, data):
    case = data.draw(oracle.cases(dim))
    rows = torch.from_numpy(case.table[:, : dim + 1].astype(np.float64)).requires_grad_()
    ids = torch.from_numpy(case.jagged.ids).long()
    assert torch.autograd.gradcheck(lambda rows: forward_rows(rows, ids, case.jagged, field_pairs), (rows,))


@both_pairs
@pytest.mark.parametrize("dim", (4, 17, 130))
def test_native_gradients_against_the_definition_in_float64(field_pairs, dim):
    case, native = oracle.random_case(dim, seed=dim + 1), select("native")
    rows = torch.from_numpy(case.table[:, : dim + 1].astype(np.float64)).requires_grad_()
    linear, pooled, _, bi = forward_rows(rows, torch.from_numpy(case.jagged.ids).long(), case.jagged, field_pairs)
    g = case.gradients
    parts = ((linear, g.linear), (pooled, g.pooled), (bi, g.bi))
    loss = sum((out * torch.from_numpy(gradient)).sum() for out, gradient in parts)
    loss.backward()
    plan = native.plan_rows(case.jagged.ids, NUM_ROWS)
    outputs = native.forward(case.table, dim, case.jagged, field_pairs, 2)
    ours = native.gradients(case.table, dim, case.jagged, plan, g, outputs, field_pairs, 2)
    np.testing.assert_allclose(ours, rows.grad.numpy()[plan.rows], rtol=1e-5, atol=1e-5 * np.abs(ours).max())


@both_kernels
@pytest.mark.parametrize("bad", (-1, NUM_ROWS), ids=["negative", "too large"])
def test_an_id_outside_the_table_is_a_value_error(kernels, bad):
    case = oracle.make_case(oracle.make_jagged([[0, bad], [1]], None, 1), 3, seed=0)
    with pytest.raises(ValueError, match="outside"):
        kernels.plan_rows(case.jagged.ids, NUM_ROWS)
    with pytest.raises(ValueError, match="outside"):
        kernels.forward(case.table, 3, case.jagged, False, 1)
