"""The list of commands, and what happens to errors. Imports no torch, no pyarrow, no command: --help stays quick."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import cyclopts

from manyhot import __version__
from manyhot.errors import ManyhotError

__all__ = ["main"]

_COMMANDS = {
    "demo": "Simulate an app-store log, train five models on it, compare them.",
    "init": "Look at rows and write an experiment file for them.",
    "check": "Read every row of an experiment before training; say what is wrong with it.",
    "prepare": "Fit and encode the rows of an experiment file, on this machine or by Spark, for training later.",
    "train": "Train the model of an experiment file.",
    "evaluate": "Metrics of a model on labelled rows, with intervals, by token, and its calibration.",
    "score": "Probabilities of rows, written to a Parquet file.",
    "bench": "Train a known case on simulated data; say how fast, and what this machine would allow.",
    "inspect": "What a model file holds.",
    "models": "The models there are: terms, options, papers; with a name, how to write one.",
}


def _app() -> cyclopts.App:
    app = cyclopts.App(
        name="manyhot",
        help="Train and score CTR models on sparse fields of many weighted values over shared vocabularies.",
        version=__version__,
    )
    for name, help_text in _COMMANDS.items():
        app.command(f"manyhot.cli.{name}:{name}", name=name, help=help_text)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command and exits: 0, 2 for bad input (one sentence on standard error), 130 when interrupted."""
    try:
        _app()(arguments, exit_on_error=False, result_action="return_value")
    except cyclopts.CycloptsError:  # cyclopts has printed it
        sys.exit(2)
    except ManyhotError as error:
        sys.stderr.write(f"manyhot: {error}\n")
        sys.exit(2)
    except MemoryError as error:
        sys.stderr.write(
            f"manyhot: there is not enough memory for this{f' ({error})' if str(error) else ''}; take a "
            "larger machine or smaller files, and look at files that a stranger made\n"
        )
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("manyhot: interrupted\n")
        sys.exit(130)
