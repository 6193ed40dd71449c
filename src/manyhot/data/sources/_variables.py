"""${NAME} in URLs is an environment variable, so that no password need stand in a file."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

from manyhot.errors import ConfigError

__all__ = ["with_variables"]

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def with_variables(url: str) -> str:
    """The URL with the values of its variables, quoted as in URLs. Raises ConfigError where one is not set."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in os.environ:
            raise ConfigError(f"{url}: the environment variable {name} is not set; set it, or write another name")
        return quote(os.environ[name], safe="")

    return _VARIABLE.sub(value, url)
