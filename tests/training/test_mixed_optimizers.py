"""Whole trainings with everything at once: optimizers by part and vocabulary, L2 on all rows, clipping, a schedule."""

from __future__ import annotations

import numpy as np
import pytest
from clicks import bits, train, weights

import manyhot as mh

OPTIONS = {
    "tables": mh.TableOptimizer(optimizer="adam", learning_rate=0.01, l2=0.01, l2_rows="all"),
    "linear_tables": mh.TableChanges(optimizer="rowwise_adagrad"),
    "vocabularies": {"city": mh.VocabularyTables(optimizer="adagrad", linear_tables=mh.TableChanges(l2=0.1))},
    "dense": mh.DenseOptimizer(optimizer="radam", l2=0.001),
    "clip_norm": 0.1,
    "schedule": mh.Schedule(kind="cosine", warm_up_steps=3),
    "precision": "float32",
}


@pytest.mark.parametrize("model", ["fm", "widedeep", "deepfm"])
def test_native_and_reference_agree(model: str) -> None:
    native, reference = (weights(train(model, kernels=kernels, **OPTIONS)[0]) for kernels in ("native", "reference"))
    for name in native:
        np.testing.assert_allclose(native[name], reference[name], rtol=1e-3, atol=2e-5, err_msg=name)


def test_tables_of_a_linear_model_have_the_same_bits_on_any_threads() -> None:
    one, two = (train("lr", threads=threads, **OPTIONS)[0] for threads in (1, 2))
    assert one.saved.network.tables.data.tobytes() == two.saved.network.tables.data.tobytes()


def test_every_option_changes_the_weights() -> None:
    whole = bits(train("fm", **OPTIONS)[0])
    for key in OPTIONS:
        if key != "precision":
            assert bits(train("fm", **{k: v for k, v in OPTIONS.items() if k != key})[0]) != whole, key


def test_l2_on_all_rows_shrinks_what_is_seldom_met() -> None:
    """A learning of nothing but L2: weights of rows that no batch holds fall too."""
    model = mh.FM(embedding_dim=4, embedding_scale=0.5)
    rules = {
        rows: mh.TableOptimizer(optimizer="sgd", learning_rate=0.1, l2=1.0, l2_rows=rows) for rows in ("touched", "all")
    }
    norms = {
        rows: np.linalg.norm(train(model, tables=o, epochs=4)[0].saved.network.tables.latent("app")[0])
        for rows, o in rules.items()
    }
    assert norms["all"] < 0.5 * norms["touched"]  # OOV is in no row of train
