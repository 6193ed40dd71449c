"""Training in batches so large that the kernels do use more than one thread (one for each 1024 pairs)."""

from __future__ import annotations

import clicks
import pytest
from clicks import MODELS, bits, train

import manyhot as mh
from manyhot.data import Examples, Loader, as_source
from manyhot.kernels import select

LARGE = clicks.frame(5, 1200)
BATCH_SIZE = 600


def tables_and_metrics(model: str, rule: str, threads: int) -> tuple[bytes, dict[str, float]]:
    options = {"batch_size": BATCH_SIZE, "tables": mh.TableOptimizer(optimizer=rule), "epochs": 3}
    run, _ = train(model, data=LARGE, threads=threads, **options)
    return bits(run)["tables"], run.metrics["valid"]


@pytest.mark.parametrize("rule", ["adagrad", "ftrl", "adam"])
@pytest.mark.parametrize("model", ["lr", "fm"])
def test_tables_have_the_same_bits_on_one_and_two_threads(model, rule):
    assert tables_and_metrics(model, rule, 1) == tables_and_metrics(model, rule, 2)


def test_these_batches_do_occupy_two_threads():
    """What makes the test above able to fail."""
    network_run, _ = train("fm", data=LARGE, epochs=1)
    encoder = network_run.saved.encoder
    examples = Examples(encoder.encode(as_source(LARGE), with_labels=True), len(clicks.SCHEMA.fields))
    loader = Loader(examples, network_run.saved.network.tables.layout, select("native"), BATCH_SIZE)
    assert min(len(batch.jagged.ids) for batch in loader.epoch()) > 2 * 1024


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("model", ["fm", "deepfm"])
def test_the_same_seed_and_threads_twice_give_the_same_bits(model, threads):
    first, second = (bits(train(MODELS[model], data=LARGE, batch_size=BATCH_SIZE, threads=threads)[0]) for _ in "ab")
    assert first == second
