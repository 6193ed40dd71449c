"""The command line: one small file a command, found by name and imported only when it runs.

Commands read arguments, call the library, and write for people: every word on the terminal comes from here (or from the
progress bar of `manyhot.training`). Bad input becomes one sentence and exit code 2. Read `_app.py` first.
"""

from ._app import main

__all__ = ["main"]
