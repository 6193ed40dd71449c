"""run_bench end to end on little cases, its arithmetic on known numbers, and the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from manyhot.bench import CASES, BenchResult, Limits, bound_of, build_case, run_bench
from manyhot.cli import main
from manyhot.schema import DeepFM, TableOptimizer

LITTLE = replace(
    CASES["criteo"],
    vocabulary_sizes=(30, 40),
    fields=((0, 2), (1, None), (1, None)),
    model=DeepFM(embedding_dim=4, hidden_units=(8,)),
    batch_size=32,
    num_examples=640,
)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> BenchResult:
    return run_bench(LITTLE, tmp_path_factory.mktemp("bench"), repeats=2, precision="float32")


def test_a_result_adds_up(result: BenchResult) -> None:
    assert (len(result.rates), result.precision) == (2, "float32")
    assert min(result.rates) <= result.examples_per_second <= max(result.rates)
    assert set(result.stages) == {"gather", "group", "forward", "update", "dense"}
    step = sum(result.stages[name] for name in ("forward", "update", "dense"))
    assert step == pytest.approx(1e6 / result.from_memory, rel=0.5)
    assert 0 < result.distinct_rows < 4
    assert 0.5 < result.first_loss < 0.9
    assert result.bound is not None
    assert result.share == pytest.approx(result.bound.total * result.examples_per_second / 1e6)


def test_the_first_loss_does_not_depend_on_precision(result: BenchResult, tmp_path: Path) -> None:
    other = run_bench(LITTLE, tmp_path, repeats=1, precision="bfloat16", with_limits=False)
    assert (other.precision, other.first_loss) == ("bfloat16", result.first_loss)
    assert (other.limits, other.bound, other.share) == (None, None, None)


def test_the_bound_of_known_limits() -> None:
    """The MLP 12-8-1 multiplies 104 times, forward and twice backward: 624 flops. A row of 4 + 1 numbers is one line,
    read; with its state of 5 one line again, read and written. Pooled: 12 numbers of 4 bytes, four times."""
    model = build_case(LITTLE, optimizer=TableOptimizer())
    limits = Limits(1e6, 2e6, 3e6, 1e6, 2)
    bound = bound_of(limits, model, distinct_rows=2.0, bfloat16=False)
    assert bound.matmuls == pytest.approx(624)
    assert bound.rows == pytest.approx(2 * 3 / 3)
    assert bound.activations == pytest.approx(4 * 12 * 4)
    assert bound.total == pytest.approx(bound.matmuls + bound.rows + bound.activations)
    half = bound_of(limits, model, distinct_rows=2.0, bfloat16=True)
    assert (half.matmuls, half.activations) == (pytest.approx(312), pytest.approx(4 * 12 * 2))


def test_the_command_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--examples", "400", "--repeats", "1", "--no-limits", "--json", "--data", str(tmp_path)]
    main(["bench", "--case", "article", *options])
    printed = json.loads(capsys.readouterr().out)
    assert printed["case"] == "article"
    assert printed["examples_per_second"] > 0
    assert (tmp_path / "article" / "examples.arrow").exists()


def test_the_command_prints_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["bench", "--case", "article", "--examples", "400", "--repeats", "1", "--data", str(tmp_path)])
    out = capsys.readouterr().out
    for words in ("examples_per_second", "us/example", "GFLOP/s", "random rows", "bound", "reached"):
        assert words in out


def test_an_unknown_case_is_named_with_its_neighbour(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["bench", "--case", "critoe"])
    assert caught.value.code == 2
    assert '"criteo"' in capsys.readouterr().err
