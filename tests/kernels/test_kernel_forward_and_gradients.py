"""Native and reference kernels against nested loops in float64 (SEMANTICS section 2)."""

from __future__ import annotations

from dataclasses import replace

import kernel_oracle as oracle
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_oracle import NUM_ROWS, Case

from manyhot.kernels import Kernels, select
from manyhot.kernels._reference import Occurrences, forward_rows, occurrences

DIMS = (0, 1, 3, 4, 8, 16, 17, 64, 130, 300)
MODEST = settings(max_examples=10, deadline=None)

both_kernels = pytest.mark.parametrize("kernels", [select("native"), select("reference")], ids=["native", "reference"])
both_pairs = pytest.mark.parametrize("field_pairs", [False, True], ids=["features", "fields"])
every_dim = pytest.mark.parametrize("dim", DIMS)


def pairs_of(case: Case) -> tuple[Occurrences, tuple[int, int]]:
    """What the definition takes: pairs one by one, and B and F."""
    j = case.jagged
    bags = np.repeat(np.arange(len(j.offsets) - 1), np.diff(j.offsets))
    return occurrences(j.ids, j.weights, bags), (j.num_examples, j.num_fields)


def assert_forward(kernels: Kernels, case: Case, field_pairs: bool) -> None:
    ours = kernels.forward(oracle.lookup(case, field_pairs), case.jagged)
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
    plan, outputs = oracle.passed(kernels, case, field_pairs)
    before = case.table.copy()
    ours = kernels.gradients(oracle.lookup(case, field_pairs), plan, outputs, case.gradients)
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
    plan, out = oracle.passed(kernels, case, field_pairs, 2)
    assert all(array.shape[0] == 3 and not array.any() for array in (out.linear, out.pooled, out.sum, out.bi))
    assert kernels.gradients(oracle.lookup(case, field_pairs, 2), plan, out, case.gradients).shape == (0, 6)


@both_kernels
def test_features_count_the_pairs_inside_a_field_and_fields_do_not(kernels):
    case = oracle.make_case(oracle.make_jagged([[1, 2], [3]], [2.0, 1.0, -1.0], 2), 1, seed=1)
    case.table[1:4, 0] = 3, 5, 7
    features, fields = (kernels.forward(oracle.lookup(case, p), case.jagged).bi.item() for p in (False, True))
    assert (features, fields) == (6 * 5 + 6 * -7 + 5 * -7, 6 * -7 + 5 * -7)


@both_kernels
@both_pairs
def test_an_example_does_not_depend_on_its_batch(kernels, field_pairs):
    case = oracle.random_case(8, seed=3)
    lookup = oracle.lookup(case, field_pairs, 2)
    whole = kernels.forward(lookup, case.jagged)
    for b in (0, 17, 39):
        pairs = case.example(b)
        bags = [[row for g, row, _ in pairs if g == f] for f in range(4)]
        alone = oracle.make_jagged(bags, [x for _, _, x in pairs], 4)
        out = kernels.forward(lookup, alone)
        np.testing.assert_allclose(out.bi[0], whole.bi[b], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(out.linear[0], whole.linear[b], rtol=1e-5, atol=1e-5)


@both_pairs
@pytest.mark.parametrize("dim", (1, 3))
@given(data=st.data())
@MODEST
def test_the_definition_passes_gradcheck_in_float64(field_pairs, dim, data):
    case = data.draw(oracle.cases(dim))
    rows = torch.from_numpy(case.table[:, : dim + 1].astype(np.float64)).requires_grad_()
    pairs, shape = pairs_of(case)
    assert torch.autograd.gradcheck(lambda rows: forward_rows(rows, pairs, shape, field_pairs), (rows,))


@both_pairs
@pytest.mark.parametrize("dim", (4, 17, 130))
def test_native_gradients_against_the_definition_in_float64(field_pairs, dim):
    case, native = oracle.random_case(dim, seed=dim + 1), select("native")
    rows = torch.from_numpy(case.table[:, : dim + 1].astype(np.float64)).requires_grad_()
    linear, pooled, _, bi = forward_rows(rows, *pairs_of(case), field_pairs)
    g = case.gradients
    parts = ((linear, g.linear), (pooled, g.pooled), (bi, g.bi))
    loss = sum((out * torch.from_numpy(gradient)).sum() for out, gradient in parts)
    loss.backward()
    plan, outputs = oracle.passed(native, case, field_pairs, 2)
    ours = native.gradients(oracle.lookup(case, field_pairs, 2), plan, outputs, g)
    np.testing.assert_allclose(ours, rows.grad.numpy()[plan.rows], rtol=1e-5, atol=1e-5 * np.abs(ours).max())


@both_kernels
@pytest.mark.parametrize("bad", (-1, NUM_ROWS), ids=["negative", "too large"])
def test_an_id_outside_the_table_is_a_value_error(kernels, bad):
    case = oracle.make_case(oracle.make_jagged([[0, bad], [1]], None, 1), 3, seed=0)
    with pytest.raises(ValueError, match="outside"):
        kernels.plan_rows(case.jagged, NUM_ROWS)
    with pytest.raises(ValueError, match="outside"):
        kernels.forward(oracle.lookup(case), case.jagged)


@both_kernels
@every_dim
def test_pooled_in_bfloat16_is_pooled_rounded(kernels, dim):
    """And nothing else changes; a gradient in bfloat16 is the same numbers in float32."""
    case = oracle.random_case(dim, seed=dim)
    plan, single = oracle.passed(kernels, case)
    half = kernels.forward(oracle.lookup(case, bfloat16=True), case.jagged)
    assert half.pooled.dtype == np.uint16
    rounded = torch.from_numpy(single.pooled).bfloat16()
    assert half.pooled.tobytes() == rounded.view(torch.uint16).numpy().tobytes()
    for name in ("linear", "sum", "bi"):
        assert getattr(half, name).tobytes() == getattr(single, name).tobytes()
    given = [replace(case.gradients, pooled=pooled) for pooled in (half.pooled, rounded.float().numpy())]
    ours = [kernels.gradients(oracle.lookup(case), plan, single, gradients) for gradients in given]
    assert ours[0].tobytes() == ours[1].tobytes()


@both_kernels
def test_bfloat16_rounds_to_even_and_keeps_what_is_not_finite(kernels):
    values = [1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8, 3.4e38, np.inf, -np.inf, np.nan, -np.nan, 1e-40, 0.0, -0.0]
    case = oracle.make_case(oracle.make_jagged([[k] for k in range(len(values))], None, 1), 1, seed=0)
    case.table[: len(values), 0] = values
    half = kernels.forward(oracle.lookup(case, bfloat16=True), case.jagged).pooled[:, 0]
    ours = torch.from_numpy(half).view(torch.bfloat16).float().numpy()[:, 0]
    expected = torch.tensor(values).bfloat16().float().numpy()
    np.testing.assert_array_equal(ours, expected)


@both_kernels
def test_pairs_of_fields_refuse_bfloat16(kernels):
    case = oracle.random_case(4, seed=0)
    with pytest.raises(ValueError, match="float32"):
        kernels.forward(oracle.lookup(case, True, bfloat16=True), case.jagged)
