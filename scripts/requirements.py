"""Prints every requirement of pyproject.toml: to run, to build, to test. Needs nothing but the standard library."""

import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
print("\n".join([*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["dev"]]))
