"""A checkpoint that was damaged, or made up, is told of and passed over: an older one is read instead."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manyhot.errors import StorageError
from manyhot.storage import CheckpointFolder

ARRAYS = {"table": np.arange(1000, dtype=np.float32), "position": np.array(3)}
HEADER = {"epoch": 1}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a whole checkpoint of step 1, and one of step 2 to be damaged."""
    for step in (1, 2):
        CheckpointFolder(tmp_path / "run").write(step, HEADER, ARRAYS)
    return tmp_path / "run"


def assert_passed_over(folder: Path, words: str) -> None:
    told: list[str] = []
    stored = CheckpointFolder(folder).newest(told.append)
    assert stored is not None
    assert stored.step == 1
    assert len(told) == 1, told
    assert str(folder / "step-000000000002") in told[0]
    assert words in told[0], told


def rewrite(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Another manifest, with the right checksum."""
    path = folder / "step-000000000002" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["sha256"]
    change(manifest)
    seal(path, json.dumps(manifest))


def seal(path: Path, text: str) -> None:
    body = text.removesuffix("}")
    path.write_text(f'{body}, "sha256": "{hashlib.sha256(body.encode()).hexdigest()}"}}\n')


def test_every_bit_of_both_files_counts(folder: Path) -> None:
    for name in ("manifest.json", "arrays"):
        path = folder / "step-000000000002" / name
        data = path.read_bytes()
        for i in range(0, len(data), 1 if name == "manifest.json" else 97):
            path.write_bytes(data[:i] + bytes([data[i] ^ (1 << i % 8)]) + data[i + 1 :])
            assert_passed_over(folder, "the checkpoint is damaged and passed over")
        path.write_bytes(data)


def test_every_length_counts(folder: Path) -> None:
    for name in ("manifest.json", "arrays"):
        path = folder / "step-000000000002" / name
        data = path.read_bytes()
        for length in (0, 1, len(data) // 2, len(data) - 1):
            path.write_bytes(data[:length])
            assert_passed_over(folder, "")
        path.write_bytes(data + b"\n")
        assert_passed_over(folder, "")
        path.unlink()
        assert_passed_over(folder, "No such file")
        path.write_bytes(data)


LIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "an array more": lambda m: m["arrays"].append(m["arrays"][0]),
    "an array less": lambda m: m["arrays"].pop(),
    "arrays in another order": lambda m: m["arrays"].reverse(),
    "a type of its own": lambda m: m["arrays"][0].update(dtype="object"),
    "another type of the same size": lambda m: m["arrays"][0].update(dtype="<f4"),
    "a negative length": lambda m: m["arrays"][0].update(shape=[-1, -1000]),
    "a length that is none": lambda m: m["arrays"][0].update(shape=[1000.0]),
    "a length that is a truth": lambda m: m["arrays"][1].update(shape=[True]),
    "a shape larger than all memory": lambda m: m["arrays"][0].update(shape=[2**62, 2**62], bytes=2**63 - 1),
    "a size larger than the file": lambda m: m["arrays"][0].update(shape=[2**40], bytes=2**42),
    "more dimensions than there are": lambda m: m["arrays"][0].update(shape=[1] * 70 + [1000]),
    "a size that is a text": lambda m: m["arrays"][0].update(bytes="4000"),
    "a name that is none": lambda m: m["arrays"][0].update(name=None),
    "a key more": lambda m: m["arrays"][0].update(file="../../secret"),
    "another hash": lambda m: m["arrays"][0].update(sha256="0" * 64),
    "a hash that is none": lambda m: m["arrays"][0].update(sha256=None),
    "another step": lambda m: m.update(step=3),
    "no step": lambda m: m.pop("step"),
    "no header": lambda m: m.pop("header"),
    "a header that is none": lambda m: m.update(header=[]),
    "arrays that are none": lambda m: m.update(arrays={}),
    "an array that is none": lambda m: m["arrays"].append(5),
    "no format": lambda m: m.pop("manyhot checkpoint"),
    "a format that is none": lambda m: m.update({"manyhot checkpoint": "1"}),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_manifest_with_the_right_checksum_is_not_believed(folder: Path, lie: str) -> None:
    rewrite(folder, lambda manifest: (LIES[lie](manifest), None)[1])
    assert_passed_over(folder, "")


@pytest.mark.parametrize(
    "text",
    ["[1}", '{"step": 2, "step": 2}', '{"step": NaN}', "[" * 100_000 + "}", '{"header": "' + "x" * 5_000_000 + '"}'],
    ids=["no JSON", "a key twice", "NaN", "deep", "large"],
)
def test_json_that_is_no_manifest(folder: Path, text: str) -> None:
    seal(folder / "step-000000000002" / "manifest.json", text)
    assert_passed_over(folder, "")


@pytest.mark.parametrize("name", ["manifest.json", "arrays"])
@pytest.mark.parametrize("kind", ["link", "pipe", "socket", "folder", "device"])
def test_only_regular_files_are_opened(folder: Path, name: str, kind: str) -> None:
    path = folder / "step-000000000002" / name
    path.rename(folder.parent / "elsewhere")
    if kind == "link":
        path.symlink_to(folder.parent / "elsewhere")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.relpath(path))  # a path may have 107 letters
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    assert_passed_over(folder, "is a")


def test_a_checkpoint_that_is_a_link_or_a_file(folder: Path) -> None:
    path = folder / "step-000000000002"
    path.rename(folder.parent / "elsewhere")
    path.symlink_to(folder.parent / "elsewhere")
    assert_passed_over(folder, "it is no folder")
    CheckpointFolder(folder).clear()
    assert (folder.parent / "elsewhere" / "arrays").exists(), "what a link led to is deleted"
    path.write_text("")
    CheckpointFolder(folder).write(1, HEADER, ARRAYS)
    path.write_text("")
    assert_passed_over(folder, "it is no folder")


def test_one_of_a_later_version_is_no_damage(folder: Path) -> None:
    rewrite(folder, lambda manifest: manifest.update({"manyhot checkpoint": 2, "written by": "9.1", "arrays": {}}))
    with pytest.raises(StorageError, match=r"step-000000000002: the checkpoint has format 2, .* manyhot 9\.1"):
        CheckpointFolder(folder).newest(pytest.fail)


def test_a_machine_without_descriptors_is_no_damage(folder: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    first = os.open("/dev/null", os.O_RDONLY)
    os.close(first)
    resource.setrlimit(resource.RLIMIT_NOFILE, (first + 1, hard))
    try:
        with pytest.raises(StorageError, match="step-000000000002: cannot read the checkpoint: Too many open files"):
            CheckpointFolder(folder).newest(pytest.fail)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_all_damaged_is_none(folder: Path) -> None:
    for step in (1, 2):
        (folder / f"step-{step:012d}" / "arrays").write_text("")
    told: list[str] = []
    assert CheckpointFolder(folder).newest(told.append) is None
    assert len(told) == 2


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    for act in (CheckpointFolder(tmp_path / "run").newest, lambda: CheckpointFolder(tmp_path / "run").write(1, {}, {})):
        with pytest.raises(StorageError, match="run: cannot"):
            act()
