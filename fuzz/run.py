"""Runs a target written in Python, fuzz/TARGET.py: on the files of folders, or on what libFuzzer makes up (atheris).

python fuzz/run.py TARGET --replay FOLDER ...
python fuzz/run.py TARGET [LIBFUZZER OPTIONS] FOLDER ...
"""

from __future__ import annotations

import gc
import importlib
import sys
from pathlib import Path
from types import FunctionType


def main(target: str, words: list[str]) -> int:
    sys.path.insert(0, str(Path(__file__).parent))
    if words[:1] == ["--replay"]:
        one_input = importlib.import_module(target).one_input
        paths = [path for folder in words[1:] for path in sorted(Path(folder).iterdir())]
        for path in paths:
            one_input(path.read_bytes())
        print(f"{len(paths)} files")
        return not paths
    import atheris

    one_input = importlib.import_module(target).one_input
    # Not as they are imported: an installation for development has a finder of its own, which hides them.
    for function in gc.get_objects():
        if isinstance(function, FunctionType) and str(function.__module__).startswith("manyhot."):
            atheris.instrument_func(function)
    atheris.Setup([target, *words], one_input)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
