"""The two consoles. Apart from `_output.py`, which needs more, for commands that must be quick."""

from __future__ import annotations

from rich.console import Console

__all__ = ["console", "to_stderr"]

console = Console(highlight=False, markup=False, soft_wrap=True)
to_stderr = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
