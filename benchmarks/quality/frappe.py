"""Published results on Frappe_x1, repeated: test AUC and log loss of each model over several seeds.

    python benchmarks/quality/frappe.py --data DIR [--models deepfm,dcnv2] [--seeds 1,2,3] [--lazy] [--out FILE.json]

DIR holds frappe_x1_valid.csv.gz, frappe_x1_test.csv.gz (the published files) and
frappe_x1_train_RECONSTRUCTED.csv.gz: the official training file could not be had, so the item of each negative is drawn
anew by the official rule.

The recipe is the one that the published numbers come from (BARS, FuxiCTR): Adam 1e-3, batches of 4096, D = 10, L2 on
all rows of the tables at every step, tables ~ N(0, 1e-4^2), MLP 400-400-400 with batch norm and dropout, gradients
clipped at a norm of 10, the learning rate divided by 10 when the validation AUC does not rise, a stop after two such
epochs, the best epoch tested. --lazy: the same models with the optimizer, the L2 on touched rows, the averaging and the
stop of the library's defaults, which cost nothing for each entry of the vocabularies.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.csv as pacsv

import manyhot as mh
from manyhot.schema import (
    CIN,
    BiDeep,
    Cross,
    DenseOptimizer,
    EarlyStopping,
    ModelConfig,
    Schedule,
    SelfAttention,
    Streams,
    TableOptimizer,
    TrainingConfig,
)

# Test AUC, mean of five runs, and by how much ours may be lower.
PUBLISHED = {
    "lr": (0.9356, 0.004),
    "fm": (0.9671, 0.004),
    "nfm": (0.9804, 0.004),
    "dnn": (0.98405, 0.0012),
    "widedeep": (0.98307, 0.0012),
    "deepfm": (0.98395, 0.00055),
    "xdeepfm": (0.98414, 0.0012),
    "dcn": (0.98342, 0.0012),
    "dcnv2": (0.98382, 0.0012),
    "autoint": (0.98481, 0.0015),
    "finalmlp": (0.98607, 0.0015),
}
FILES = {"train": "frappe_x1_train_RECONSTRUCTED", "valid": "frappe_x1_valid", "test": "frappe_x1_test"}
MLP: dict[str, Any] = {"hidden_units": (400, 400, 400), "batch_norm": True, "dropout": 0.2}


def recipe(name: str) -> tuple[ModelConfig, float]:
    """The model with its published settings, and the L2 of its tables."""
    attention = SelfAttention(layers=5, heads=4, units=32, scale=True, layer_norm=True)
    streams = Streams(hidden_units=(100,), heads=5, gate_units=(400,), gate_fields=("user",), gate_fields2=("item",))
    options: dict[str, dict[str, Any]] = {
        "lr": {},
        "fm": {},
        "nfm": {**MLP, "batch_norm": False, "dropout": 0.4, "bi_deep": BiDeep(on_bi=False)},
        "dnn": MLP,
        "widedeep": MLP,
        "deepfm": MLP,
        "xdeepfm": {**MLP, "cin": CIN(units=(64,))},
        "dcn": {**MLP, "cross": Cross(layers=3)},
        "dcnv2": {**MLP, "dropout": 0.4, "cross": Cross(layers=4)},
        # As published it has no linear term, which name = "autoint" has.
        "autoint": {**MLP, "dropout": 0.1, "heads": ("self_attention", "deep"), "self_attention": attention},
        "finalmlp": {**MLP, "dropout": 0.4, "hidden_units": (400,), "streams": streams},
    }
    l2 = {"lr": 1e-5, "fm": 5e-6, "nfm": 1e-4, "xdeepfm": 0.1, "autoint": 0.1}.get(name, 0.05)
    named = {} if "heads" in options[name] else {"name": name}
    return ModelConfig(embedding_dim=10, embedding_scale=1e-4, **named, **options[name]), l2


def training(l2: float, seed: int, *, lazy: bool) -> TrainingConfig:
    if lazy:
        return TrainingConfig(seed=seed)
    return TrainingConfig(
        batch_size=4096,
        epochs=100,
        seed=seed,
        tables=TableOptimizer(optimizer="adam", learning_rate=1e-3, l2=l2, l2_rows="all"),
        dense=DenseOptimizer(optimizer="adam", learning_rate=1e-3),
        early_stopping=EarlyStopping(metric="auc", patience=2),
        schedule=Schedule(kind="plateau", factor=0.1, patience=1),
        clip_norm=10.0,
    )


def rows_of(folder: Path) -> dict[str, pa.Table]:
    return {part: pacsv.read_csv(folder / f"{name}.csv.gz") for part, name in FILES.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", default=",".join(PUBLISHED))
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--lazy", action="store_true")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path, help="JSON to which the results are added, with the date")
    arguments = parser.parse_args()
    parts = rows_of(arguments.data)
    fields = tuple(mh.Field(name) for name in parts["train"].column_names if name != "label")
    schema = mh.Schema(label="label", fields=fields)
    print("The training negatives are drawn anew by the official rule; valid and test are the published files.")
    for name in arguments.models.split(","):
        model, l2 = recipe(name)
        if arguments.lazy:
            model = msgspec.structs.replace(model, embedding_scale=0.01)
        runs = []
        for seed in map(int, arguments.seeds.split(",")):
            looks: list[dict[str, Any]] = []
            config = msgspec.structs.replace(training(l2, seed, lazy=arguments.lazy), threads=arguments.threads)
            run = mh.train(schema, model, training=config, listener=lambda r, seen=looks: seen.append(r), **parts)
            num_looks, test = sum(report["event"] == "valid" for report in looks), run.metrics["test"]
            facts = {"looks": num_looks, "examples": run.metrics["examples"], "seconds": run.metrics["seconds"]}
            runs.append({"seed": seed, **facts, "auc": test["auc"], "log_loss": test["log_loss"]})
            result = f"{test['auc']:.5f} {test['log_loss']:.4f}, {facts['seconds']:.0f} s"
            print(f"  {name} seed {seed}: {result}", flush=True)
        line = _line(name, runs)
        print(line, flush=True)
        if arguments.out is not None:
            _add(arguments.out, name, runs, lazy=arguments.lazy)


def _line(name: str, runs: list[dict[str, Any]]) -> str:
    aucs, (published, tolerance) = [run["auc"] for run in runs], PUBLISHED[name]
    mean = statistics.mean(aucs)
    spread = statistics.stdev(aucs) if len(aucs) > 1 else float("nan")
    verdict = "met" if mean >= published - tolerance else "NOT met"
    losses = statistics.mean(run["log_loss"] for run in runs)
    return (
        f"{name:9} {mean:.5f} +- {spread:.5f}  log loss {losses:.4f}  "
        f"published {published:.5f}, at least {published - tolerance:.5f}: {verdict}"
    )


def _add(path: Path, name: str, runs: list[dict[str, Any]], *, lazy: bool) -> None:
    found = json.loads(path.read_text()) if path.exists() else []
    found.append({"date": datetime.date.today().isoformat(), "model": name, "lazy": lazy, "runs": runs})
    path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
