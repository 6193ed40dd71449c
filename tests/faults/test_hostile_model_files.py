"""All of the hostile files, and that the watch sees what it is for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import hostile_model_files

WATCHED = """
import pickle, sys
sys.path.insert(0, {folder!r})
from hostile_model_files import Watch
watch = Watch()
for code in (
    lambda: pickle.loads(b"cposix\\nsystem\\n(S'true'\\ntR."),
    lambda: eval("1 + 1"),
    lambda: __import__("antigravity_of_nobody"),
    lambda: open("/etc/hostname").close(),
    lambda: __import__("socket").socket(),
):
    try:
        watch.during(lambda: code() or "")
    except (ImportError, OSError):
        pass
    print(bool(watch.forbidden), watch.opened)
"""


def test_hostile_files_open_and_run_nothing() -> None:
    assert "no pickle, exec, import, socket or process" in hostile_model_files.run(40)


def test_the_watch_sees_what_is_forbidden() -> None:
    code = WATCHED.format(folder=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seen = done.stdout.splitlines()
    assert [line.split()[0] for line in seen] == ["True", "True", "True", "False", "True"]
    assert seen[3] == "False ['/etc/hostname']"
