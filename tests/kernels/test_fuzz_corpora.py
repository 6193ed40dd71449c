"""What the fuzz targets keep as their corpora, native ones under ASan and UBSan; and that a fault is noticed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "fuzz" / "corpus"
TARGETS = sorted(path.name for path in CORPUS.iterdir())


@pytest.fixture(scope="module")
def replayed() -> str:
    """Built once in build/replay; what the script prints."""
    done = subprocess.run([sys.executable, ROOT / "scripts" / "fuzz", "--replay"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    if done.stdout.startswith("corpora not run"):
        pytest.skip(done.stdout.strip())
    return done.stdout


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_of_the_corpus_breaks_its_target(replayed: str, target: str) -> None:
    assert f"{target}: {len([*(CORPUS / target).iterdir()])} files" in replayed.splitlines()


def test_each_target_has_its_source_and_a_small_corpus() -> None:
    sources = {path.stem for kind in ("*.cpp", "*.py") for path in (ROOT / "fuzz").glob(kind)} - {"replay", "run"}
    assert sources == set(TARGETS)
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < 100_000


def test_a_read_past_the_end_ends_the_program(replayed: str, tmp_path: Path) -> None:
    """The flags of the targets do what they are there for."""
    compiler = shutil.which("g++") or shutil.which("c++") or "clang++"
    source = tmp_path / "past.cpp"
    source.write_text(
        '#include <vector>\nextern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long size) {\n'
        "  std::vector<char> bytes(size);\n  return bytes.data()[size] > 1 ? 0 : 1;\n}\n"
    )
    flags = ["-std=c++20", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    program = tmp_path / "past"
    subprocess.run([compiler, *flags, source, ROOT / "fuzz" / "replay.cpp", "-o", program], check=True)
    done = subprocess.run([program, CORPUS / "row_plan"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr
