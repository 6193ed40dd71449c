"""What an error says lies on one line and does nothing to a terminal, whatever names it holds."""

from __future__ import annotations

import io

import pytest
from rich.table import Table

from manyhot.cli import _console
from manyhot.data._batches import bad_rows_error
from manyhot.errors import BadRowsError, ConfigError, ManyhotError, StoppedError, on_one_line

HOSTILE = "\x1b[2J\nmanyhot: all is well\r\x9b31m\u2028\udcff"
SHOWN = r"\x1b[2J\nmanyhot: all is well\r\x9b31m\u2028\udcff"


def test_messages_are_printable() -> None:
    assert on_one_line(f"Grüße, {HOSTILE}") == f"Grüße, {SHOWN}"
    for error in (ConfigError(HOSTILE), StoppedError(HOSTILE, 1, None)):
        assert str(error) == SHOWN and isinstance(error, ManyhotError)


def test_bad_rows_have_lines_of_their_own_and_no_others() -> None:
    with pytest.raises(BadRowsError) as caught:
        raise bad_rows_error(9, 2, [f"{HOSTILE}:1", "b:2"])
    assert str(caught.value).splitlines()[1:] == [f"  {SHOWN}:1", "  b:2"]


def test_the_console_shows_names_and_obeys_none() -> None:
    written = io.StringIO()
    for kind in (type(_console.console), type(_console.to_stderr)):
        console = kind(file=written, markup=False)
        table = Table("\x1b[31mhead")
        table.add_row("\x1b]0;owned\x07cell")
        table.add_row(_console.cell("\x1b]0;owned\x07cell"))
        console.print(table)
        console.print("line\x1b[2J")
    assert "\x1b" not in written.getvalue() and "\x07" not in written.getvalue()
    for shown in (r"\x1b[31mhead", r"\x1b]0;owned\x07cell", r"line\x1b[2J"):
        assert written.getvalue().count(shown) >= 2
