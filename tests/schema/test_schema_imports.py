"""`import manyhot.schema` is cheap: neither torch nor pyarrow nor numpy comes along."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "pyarrow", "numpy", "safetensors", "rich", "cyclopts")


def loaded_after(statement: str) -> list[str]:
    code = f"import sys\n{statement}\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_schema_room_loads_nothing_heavy() -> None:
    assert loaded_after("import manyhot.schema") == []


def test_the_public_names_of_the_schema_load_nothing_heavy() -> None:
    assert loaded_after("import manyhot as mh; mh.Schema(label='y', fields=[mh.Field('a')]); mh.DeepFM()") == []


def test_the_check_itself_sees_heavy_modules() -> None:
    assert loaded_after("import numpy") == ["numpy"]
