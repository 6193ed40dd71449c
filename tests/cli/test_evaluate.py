"""manyhot evaluate: intervals, slices and the curve, as JSON and for people."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import manyhot as mh
from manyhot.cli import main
from manyhot.metrics import bootstrap_intervals, calibration_curve, evaluate_logits, evaluate_slices
from refusals import assert_refused


def make_rows(num_rows: int = 600) -> pa.Table:
    rng = np.random.default_rng(num_rows)
    city = rng.integers(0, 8, num_rows)
    return pa.table(
        {
            "city": [f"[b]city{c}[/b]" for c in city],  # rich must not take it for bold
            "user": [f"u{i}" for i in rng.integers(0, 30, num_rows)],
            "clicked": (rng.random(num_rows) < np.where(city < 4, 0.6, 0.2)).astype(int),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("evaluate")
    schema = mh.Schema(label="clicked", fields=[mh.Field("city"), mh.Field("user")], group="user")
    training = mh.TrainingConfig(epochs=5, batch_size=64, threads=1, calibration="isotonic")
    parts = {"train": make_rows(), "valid": make_rows(300)}
    run = mh.train(schema, mh.LR(), training=training, listener=lambda report: None, **parts)
    run.save(path / "m")
    pq.write_table(make_rows(500), path / "rows.parquet")
    return path


def said(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    main(["evaluate", str(folder / "m"), str(folder / "rows.parquet"), *options])
    return capsys.readouterr().out


def test_json_holds_all_that_was_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--by", "city", "--top", "3", "--bootstrap", "20", "--seed", "5", "--curve", "--as-json")
    found = json.loads(said(folder, capsys, *options))
    rows, reader = mh.load(folder / "m").evaluate_by(folder / "rows.parquet", "city")
    intervals = bootstrap_intervals(*rows, num_samples=20, seed=5)
    expected = {
        **evaluate_logits(*rows),
        "examples": 500,
        "intervals": {name: list(interval) for name, interval in intervals.items() if interval is not None},
        "curve": [part._asdict() for part in calibration_curve(rows.labels, rows.logits)],
        "by": "city",
        "slices": [
            {"token": None if line.code is None else reader.name(line.code), **line._asdict()}
            for line in evaluate_slices(rows.labels, rows.logits, None, *reader.slices, 3)
        ],
    }
    for line in expected["slices"]:
        del line["code"]
    assert found == expected
    assert len(found["slices"]) == 4 and found["slices"][0]["token"].startswith("[b]city")
    plain = json.loads(said(folder, capsys, "--as-json"))
    assert plain == {**evaluate_logits(*rows), "examples": 500}


def test_tables_show_the_same_numbers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--by", "city", "--top", "3", "--bootstrap", "20", "--curve")
    found = json.loads(said(folder, capsys, *options, "--as-json"))
    text = said(folder, capsys, *options)
    lines = [line.split() for line in text.splitlines()]
    low, high = found["intervals"]["auc"]
    assert ["auc", f"{found['auc']:.5f}", f"{low:.5f}", "to", f"{high:.5f}"] in lines
    assert ["ece", f"{found['ece']:.5f}"] in lines
    for line in found["slices"]:
        numbers = (f"{line[name]:.5f}" for name in ("auc", "log_loss", "calibration"))
        assert [line["token"] or "others", str(line["rows"]), str(line["positives"]), *numbers] in lines
    for number, part in enumerate(found["curve"], 1):
        p, rate = part["mean_probability"], part["rate"]
        assert [str(number), str(part["rows"]), f"{p:.4f}", f"{rate:.4f}", f"{rate - p:+.4f}"] in lines
    assert f"gauc within {found['groups']} groups, " in text


def test_one_class_is_undefined(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ones = tmp_path / "ones.csv"
    ones.write_text("city,user,clicked\n" + "a,b,1\n" * 5)
    main(["evaluate", str(folder / "m"), str(ones), "--by", "city", "--bootstrap", "5"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["auc", "undefined"] in lines and ["pr_auc", "undefined"] in lines
    assert ["(OOV)", "5", "5", "undefined"] in [line[:4] for line in lines]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--by", "cty"), ['no field "cty"', '"city"']),
        (("--top", "0"), ["--top 0", "at least 1"]),
        (("--bootstrap", "-1"), ["--bootstrap -1", "at least 0"]),
    ],
)
def test_wrong_options(
    folder: Path, options: tuple[str, ...], words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert_refused(["evaluate", folder / "m", folder / "rows.parquet", *options], words, folder, capfd)
