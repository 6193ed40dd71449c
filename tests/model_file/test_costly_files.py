"""Small files under a right checksum that would cost much: refused in little memory, or loaded in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.overrides import TorchFunctionMode

import manyhot.model_file._again as again
from manyhot.data import Encoder, TableLayout, open_source
from manyhot.errors import ModelFileError
from manyhot.kernels import Batch, Jagged, select
from manyhot.model_file import load_model
from manyhot.model_file._proof import rows_to_bytes
from manyhot.nn import RowNumbers, build_model, check_dense_size
from manyhot.schema import MODELS, Field, Interest, ModelConfig, Schema, Vocabulary, convert
from manyhot.storage import VERSION, write_tensors
from manyhot.training import Run

MEASURED = """
import sys
from pathlib import Path
from manyhot.errors import ModelFileError
from manyhot.model_file import load_model


def status(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(key))


load_model(Path(sys.argv[1]))
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS:")
try:
    load_model(Path(sys.argv[2]))
    said = "loaded"
except ModelFileError as error:
    said = str(error)
print(status("VmHWM:") - before, said)
"""


def file_of(path: Path, num_fields: int, dim: int, num_rows: int, model: dict[str, Any]) -> Path:
    """Fields that all share one row of one table, and rows of nothing: as little as a model can be in a file."""
    names = [f"f{i}" for i in range(num_fields)]
    fields = {name: {"vocabulary": "v"} for name in names}
    schema = {"label": "y", "vocabularies": {"v": {"hash_buckets": 1}}, "fields": fields}
    encoder = {"schema": schema, "numbers": []}
    model = {"embedding_dim": dim, **model}
    tensors = {"vocabulary.v.tokens": np.zeros(0, np.uint8), "vocabulary.v.offsets": np.zeros(1, np.int64)}
    config = convert(model, ModelConfig, "model")
    network = build_model(config, TableLayout.of(Encoder.from_state(encoder, tensors)), select("native"))
    tensors |= {f"dense.{name}": np.zeros(tuple(w.shape), np.float32) for name, w in network.state_dict().items()}
    tensors["table.v.latent"] = np.zeros((2, config.latent_size(num_fields)), np.float32)
    tensors["table.v.linear"] = np.zeros(2, np.float32)
    tensors["proof.rows"] = rows_to_bytes(pa.table({name: pa.nulls(num_rows) for name in names}))
    tensors["proof.probabilities"] = np.full(num_rows, 0.5, np.float32)
    note = {"format": 1, "manyhot": VERSION, "encoder": encoder, "model": model, "summary": {}}
    write_tensors(path, json.dumps(note), tensors)
    return path


@pytest.mark.parametrize(
    ("num_fields", "dim", "num_rows", "model"),
    [
        (200, 4096, 1024, {"name": "fm"}),
        (150, 64, 1024, {"heads": ["attention_fm"]}),
        (600, 512, 1024, {"heads": ["attention_fm"]}),
        (1000, 4096, 1024, {"name": "fm"}),
        (250, 4, 1024, {"heads": ["field_aware_fm"]}),
    ],
)
def test_a_small_file_whose_rows_take_much_is_refused(
    tmp_path: Path, num_fields: int, dim: int, num_rows: int, model: dict[str, Any]
) -> None:
    path = file_of(tmp_path / "m", num_fields, dim, num_rows, model)
    with pytest.raises(ModelFileError, match=r"numbers .* on their way|on its way") as caught:
        load_model(path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("num_fields", "dim", "num_rows", "model"),
    [
        (200, 512, 1024, {"name": "fm"}),
        (100, 32, 256, {"heads": ["attention_fm"]}),
        (200, 512, 1024, {"heads": ["multi_view"]}),
    ],
)
def test_proof_rows_are_scored_in_little_memory(
    run: Run, tmp_path: Path, num_fields: int, dim: int, num_rows: int, model: dict[str, Any]
) -> None:
    """At once they would take 400 MiB and more."""
    run.save(tmp_path / "small")
    file_of(tmp_path / "same", 10, 2, 2, model)
    path = file_of(tmp_path / "m", num_fields, dim, num_rows, model)
    script = MEASURED.replace(
        "load_model(Path(sys.argv[1]))", "load_model(Path(sys.argv[1])), load_model(path_of_kind)"
    )
    script = script.replace("path_of_kind", f"Path({str(tmp_path / 'same')!r})")
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "small", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1000:]
    mebibytes, said = done.stdout.strip().split(" ", 1)
    assert said == "loaded"
    assert int(mebibytes) <= 64


class Largest(TorchFunctionMode):
    """Numbers of the largest tensor that any call gives."""

    numbers = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = func(*args, **(kwargs or {}))
        for each in given if isinstance(given, tuple | list) else [given]:
            if isinstance(each, torch.Tensor):
                self.numbers = max(self.numbers, each.numel())
        return given


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize(("num_fields", "dim"), [(4, 40), (40, 4)])
def test_what_a_row_takes_is_what_its_largest_numbers_come_to(name: str, num_fields: int, dim: int) -> None:
    """Which formulas say, before there is a model: some times the largest, as several are there at once."""
    fields = [Field(f"f{i}", Vocabulary("v", hash_buckets=3)) for i in range(num_fields)]
    interest = {"interest": Interest(candidates={"f0": "f1"})} if name == "din" else {}
    config = ModelConfig(name=name, embedding_dim=dim, **interest)
    layout = TableLayout.of_sizes(Schema(label="y", fields=fields), {"v": 4})
    needed = check_dense_size(config, layout, 1, most_tensors=1000, most_numbers=10**9)
    network = build_model(config, layout, select("native")).eval()
    ids, offsets = np.ones(8 * num_fields, np.int32), np.arange(8 * num_fields + 1, dtype=np.int32)
    batch = Batch(Jagged(ids, None, offsets, num_fields), np.zeros(8, np.float32), None)
    with torch.no_grad(), Largest() as largest:
        network(batch)
    assert needed.member_fields == ((0,) if name == "din" else ())
    row = needed.row + needed.member
    assert largest.numbers / 8 <= row <= 50 * largest.numbers / 8 + 10_000


def test_scores_do_not_depend_on_how_many_rows_are_scored_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    saved, needed = run.saved, RowNumbers(100, 3, (0, 1))
    whole = again.scored_again(saved, needed, 0)
    np.testing.assert_array_equal(whole, saved.proof_probabilities)
    monkeypatch.setattr(again, "_CELLS_AT_A_TIME", 1)
    monkeypatch.setattr(again, "_AT_A_TIME", 700)
    np.testing.assert_allclose(again.scored_again(saved, needed, 0), whole, rtol=0, atol=1e-6)


def test_pairs_that_are_looked_at_one_by_one_count(run: Run) -> None:
    again.scored_again(run.saved, RowNumbers(100, 1 << 20, ()), 0)
    with pytest.raises(ValueError, match="on their way through the model"):
        again.scored_again(run.saved, RowNumbers(100, 1 << 23, (0, 1)), 0)


@pytest.mark.parametrize(
    ("error", "words"),
    [(MemoryError, ()), (MemoryError, ("Unable to allocate 9 TiB",)), (RecursionError, ("too deep",))],
)
def test_memory_and_recursion_are_told_like_all_else(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception], words: tuple[str, ...]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error(*words)

    run.save(tmp_path / "m")
    monkeypatch.setattr("manyhot.model_file._file.scored_again", fail)
    with pytest.raises(ModelFileError, match=r"m: the model file is damaged: (it asks for more memory|too deep)"):
        load_model(tmp_path / "m")


def test_no_more_rows_are_taken_than_are_read(run: Run, rows: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    assert again.take_proof(run.saved, open_source(rows)).proof_rows.num_rows == 256
    for most, expected in ((20_000, 60), (1, 1)):
        monkeypatch.setattr(again, "_MOST_NUMBERS", most)
        taken = again.take_proof(run.saved, open_source(rows))
        assert 1 <= taken.proof_rows.num_rows == len(taken.proof_probabilities) <= expected


def test_checking_sizes_imports_nothing() -> None:
    """Of torch, which has some shapes in Python: its compiler comes with the first, a second and 70 MB."""
    code = """
import sys
from manyhot.data import TableLayout
from manyhot.nn import check_dense_size
from manyhot.schema import HEADS, Field, Interest, ModelConfig, Schema, Vocabulary

fields = [Field(f"f{i}", Vocabulary("v", hash_buckets=3)) for i in range(9)]
layout = TableLayout.of_sizes(Schema(label="y", fields=fields), {"v": 4})
check_dense_size(ModelConfig(name="deepfm"), layout, 1, most_tensors=1000, most_numbers=10**9)
before = set(sys.modules)
for head in HEADS:
    options = {"interest": Interest(candidates={"f0": "f1"})} if head == "interest" else {}
    check_dense_size(ModelConfig(heads=(head,), **options), layout, 1, most_tensors=1000, most_numbers=10**9)
print(sorted(set(sys.modules) - before)[:9])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
