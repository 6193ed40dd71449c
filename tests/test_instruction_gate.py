"""scripts/check-instructions: what it lets pass, what it refuses, and that callgrind's counts can be judged at all."""

from __future__ import annotations

import importlib.util
import json
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
RECORDED = {"x86_64_v3 plan": 1000, "x86_64_v3 linear": 2000}


@pytest.fixture
def gate() -> ModuleType:
    loader = SourceFileLoader("check_instructions", str(ROOT / "scripts" / "check-instructions"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def counting(gate, monkeypatch, tmp_path):
    """Runs the script as if it had counted these numbers, against RECORDED taken with gcc 12.2.0."""
    record = tmp_path / "counts.json"
    record.write_text(json.dumps({"compiler": "gcc 12.2.0 with OpenMP", "counts": RECORDED}))
    monkeypatch.setattr(gate, "RECORD", record)
    monkeypatch.setattr(gate, "tool", lambda name: name)

    def run(*words: str, compiler: str = "gcc 12.2.0 with OpenMP", **changes: float) -> int:
        counts = {case: round(number * changes.get(case.split()[1], 1)) for case, number in RECORDED.items()}
        monkeypatch.setattr(gate, "build", lambda: (Path("program"), compiler, [*counts]))
        monkeypatch.setattr(gate, "count", lambda program, case: counts[case])
        return gate.main([*words])

    return run


@pytest.mark.parametrize(
    ("counted", "recorded", "fails", "shrank"),
    [
        (1000, 1000, False, False),
        (1029, 1000, False, False),
        (1031, 1000, True, False),
        (971, 1000, False, False),
        (969, 1000, False, True),
        (1000, None, True, False),
        (None, 1000, True, False),
    ],
)
def test_a_case_may_grow_by_three_percent_and_must_be_in_both_lists(gate, counted, recorded, fails, shrank):
    counts = [{} if number is None else {"plan": number} for number in (counted, recorded)]
    (verdict,) = gate.judge(*counts)
    assert (verdict.case, verdict.fails, verdict.shrank) == ("plan", fails, shrank)


def test_name_major_version_and_openmp_make_the_compiler(gate):
    assert gate.same_compiler("gcc 12.2.0 with OpenMP", "gcc 12.3.1 20240101 with OpenMP")
    assert not gate.same_compiler("gcc 12.2.0 with OpenMP", "gcc 13.2.0 with OpenMP")
    assert not gate.same_compiler("gcc 12.2.0 with OpenMP", "clang 12.0.1 with OpenMP")
    assert not gate.same_compiler("gcc 1.2.0 with OpenMP", "gcc 12.2.0 with OpenMP")
    assert not gate.same_compiler("gcc 12.2.0 with OpenMP", "gcc 12.2.0 without OpenMP")


def test_the_exit_code_and_the_table(counting, capsys):
    assert counting() == 0
    assert counting(linear=1.04) == 1
    out = capsys.readouterr().out
    assert "+4.00%  FAILS" in out and "1 of 2 cases" in out
    assert counting("plan", linear=1.04) == 0  # only what is named
    assert "linear" not in capsys.readouterr().out
    assert counting(linear=0.9) == 0
    assert "--renew" in capsys.readouterr().out


def test_renewing_makes_the_counts_the_record(counting, capsys):
    assert counting("--renew", linear=1.5) == 0
    assert counting(linear=1.5) == 0
    assert counting(linear=1.6) == 1
    with pytest.raises(SystemExit):
        counting("--renew", "plan")
    with pytest.raises(SystemExit):
        counting("plam")
    assert "there are: x86_64_v3 plan" in capsys.readouterr().err


def test_another_compiler_is_not_judged(counting, capsys):
    assert counting(compiler="gcc 13.1.0 with OpenMP", linear=2) == 0
    assert "not judged: counted with gcc 13.1.0 with OpenMP, the record" in capsys.readouterr().out
    assert counting("--require", compiler="gcc 13.1.0 with OpenMP") == 1


def test_without_valgrind_it_says_so(gate, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    assert gate.main([]) == 0
    assert capsys.readouterr().out == "instruction counts not checked: valgrind is not installed\n"
    assert gate.main(["--require"]) == 1


def test_the_quickest_case_counts_the_same_twice(gate):
    try:
        gate.tool("valgrind")
        program, _, cases = gate.build()
        case = "x86_64_v3 gather"
        first, second = (gate.count(program, case) for _ in range(2))
    except gate.NotJudged as reason:
        pytest.skip(str(reason))
    assert case in cases
    assert first > 100_000
    assert abs(first - second) <= first / 1000
