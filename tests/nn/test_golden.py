"""scripts/check-golden, on numbers recorded from the article's program; and that it can say no."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[2]
FILES = sorted((REPOSITORY / "tests" / "golden").glob("*.npz"))


@pytest.fixture(scope="module")
def check_golden() -> ModuleType:
    loader = SourceFileLoader("check_golden", str(REPOSITORY / "scripts" / "check-golden"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_the_recorded_files_are_all_there():
    rules = ("adagrad", "ftrl", "proximal_adagrad", "proximal_adagrad_negative")
    names = {f"{combiner}_{rule}" for combiner in ("sum", "mean", "sqrtn") for rule in rules}
    assert {path.stem for path in FILES} == names


@pytest.mark.parametrize("kernels", ["native", "reference"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_array_matches(check_golden, path, kernels):
    deviations = dict(check_golden.compare(path, kernels))
    assert {name: worst for name, worst in deviations.items() if worst > check_golden.TOLERANCE} == {}
    expected = {"out/linear", "out/dnn"}
    if path.stem.startswith("sum_"):
        with np.load(path) as file:
            expected = {name for name in file.files if name.split("/")[0] in ("out", "grad", "train", "w5")}
        assert len(expected) == 40
    assert deviations.keys() == expected


def test_the_script_accepts_the_recorded_files(check_golden, capsys):
    files = [str(path) for path in FILES if path.stem in ("sum_ftrl", "mean_adagrad")]
    assert check_golden.main(files) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(files) == 2


@pytest.mark.parametrize("name", ["w5/package_embed_weight", "w5/package_linear_weight", "w5/dense_2/kernel"])
def test_one_perturbed_number_is_noticed(check_golden, tmp_path, name, capsys):
    with np.load(REPOSITORY / "tests" / "golden" / "sum_adagrad.npz") as file:
        arrays = {key: file[key] for key in file.files}
    met = np.unique(np.concatenate([arrays[f"in/{field}_pkgs/ids"] for field in ("active", "install", "uninstall")]))
    rows = arrays[name][met] if "package" in name else arrays[name]
    place = np.unravel_index(np.abs(rows).argmax(), rows.shape)
    rows[place] *= 1 + 1e-3
    if "package" in name:
        arrays[name][met] = rows
    path = tmp_path / "perturbed.npz"
    np.savez(path, **arrays)
    assert check_golden.main([str(path)]) == 1
    assert f"at {name} " in capsys.readouterr().out
