"""The simulated log is what it says it is, and the demo compares five models on it."""

import numpy as np
import pytest

from manyhot.demo import run_demo, simulate
from manyhot.metrics import auc


@pytest.fixture(scope="module")
def log():
    return simulate(20_000, seed=3, num_users=4_000)


def test_labels_are_drawn_from_the_known_probabilities(log):
    clicked, p = log.rows["clicked"].to_numpy(), log.probabilities
    for low, high in ((0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 1)):
        inside = (p >= low) & (p < high)
        deviation = np.sqrt((p[inside] * (1 - p[inside])).sum())
        assert abs(clicked[inside].sum() - p[inside].sum()) < 4 * deviation


def test_lists_are_weighted_bags_of_known_apps(log):
    lengths = {}
    for name in ("active_apps", "installed_apps", "uninstalled_apps"):
        column = log.rows[name].combine_chunks()
        tokens, weights = column.values.flatten()
        assert set(tokens.to_pylist()) <= {f"app{i:04d}" for i in range(5000)}
        assert weights.to_numpy().min() > 0 and weights.to_numpy().max() <= 1
        lengths[name] = np.diff(column.offsets.to_numpy())
        assert all(
            len(set(bag)) == len(bag) for bag in column.slice(0, 200).to_pylist() for bag in [[p["token"] for p in bag]]
        )
    assert (lengths["active_apps"] <= lengths["installed_apps"]).all()
    assert 0.2 < (lengths["uninstalled_apps"] == 0).mean() < 0.6  # sparse: many users have thrown nothing out


def test_apps_are_zipf(log):
    counts = np.sort(np.unique(log.rows["candidate"].to_numpy(), return_counts=True)[1])[::-1]
    assert 0.08 < counts[0] / counts.sum() < 0.14  # 1 / H(5000) = 0.11


def test_the_same_seed_is_the_same_log():
    a, b, c = (simulate(500, seed, num_users=200) for seed in (5, 5, 6))
    assert a.rows.equals(b.rows) and not a.rows.equals(c.rows)
    assert (a.probabilities == b.probabilities).all()


def test_five_models_below_the_ceiling(log):
    results, run = run_demo(log)
    test = slice(len(log.probabilities) * 9 // 10, None)
    assert results[0].auc == auc(log.rows["clicked"].to_numpy()[test], log.probabilities[test])
    assert [r.name.strip().split()[0] for r in results[1:]] == ["DeepFM", "separate", "weights", "pairs", "LR"]
    assert all(0.5 < r.auc < results[0].auc for r in results[1:])
    separate, shared = results[2].num_parameters, results[1].num_parameters
    assert separate > 1.5 * shared
    assert run.metrics["test"]["auc"] == results[1].auc
