"""How much memory is free, and files mapped into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhot.data import _memory
from manyhot.data._mapping import Mapping


@pytest.mark.parametrize(("limit", "expected"), [("max", 2048 * 1024), ("900000", 800_000), ("50000", 0)])
def test_the_limit_of_a_container_counts_too(monkeypatch, tmp_path: Path, limit, expected):
    (tmp_path / "meminfo").write_text("MemTotal: 9999 kB\nMemAvailable:    2048 kB\n")
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text("100000\n")
    monkeypatch.setattr(_memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(_memory, "_CGROUP", tmp_path)
    assert _memory.available_bytes() == expected


def test_nothing_is_refused_where_nothing_is_known(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(_memory, "_MEMINFO", tmp_path / "absent")
    monkeypatch.setattr(_memory, "_CGROUP", tmp_path / "absent")
    assert _memory.available_bytes() is None


@pytest.mark.parametrize("free", [None, 0, 1 << 40])
def test_a_mapped_file_has_its_bytes_whether_it_fits_or_not_and_after_its_pages_were_given_back(
    monkeypatch, tmp_path: Path, free
):
    monkeypatch.setattr("manyhot.data._mapping.available_bytes", lambda: free)
    contents = bytes(range(256)) * 1000
    (tmp_path / "file").write_bytes(contents)
    with (tmp_path / "file").open("rb") as file:
        mapping = Mapping(file)
    assert mapping.buffer.to_pybytes() == contents
    mapping.release()
    assert mapping.buffer.to_pybytes() == contents
