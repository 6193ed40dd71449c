"""Which implementation of the kernels."""

from __future__ import annotations

from manyhot.errors import ConfigError, nearest_name

from ._contract import Kernels

__all__ = ["has_bfloat16", "select"]


def select(name: str) -> Kernels:
    """The kernels "native" (C++) or "reference" (torch). Raises ConfigError for another name."""
    if name == "native":
        from ._native_kernels import NativeKernels

        return NativeKernels()
    if name == "reference":
        from ._reference import ReferenceKernels

        return ReferenceKernels()
    raise ConfigError(f'there are no kernels "{name}"{nearest_name(name, ("native", "reference"))}')


def has_bfloat16() -> bool:
    """Whether this processor multiplies matrices in bfloat16 natively (AMX, AVX512-BF16)."""
    from ._native import has_bfloat16 as found

    return found
