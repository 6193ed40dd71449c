"""Each experiment of examples/, checked on real data as a user runs it. Skipped where the data is absent."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from in_process import manyhot

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
PREPARED = {"criteo": "criteo/criteo_kaggle_a_first10000.tsv.gz", "movielens": "movielens-latest-small"}
FRAPPE = {"train": "train_RECONSTRUCTED", "valid": "valid", "test": "test"}


def prepare(name, data, folder):
    if name in PREPARED:
        command = [sys.executable, EXAMPLES / name / "prepare.py", data / PREPARED[name], folder / "data"]
        subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=120)
        return
    (folder / "data").mkdir()
    for part, file in FRAPPE.items():
        shutil.copyfile(data / "frappe" / f"frappe_x1_{file}.csv.gz", folder / "data" / f"{part}.csv.gz")


@pytest.mark.parametrize("name", ["criteo", "movielens", "frappe"])
def test_examples_have_no_errors(shared, tmp_path, name):
    prepare(name, shared / "data", tmp_path)
    experiments = sorted((EXAMPLES / name).glob("*.toml"))
    assert experiments
    for experiment in experiments:
        shutil.copyfile(experiment, tmp_path / experiment.name)
        done = manyhot("check", experiment.name, "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        said = json.loads(done.stdout)
        assert said["parts"]["train"]["rejected"] == 0 and said["time"]["examples_per_second"] > 0
        assert all(column["auc"] < 0.98 for column in said["columns"])


def test_what_is_wrong_with_taobaos_sample(shared, tmp_path):
    """nonclk is 1 - clk, brands are missing as NULL, and prices have a long tail."""
    data = shared / "data" / "taobao-ad-sample" / "taobao_data_sample_1w.csv.gz"
    fields = "[fields.nonclk]\n[fields.brand]\n[fields.cate_id]\n[fields.price]\nnumeric = []\n[fields.time_stamp]\n"
    (tmp_path / "t.toml").write_text(f'[data]\ntrain = "{data}"\nlabel = "clk"\n{fields}')
    done = manyhot("check", "t.toml", "--json", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert {(f["severity"], f["kind"], f["where"]) for f in json.loads(done.stdout)["findings"]} == {
        ("error", "leak", "nonclk"),
        ("warning", "null_words", "brand"),
        ("warning", "far_numbers", "price"),
        ("warning", "identifies_rows", "time_stamp"),
    }
