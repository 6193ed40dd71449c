"""Columns of known kinds, made of a seed; and the command in this process."""

import contextlib
import io
import json

import numpy as np

from manyhot.cli import main

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def words(rng, number, length=(3, 9)):
    """Distinct lower-case words."""
    found = set()
    while len(found) < number:
        found.add("".join(rng.choice(list(LETTERS), rng.integers(*length))))
    return sorted(found)


def bags(rng, tokens, rows, longest=6, empty=0.2):
    """Lists of tokens, some empty, popular ones often."""
    shares = 1 / np.arange(1, len(tokens) + 1)
    lengths = np.where(rng.random(rows) < empty, 0, rng.integers(1, longest + 1, rows))
    drawn = rng.choice(tokens, lengths.sum(), p=shares / shares.sum())
    return [list(bag) for bag in np.split(drawn, np.cumsum(lengths)[:-1])]


def label(rng, rows):
    return (rng.random(rows) < 0.3).astype(int)


def command(*arguments):
    """(exit code, standard output, standard error) of `manyhot` with these arguments."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(a) for a in arguments])
        except SystemExit as stop:
            code = stop.code
    return code, out.getvalue(), err.getvalue()


def init_json(*arguments):
    """What `manyhot init --json` says."""
    code, out, err = command("init", *arguments, "--json")
    assert code == 0, err
    return json.loads(out)
