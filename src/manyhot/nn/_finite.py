"""No number that is not finite is ever saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["not_finite"]

_AT_A_TIME = 1 << 18  # numbers: what is looked at stays in the cache


def not_finite(arrays: Mapping[str, npt.NDArray[Any]]) -> str | None:
    """The first number that is NaN or infinite, in words ("table.app.latent[17, 3] is nan"); None where there is none.

    Arrays of whole numbers are passed over.
    """
    for name, array in arrays.items():
        if array.dtype.kind != "f" or array.size == 0:
            continue
        rows = array.reshape(len(array), -1) if array.ndim else array.reshape(1, 1)
        step = max(1, _AT_A_TIME // max(1, rows.shape[1]))
        for first in range(0, len(rows), step):
            part = rows[first : first + step]
            if not np.isfinite(part).all():
                row, column = np.argwhere(~np.isfinite(part))[0].tolist()
                place = np.unravel_index((first + row) * rows.shape[1] + column, array.shape)
                shown = f"[{', '.join(map(str, place))}]" if array.ndim else ""
                return f"{name}{shown} is {part[row, column]}"
    return None
