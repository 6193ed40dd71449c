# make setup         a virtual environment with everything, kernels compiled
# make demo          the main job on simulated data
# make test          every check and test
# make instructions  of them the kernels' instruction counts alone; says so where there is no valgrind
# make fuzz-lines    a million damaged lines against a plain reader (a minute and a half)
# make asan          the tests that reach native code, every memory access checked (half an hour)
# make fuzz          made-up bytes for every parser, two minutes each; needs clang, and installs atheris
# make faults        the long form of every fault test; the table goes to docs/reliability.md (an hour)
# make bench-peers   manyhot beside other libraries, each in an environment of its own (an hour, 10 GB of disk)
PYTHON ?= python3
BIN := .venv/bin
SOURCES := $(shell find src native -type f -not -name "*.pyc") CMakeLists.txt pyproject.toml
CPP := $(wildcard native/*.hpp native/*.cpp benchmarks/callgrind/*.cpp fuzz/*.hpp fuzz/*.cpp)

.PHONY: setup demo test check instructions format fuzz-lines asan fuzz faults bench-peers clean

setup: .venv/installed

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/requirements: constraints.txt pyproject.toml | .venv/bin/python
	$(BIN)/python scripts/requirements.py > .venv/wanted.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --requirement .venv/wanted.txt
	touch $@

# Without build isolation the pinned build tools are used; a new source file needs a new install, an edited one does not hurt.
.venv/installed: .venv/requirements $(SOURCES)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	touch $@

demo: setup
	$(BIN)/manyhot demo

test: setup check instructions
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/clang-format --dry-run --Werror $(CPP)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check-sizes

instructions: setup
	$(BIN)/python scripts/check-instructions

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/clang-format -i $(CPP)

fuzz-lines: setup
	$(BIN)/python tests/data/mutated_lines.py

asan: setup
	$(BIN)/python scripts/sanitize

fuzz: setup
	-$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt atheris
	$(BIN)/python scripts/fuzz

faults: setup
	$(BIN)/python tests/faults/run.py

bench-peers: setup
	$(BIN)/python benchmarks/peers/run.py --data .bench

clean:
	rm -rf .venv build runs .manyhot_cache .bench benchmarks/peers/.venvs
