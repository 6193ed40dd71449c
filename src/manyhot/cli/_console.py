"""The two consoles. Apart from `_output.py`, which needs more, for commands that must be quick."""

from __future__ import annotations

from typing import Any

from rich.console import Console

__all__ = ["console", "to_stderr"]


class _Told(Console):
    """For what is said meanwhile: work of hours does not end because nobody reads it any more."""

    def print(self, *objects: Any, **options: Any) -> None:
        """As in Console; silent from the first line on that cannot be written."""
        try:
            super().print(*objects, **options)
        except OSError:
            self.quiet = True

    def on_broken_pipe(self) -> None:
        """Of Console; there it ends the process."""
        self.quiet = True


console = Console(highlight=False, markup=False, soft_wrap=True)
to_stderr = _Told(stderr=True, highlight=False, markup=False, soft_wrap=True)
