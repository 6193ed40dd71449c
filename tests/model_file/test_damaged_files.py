"""A damaged or foreign model file is one ModelFileError that names it: no crash, no other exception, no wrong score."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from manyhot.errors import ModelFileError
from manyhot.model_file import load_model, read_header
from manyhot.storage import tensors_checksum
from manyhot.training import Run

Header = dict[str, Any]


@pytest.fixture
def path(run: Run, tmp_path: Path) -> Path:
    run.save(tmp_path / "ctr.manyhot")
    return tmp_path / "ctr.manyhot"


def sentence(path: Path, read: Callable[[Path], object] = load_model) -> str:
    with pytest.raises(ModelFileError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


@pytest.mark.parametrize("read", [load_model, read_header])
def test_files_that_are_no_model(path: Path, tmp_path: Path, read: Callable[[Path], object]) -> None:
    raw = path.read_bytes()
    for content in (b"", b"label,city\n1,berlin\n" * 99, raw[:7], raw[: len(raw) // 2], raw[:-1], raw + b"x", raw[1:]):
        path.write_bytes(content)
        assert "no model file, or a truncated one" in sentence(path, read)
    assert "there is no such model file" in sentence(tmp_path / "none", read)
    sentence(tmp_path, read)


def test_foreign_safetensors(path: Path) -> None:
    for metadata in (None, {}, {"format": "pt"}):
        save_file({"x": np.zeros(3)}, path, metadata)
        assert "not one that manyhot wrote" in sentence(path)
    save_file({"x": np.zeros(3)}, path, {"manyhot": "no JSON"})
    sentence(path)


def rewrite(path: Path, change: Callable[[Header, dict[str, np.ndarray]], object]) -> None:
    """The same file with other contents, whose checksum is right: not damaged, but made wrongly."""
    header, tensors = read_header(path), load_file(path)
    change(header, tensors)
    text = json.dumps(header)
    tensors.pop("checksum")
    save_file({**tensors, "checksum": tensors_checksum(text, tensors)}, path, {"manyhot": text})


def test_rewriting_alone_is_no_damage(path: Path) -> None:
    rewrite(path, lambda header, tensors: None)
    load_model(path)


@pytest.mark.parametrize("number", [0, 2, "1", None])
def test_another_format_number(path: Path, number: object) -> None:
    rewrite(path, lambda header, _: header.update(format=number))
    text = sentence(path)
    assert f"format {number}" in text
    assert "reads format 1" in text


DAMAGE: dict[str, Callable[[Header, dict[str, np.ndarray]], object]] = {
    "no encoder": lambda h, t: h.pop("encoder"),
    "no summary": lambda h, t: h.pop("summary"),
    "unknown model": lambda h, t: h["model"].update(name="x"),
    "other model": lambda h, t: h.update(model={"name": "lr"}),
    "model is text": lambda h, t: h.update(model="deepfm"),
    "encoder is a list": lambda h, t: h.update(encoder=[]),
    "no label": lambda h, t: h["encoder"]["schema"].pop("label"),
    "other hash": lambda h, t: h["encoder"]["schema"]["vocabularies"]["city"].update(hash_buckets=21),
    "no numbers": lambda h, t: h["encoder"].update(numbers=[]),
    "no fitted numbers": lambda h, t: h["encoder"].update(numbers=[[f, c, {}] for f, c, _ in h["encoder"]["numbers"]]),
    "no latent table": lambda h, t: t.pop("table.app.latent"),
    "no vocabulary": lambda h, t: t.pop("vocabulary.app.tokens"),
    "no proof": lambda h, t: t.pop("proof.rows"),
    "less proof": lambda h, t: t.update({"proof.probabilities": t["proof.probabilities"][:9]}),
    "short table": lambda h, t: t.update({"table.app.linear": t["table.app.linear"][:-1]}),
    "wide table": lambda h, t: t.update({"table.app.latent": t["table.app.latent"].astype(np.float64)}),
    "no dense weight": lambda h, t: t.pop("dense.bias"),
    "a dense weight too many": lambda h, t: t.update({"dense.more": np.zeros(3, np.float32)}),
    "tokens cut": lambda h, t: t.update({"vocabulary.app.tokens": t["vocabulary.app.tokens"][:-9]}),
    "offsets fall": lambda h, t: t.update({"vocabulary.app.offsets": t["vocabulary.app.offsets"][::-1].copy()}),
    "offsets are floats": lambda h, t: t.update(
        {"vocabulary.app.offsets": t["vocabulary.app.offsets"].astype(np.float64)}
    ),
    "tokens doubled": lambda h, t: t["vocabulary.app.tokens"].fill(97),
    "nan": lambda h, t: t["table.app.linear"].fill(np.nan),
    "huge": lambda h, t: t["dense.bias"].fill(-1e30),
    "other bias": lambda h, t: t["dense.bias"].__iadd__(0.01),
    "other table": lambda h, t: t["table.city.latent"].__imul__(1.5),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_whole_file_with_wrong_contents(path: Path, case: str) -> None:
    rewrite(path, DAMAGE[case])
    sentence(path)


FLIPS = """
import json, sys, warnings
from pathlib import Path
from manyhot.errors import ModelFileError
from manyhot.model_file import load_model

warnings.simplefilter("error")
path, prefix = Path(sys.argv[1]), sys.argv[2]
raw = path.read_bytes()
size = 8 + int.from_bytes(raw[:8], "little")
for name, tensor in sorted(json.loads(raw[8:size]).items()):
    if not name.startswith(prefix):
        continue
    first, last = tensor["data_offsets"]
    step = max(1, (last - first) // 9) | 1  # odd: falls on every byte of a float
    for at in range(first, last, step):
        damaged = bytearray(raw)
        damaged[size + at] ^= 0xC0
        path.write_bytes(damaged)
        print(f"{name} at {at - first}:", end=" ", flush=True)
        try:
            load_model(path)
            print("unnoticed")
        except ModelFileError as error:
            print("noticed" if str(error).startswith(f"{path}: ") else error)
        except BaseException as error:
            print(type(error).__name__, str(error)[:80])
print("end")
"""


@pytest.mark.parametrize("prefix", ["table.", "dense.", "vocabulary.", "proof."])
def test_a_flipped_byte_is_noticed(path: Path, prefix: str) -> None:
    """In a process of its own: a crash is to fail one test and not to end them all."""
    done = subprocess.run([sys.executable, "-c", FLIPS, path, prefix], capture_output=True, text=True, check=False)
    *lines, end = done.stdout.splitlines()
    assert end == "end", f"exit code {done.returncode} after {end}"
    assert len(lines) > 15
    assert [line for line in lines if not line.endswith(": noticed")] == []
