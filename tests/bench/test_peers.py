"""What the comparison with peers rests on: the folder of a case, the check of the first batch, the clock, the table."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from manyhot.bench import Case
from manyhot.schema import DeepFM

PEERS = Path(__file__).parents[2] / "benchmarks" / "peers"
LITTLE = Case(
    "little",
    vocabulary_sizes=(9, 30),
    fields=((0, 2), (1, None), (0, 3)),
    model=DeepFM(embedding_dim=8, hidden_units=(6, 5)),
    batch_size=16,
    num_examples=64,
    weighted=True,
)


def script(name: str) -> ModuleType:
    """benchmarks/peers is no package: its scripts run in environments without manyhot."""
    spec = importlib.util.spec_from_file_location(f"peers_{name}", PEERS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reader, prepare, run = script("_case"), script("prepare"), script("run")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("peers") / "little"
    prepare.prepare(LITTLE, target)
    return target


def logits_by_definition(case: Any, *, reverse_mlp: bool = False, with_fm: bool = True) -> np.ndarray:
    """Of the first batch with pairs of fields, one pair after the other, from what the folder holds."""
    batch, tables = case.batches()[0], [case.latent(v) for v in range(len(case.sizes))]
    logits = []
    for b in range(case.batch_size):
        pooled = np.zeros((case.num_fields, case.dim))
        for f in range(case.num_fields):
            bag = b * case.num_fields + f
            for i in range(batch["offsets"][bag], batch["offsets"][bag + 1]):
                pooled[f] += batch["weights"][i] * tables[case.vocabulary_of[f]][batch["ids"][i]]
        crossed = sum(pooled[f] @ pooled[g] for g in range(case.num_fields) for f in range(g))
        hidden = (pooled[::-1] if reverse_mlp else pooled).reshape(-1)
        for weight, bias in case.mlp()[:-1]:
            hidden = np.maximum(weight @ hidden + bias, 0)
        weight, bias = case.mlp()[-1]
        logits.append(with_fm * crossed + (weight @ hidden + bias)[0])
    return np.array(logits)


def test_the_folder_holds_what_manyhots_model_computes(folder: Path) -> None:
    case = reader.Case(folder)
    loss = reader.check_first_batch(case, logits_by_definition(case))
    assert loss == pytest.approx(case.facts["first_loss_fields"], rel=1e-5)
    assert prepare.is_prepared(folder)


def test_rows_are_ids_in_the_stacked_table(folder: Path) -> None:
    case = reader.Case(folder)
    stacked = np.concatenate([case.latent(v) for v in range(2)])
    assert len(case.batches()) == 4
    for batch in case.batches():
        fields = np.repeat(np.tile([0, 1, 2], 16), np.diff(batch["offsets"]))
        for field, row, own in zip(fields, batch["rows"], batch["ids"], strict=True):
            np.testing.assert_array_equal(stacked[row], case.latent(case.vocabulary_of[field])[own])


@pytest.mark.parametrize(
    "wrong", ["reversed fields", "no FM term", "other examples", "NaN", "too few", "probabilities"]
)
def test_another_model_is_refused(folder: Path, wrong: str) -> None:
    case = reader.Case(folder)
    right = case.first_logits().astype(np.float64)
    logits = {
        "reversed fields": logits_by_definition(case, reverse_mlp=True),
        "no FM term": logits_by_definition(case, with_fm=False),
        "other examples": np.roll(right, 1),
        "NaN": np.where(np.arange(16) == 3, math.nan, right),
        "too few": right[:-1],
        "probabilities": 1 / (1 + np.exp(-right)),
    }[wrong]
    with pytest.raises(SystemExit):
        reader.check_first_batch(case, logits)


def test_other_labels_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = reader.Case(folder)
    monkeypatch.setattr(case, "_labels", 1 - np.array(case._labels))
    with pytest.raises(SystemExit, match="not the same labels"):
        reader.check_first_batch(case, case.first_logits())


def test_a_folder_of_another_format_is_prepared_anew(tmp_path: Path) -> None:
    assert not prepare.is_prepared(tmp_path)
    (tmp_path / "case.json").write_text(json.dumps({"name": "criteo"}))
    assert not prepare.is_prepared(tmp_path)


def test_steps_come_in_turn_after_warming_up(folder: Path) -> None:
    seen: list[int] = []
    speed = reader.train(reader.Case(folder), [lambda k=k: seen.append(k) for k in range(3)], 0.0)
    assert speed["steps"] == reader.LEAST_STEPS and speed["examples_per_second"] > 0
    assert seen == [*(k % 3 for k in range(reader.WARM_UP_STEPS)), *(k % 3 for k in range(reader.LEAST_STEPS))]


def one(contender: str, rate: float, precision: str, case: str = "criteo") -> dict[str, Any]:
    facts = {"case": case, "contender": contender, "precision": precision, "versions": {}, "first_loss": 0.69}
    return {**facts, "rates": [rate - 1, rate, rate + 1], "rate": rate, "ratio": 90.0 / rate}


def test_ratios_in_the_table_are_of_manyhot_and_of_manyhot_in_the_same_precision() -> None:
    measured = [one("manyhot", 90, "bfloat16"), one("manyhot_float32", 45, "float32"), one("tbe", 30, "float32")]
    measured += [
        one("tbe_bfloat16", 60, "bfloat16"),
        one("manyhot", 90, "float32", "lr"),
        one("vw", 30, "float32", "lr"),
    ]
    cells = {tuple(line.split(" | ")[:2]): line.split(" | ") for line in run.table(measured).splitlines()}
    assert cells["| criteo", "tbe"][3:7] == ["30", "29 to 31", "3.00 x", "1.50 x"]
    assert cells["| criteo", "tbe_bfloat16"][5:7] == ["1.50 x", "1.50 x"]
    assert cells["| criteo", "manyhot_float32"][5:7] == ["2.00 x", ""]
    assert cells["| lr", "vw"][5:7] == ["3.00 x", "3.00 x"]


def test_cases_measured_before_on_the_same_day_stay(tmp_path: Path) -> None:
    run.store([one("manyhot", 90, "float32", "lr"), one("manyhot", 80, "float32", "apps")], tmp_path)
    run.store([one("manyhot", 70, "float32", "apps")], tmp_path)
    (path,) = tmp_path.glob("*.json")
    assert [(m["case"], m["rate"]) for m in json.loads(path.read_text())["measured"]] == [("apps", 70), ("lr", 90)]
    assert "| apps | manyhot | float32 | 70 |" in path.with_suffix(".md").read_text()


def test_a_contender_that_fails_stops_the_run() -> None:
    with pytest.raises(SystemExit, match="peer failed"):
        run.run("peer", [sys.executable, "-c", "raise SystemExit(1)"])


@pytest.mark.parametrize("loss", [0.691, math.nan])
def test_our_own_first_loss_is_checked(loss: float) -> None:
    facts = {"name": "criteo", "first_loss_features": 0.69}
    run.assert_our_first_loss(facts, 0.69)
    with pytest.raises(SystemExit):
        run.assert_our_first_loss(facts, loss)


def test_every_peer_has_a_script_an_environment_and_known_cases() -> None:
    peers = run.tomllib.loads((PEERS / "peers.toml").read_text())
    for name, peer in peers.items():
        assert (PEERS / peer["script"]).exists()
        assert "requirements" in peers[peer.get("environment", name)]
        assert set(peer["cases"]) <= set(run.CASES)
