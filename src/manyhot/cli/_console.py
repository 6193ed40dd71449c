"""The two consoles. Apart from `_output.py`, which needs more, for commands that must be quick."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from manyhot.errors import on_one_line

__all__ = ["cell", "console", "to_stderr"]


def cell(text: str, style: str = "") -> Text:
    """Of a table, for names out of files."""
    return Text(on_one_line(text), style)


class _Printing(Console):
    """Names out of files are shown and do nothing to the terminal."""

    def render_str(self, text: str, **options: Any) -> Text:
        """As in Console, of every string and every cell of a table that is one."""
        return super().render_str(on_one_line(text, keep="\n"), **options)


class _Telling(_Printing):
    """For what is said meanwhile: work of hours does not end because nobody reads it any more."""

    def print(self, *objects: Any, **options: Any) -> None:
        """As in Console; silent from the first line on that cannot be written."""
        try:
            super().print(*objects, **options)
        except OSError:
            self.quiet = True

    def on_broken_pipe(self) -> None:
        """As in Console, where it ends the process."""
        self.quiet = True


console = _Printing(highlight=False, markup=False, emoji=False, soft_wrap=True)
to_stderr = _Telling(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
