"""How much memory is free, and files mapped into it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from manyhot.data import EncodedChunk, Examples, Loader, TableLayout, _memory, write_examples
from manyhot.data._mapping import Mapping
from manyhot.kernels import select
from manyhot.schema import Field, Schema


@pytest.mark.parametrize(("limit", "expected"), [("max", 2048 * 1024), ("900000", 800_000), ("50000", 0)])
def test_the_limit_of_a_container_counts_too(monkeypatch, tmp_path: Path, limit, expected):
    (tmp_path / "meminfo").write_text("MemTotal: 9999 kB\nMemAvailable:    2048 kB\n")
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text("100000\n")
    monkeypatch.setattr(_memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(_memory, "_CGROUP", tmp_path)
    monkeypatch.setattr(_memory, "_OWN_CGROUP", tmp_path / "absent")
    assert _memory.available_bytes() == expected


def test_each_group_above_the_process_counts_and_cached_files_do_not(monkeypatch, tmp_path: Path):
    own = tmp_path / "slice" / "job"
    own.mkdir(parents=True)
    (tmp_path / "own").write_text("1:name=x:/other\n0::/slice/job\n")
    monkeypatch.setattr(_memory, "_MEMINFO", tmp_path / "absent")
    monkeypatch.setattr(_memory, "_CGROUP", tmp_path)
    monkeypatch.setattr(_memory, "_OWN_CGROUP", tmp_path / "own")
    for folder, limit in ((own, "max"), (own.parent, "5000")):
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text("4000\n")
        (folder / "memory.stat").write_text("anon 100\ninactive_file 300\nactive_file 40\nfile_dirty 7\n")
    assert _memory.available_bytes() == 1340
    (own / "memory.max").write_text("4100\n")
    assert _memory.available_bytes() == 440


def test_nothing_is_refused_where_nothing_is_known(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(_memory, "_MEMINFO", tmp_path / "absent")
    monkeypatch.setattr(_memory, "_CGROUP", tmp_path / "absent")
    assert _memory.available_bytes() is None


def test_a_mapped_file_has_its_bytes_before_and_after_its_pages_come_and_go(tmp_path: Path):
    contents = bytes(range(256)) * 1000
    (tmp_path / "file").write_bytes(contents)
    with (tmp_path / "file").open("rb") as file:
        mapping = Mapping(file)
    for change in (lambda: None, mapping.fill, mapping.release, mapping.fill):
        change()
        assert mapping.buffer.to_pybytes() == contents


def resident_kib() -> int:
    """Of files mapped by this process."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["RssFile"].split()[0])


@pytest.mark.parametrize(("limit", "is_held"), [(None, True), (1 << 30, True), (1 << 20, False)])
def test_rows_beyond_the_limit_leave_memory_after_they_were_read(tmp_path: Path, limit, is_held):
    rows = 1_000_000
    chunk = EncodedChunk(
        np.arange(rows + 1, dtype=np.int32),
        np.arange(rows, dtype=np.int32),
        np.ones(rows, np.float32),
        np.zeros(rows, np.float32),
    )
    write_examples(tmp_path / "rows.arrow", iter([chunk]), 1)
    layout = TableLayout.of_sizes(Schema(label="y", fields=(Field("f"),)), {"f": rows})
    before = resident_kib()
    examples = Examples.open(tmp_path / "rows.arrow").kept_within(limit)
    loader = Loader(examples, layout, select("native"), 1024)
    seen = np.concatenate([batch.jagged.ids for batch in loader.epoch(1)])
    np.testing.assert_array_equal(np.sort(seen), np.arange(rows))
    grown = resident_kib() - before
    assert (grown > 8_000) if is_held else (grown < 8_000), grown
