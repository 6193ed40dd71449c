"""Simulates a shop's log with two labels, click and buy, and asks what buy gains from the clicks beside it.

    python examples/two_labels/simulate.py FOLDER                  # train, valid and test as Parquet files
    python examples/two_labels/simulate.py FOLDER --compare        # and trains: buy alone, and every kind of tasks

Users and items have tastes; a click comes where they meet, and a buy only after a click, of much the same tastes. One
row in seven is clicked and one in thirty bought, so that there are few buys to learn the tables from.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import manyhot as mh

USERS, ITEMS, TASTES = 600, 300, 4
KINDS = ("shared_bottom", "esmm", "mmoe", "ple")


def frames(seed: int, num_train: int = 40_000, num_others: int = 20_000) -> dict[str, dict[str, list]]:
    """train, valid and test, each a dict of columns: user, history (a bag of items), item, click, buy."""
    rng = np.random.default_rng(seed)
    user, item = rng.normal(size=(USERS, TASTES)), rng.normal(size=(ITEMS, TASTES))
    item_for_buy = 0.8 * item + 0.6 * rng.normal(size=item.shape)
    liked = np.argsort(-(user @ item.T) + rng.gumbel(size=(USERS, ITEMS)), axis=1)
    made = {}
    for part, rows in (("train", num_train), ("valid", num_others), ("test", num_others)):
        u, i, lengths = rng.integers(USERS, size=rows), rng.integers(ITEMS, size=rows), rng.integers(2, 7, size=rows)
        click = rng.random(rows) < 1 / (1 + np.exp(2.6 - (user[u] * item[i]).sum(1)))
        buy = click & (rng.random(rows) < 1 / (1 + np.exp(2.4 - (user[u] * item_for_buy[i]).sum(1) / 2)))
        history = [rng.choice(liked[a, :30], n, replace=False) for a, n in zip(u, lengths, strict=True)]
        made[part] = {
            "user": [f"user{a}" for a in u],
            "history": [[f"item{j}" for j in bag] for bag in history],
            "item": [f"item{j}" for j in i],
            "click": click.astype(np.int8).tolist(),
            "buy": buy.astype(np.int8).tolist(),
        }
    return made


def schema(*labels: str) -> mh.Schema:
    items = mh.Vocabulary("item")
    return mh.Schema(labels=labels, fields=(mh.Field("user"), mh.Field("history", items), mh.Field("item", items)))


def buy_on_test(parts: dict[str, dict[str, list]], kind: str | None, seed: int, epochs: int = 15) -> dict[str, float]:
    """Metrics of buy on test. kind: of tasks; None learns from buy alone."""
    labels = ("buy",) if kind is None else ("click", "buy")
    tasks = None if kind is None else mh.Tasks(kind=kind)
    run = mh.train(
        schema(*labels),
        mh.DeepFM(embedding_dim=8, hidden_units=(32,), tasks=tasks),
        training=mh.TrainingConfig(
            batch_size=512,
            epochs=epochs,
            seed=seed,
            early_stopping=mh.EarlyStopping(metric="log_loss", label=None if kind is None else "buy"),
        ),
        listener=lambda report: None,
        **parts,
    )
    found: dict[str, float] = run.metrics["test"] if kind is None else run.metrics["test"]["buy"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name, columns in frames(1).items():
        pq.write_table(pa.table(columns), arguments.folder / f"{name}.parquet")
    if not arguments.compare:
        return
    for kind in (None, *KINDS):
        runs = [buy_on_test(frames(seed), kind, seed) for seed in range(1, arguments.seeds + 1)]
        losses, aucs = ([run[key] for run in runs] for key in ("log_loss", "auc"))
        print(
            f"{kind or 'buy alone':14} log loss of buy {'  '.join(f'{x:.5f}' for x in losses)}"
            f"   mean {statistics.mean(losses):.5f}   AUC {statistics.mean(aucs):.4f}"
        )


if __name__ == "__main__":
    main()
