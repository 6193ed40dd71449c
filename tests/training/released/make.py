"""Writes the checkpoint of this version: see README.md."""

import json
import runpy
import shutil
import sys
from pathlib import Path

import manyhot as mh

HERE = Path(__file__).parent


def main() -> None:
    sys.path[:0] = [str(HERE.parent)]
    stops, options = (runpy.run_path(str(HERE.parent / f"{name}.py")) for name in ("stops", "released_training"))
    folder, options = HERE / mh.__version__, options["OPTIONS"]
    shutil.rmtree(folder, ignore_errors=True)
    whole = stops["train"](None, **options)
    stops["outcome"](folder, stops["StopAt"](9), **options)
    (folder / "metrics.json").write_text(json.dumps(stops["timeless"](whole.metrics), indent=2) + "\n")


if __name__ == "__main__":
    main()
