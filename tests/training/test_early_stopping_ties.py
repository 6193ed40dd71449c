"""A validation that is only as good as the best so far has not improved."""

from __future__ import annotations

import pytest
from clicks import train

import manyhot as mh


@pytest.mark.parametrize("patience", [1, 3])
def test_a_tie_counts_against_patience(patience):
    """Steps of 1e-30 leave the log loss at log(2) to its last bit, so every validation ties with the first."""
    still = {
        "tables": mh.TableOptimizer(optimizer="sgd", learning_rate=1e-30),
        "dense": mh.DenseOptimizer(optimizer="sgd", learning_rate=1e-30),
    }
    stopping = mh.EarlyStopping(metric="log_loss", patience=patience)
    _, reports = train("lr", epochs=9, early_stopping=stopping, **still)
    assert len({report["log_loss"] for report in reports}) == 1
    assert len(reports) == 1 + patience
