"""30,000 damaged lines: each is accepted as a plain reader reads it, or named as rejected. `make fuzz-lines`: more."""

from __future__ import annotations

from pathlib import Path

from mutated_lines import check


def test_damaged_lines_are_read_as_the_definition_says_or_named(tmp_path: Path) -> None:
    said = check(tmp_path / "lines.tsv", 30_000, seed=7)
    assert said["accepted"] + said["rejected"] == said["read"]
    assert min(said["accepted"], said["rejected"]) > 6_000
