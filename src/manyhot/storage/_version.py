"""The version of manyhot that files name as their writer."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["VERSION"]

try:
    # Of the code that runs, asked once: hours later the installation may be another, or no descriptor may be left.
    VERSION = version("manyhot")
except PackageNotFoundError:
    VERSION = "unknown"  # run from its sources, without an installation
