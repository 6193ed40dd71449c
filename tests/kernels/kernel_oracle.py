"""What the kernels compute, as nested loops over pairs in float64; and the batches the tests are given.

Letters: B examples, F fields, N pairs, V table rows, D latent size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from manyhot.kernels import Float32s, Gradients, Jagged, Kernels, Lookup, Outputs, RowPlan, new_table, row_stride

NUM_ROWS = 12
WEIGHTS = st.none() | st.sampled_from((0.0, -0.0, 1.0, -1.0, 0.5)) | st.floats(-3, 3, width=32)


@dataclass(frozen=True)
class Case:
    """A table, a batch for it, and the gradient of some loss by every output."""

    table: Float32s
    dim: int
    jagged: Jagged
    gradients: Gradients

    def example(self, b: int) -> list[tuple[int, int, float]]:
        """The pairs of an example: (field, table row, weight)."""
        j = self.jagged
        return [
            (f, int(j.ids[i]), 1.0 if j.weights is None else float(j.weights[i]))
            for f in range(j.num_fields)
            for i in range(j.offsets[b * j.num_fields + f], j.offsets[b * j.num_fields + f + 1])
        ]

    def examples(self) -> Iterator[tuple[int, list[tuple[int, int, float]]]]:
        return ((b, self.example(b)) for b in range(self.jagged.num_examples))

    @property
    def latent(self) -> np.ndarray:
        return self.table[:, : self.dim].astype(np.float64)

    @property
    def linear(self) -> np.ndarray:
        return self.table[:, self.dim].astype(np.float64)


def lookup(case: Case, field_pairs: bool = False, num_threads: int = 1, *, bfloat16: bool = False) -> Lookup:
    return Lookup(case.table, case.dim, field_pairs, bfloat16, num_threads)


def passed(kernels: Kernels, case: Case, field_pairs: bool = False, num_threads: int = 1) -> tuple[RowPlan, Outputs]:
    """What a backward pass over the case needs."""
    plan = kernels.plan_rows(case.jagged, NUM_ROWS)
    return plan, kernels.forward(lookup(case, field_pairs, num_threads), case.jagged)


def make_jagged(bags: list[list[int]], weights: list[float] | None, num_fields: int) -> Jagged:
    lengths = [len(bag) for bag in bags]
    return Jagged(
        ids=np.array([i for bag in bags for i in bag], np.int32),
        weights=None if weights is None else np.array(weights, np.float32),
        offsets=np.cumsum([0, *lengths]).astype(np.int32),
        num_fields=num_fields,
    )


def make_case(jagged: Jagged, dim: int, seed: int, given: str = "lpb", optimizer: str = "sgd") -> Case:
    """Random rows and gradients; of linear, pooled, bi those gradients whose letter is in `given`."""
    rng = np.random.default_rng(seed)
    num_examples, num_fields = jagged.num_examples, jagged.num_fields
    table = new_table(NUM_ROWS, row_stride(dim, optimizer))
    table[:, : dim + 1] = rng.standard_normal((NUM_ROWS, dim + 1))
    shapes = {"l": (num_examples, num_fields), "p": (num_examples, num_fields, dim), "b": (num_examples, dim)}
    parts = (rng.standard_normal(s).astype(np.float32) if k in given else None for k, s in shapes.items())
    return Case(table, dim, jagged, Gradients(*parts))


def random_case(dim: int, seed: int, *, num_examples: int = 40, optimizer: str = "sgd") -> Case:
    """Four fields with up to 9 pairs each, of 9 of the 12 rows: enough for prefetching and several threads."""
    rng = np.random.default_rng(seed)
    used = rng.permutation(NUM_ROWS)[:9]
    bags = [rng.choice(used, rng.integers(0, 10)).tolist() for _ in range(4 * num_examples)]
    weights = rng.standard_normal(sum(map(len, bags))).tolist()
    return make_case(make_jagged(bags, weights, 4), dim, seed, optimizer=optimizer)


@st.composite
def cases(draw: st.DrawFn, dim: int) -> Case:
    """Empty bags, repeated ids, weights zero and negative or None, one example, no pairs at all; any gradient None."""
    num_examples, num_fields = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    num_bags = num_examples * num_fields
    bag = st.lists(st.integers(0, NUM_ROWS - 1) | st.integers(0, 1), max_size=4)
    bags = draw(st.lists(bag, min_size=num_bags, max_size=num_bags))
    num_pairs = sum(map(len, bags))
    each = WEIGHTS.filter(lambda x: x is not None)
    weights = draw(st.none() | st.lists(each, min_size=num_pairs, max_size=num_pairs))
    given = draw(st.sampled_from(("lpb", "lpb", "l", "p", "b", "lp", "lb", "pb", "")))
    return make_case(make_jagged(bags, weights, num_fields), dim, draw(st.integers(0, 99)), given)


def forward(case: Case, field_pairs: bool) -> dict[str, np.ndarray]:
    """linear, pooled, sum, bi; and the sizes of what cancels in them, to which rounding is relative."""
    num_examples, num_fields, dim = case.jagged.num_examples, case.jagged.num_fields, case.dim
    linear, pooled = np.zeros((num_examples, num_fields)), np.zeros((num_examples, num_fields, dim))
    bi, size = np.zeros((num_examples, dim)), np.zeros((num_examples, dim))
    for b, pairs in case.examples():
        for i, (f, row, x) in enumerate(pairs):
            linear[b, f] += x * case.linear[row]
            pooled[b, f] += x * case.latent[row]
            size[b] += np.abs(x * case.latent[row])
            for g, other, y in pairs[i + 1 :]:
                if f != g or not field_pairs:
                    bi[b] += x * y * case.latent[row] * case.latent[other]
    return {"linear": linear, "pooled": pooled, "sum": pooled.sum(1), "bi": bi, "size": size}


def gradients(case: Case, field_pairs: bool) -> np.ndarray:
    """d loss / d row, [V, D+1]: latent, then linear."""
    by_row = np.zeros((NUM_ROWS, case.dim + 1))
    given = case.gradients
    for b, pairs in case.examples():
        for i, (f, row, x) in enumerate(pairs):
            if given.linear is not None:
                by_row[row, -1] += x * given.linear[b, f]
            if given.pooled is not None:
                by_row[row, :-1] += x * given.pooled[b, f].astype(np.float64)
            if given.bi is not None:
                for k, (g, other, y) in enumerate(pairs):
                    if k != i and (f != g or not field_pairs):
                        by_row[row, :-1] += x * y * case.latent[other] * given.bi[b]
    return by_row
