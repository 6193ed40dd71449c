"""Whether a configuration asks for more weights than a file holds, known before memory is taken for any.

The modules are made once on torch's device "meta", where tensors have shapes and no memory, and are counted as they
register: a file that says ten billion layers is refused at the first one too many.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from manyhot.data import TableLayout
from manyhot.errors import ConfigError
from manyhot.schema import ModelConfig

from .heads import HEADS, HeadShape
from .tasks import TASKS

__all__ = ["check_dense_size"]


def check_dense_size(
    config: ModelConfig, layout: TableLayout, num_labels: int, *, most_tensors: int, most_numbers: int
) -> None:
    """Raises ConfigError where the dense part, custom heads left out, has more weights than that, in tensors and in
    numbers; ConfigError or RuntimeError where it cannot be made."""
    config.check_fields(layout.vocabulary_of)
    shape = HeadShape(config, tuple(layout.field_names), config.latent_size(layout.num_fields))
    with torch.device("meta"), _counted(most_tensors, most_numbers):
        if num_labels > 1:
            TASKS["shared_bottom" if config.tasks is None else config.tasks.kind](shape, num_labels)
        else:
            for name in config.heads or ():
                HEADS[name](shape)


@contextlib.contextmanager
def _counted(most_tensors: int, most_numbers: int) -> Iterator[None]:
    """Counts what modules of this thread register; raises ConfigError where it is too much."""
    thread, tensors, numbers = threading.get_ident(), 0, 0

    def count(module: nn.Module, name: str, tensor: Any) -> None:
        nonlocal tensors, numbers
        if tensor is None or threading.get_ident() != thread:
            return
        tensors, numbers = tensors + 1, numbers + tensor.numel()
        if tensors > most_tensors or numbers > most_numbers:
            raise ConfigError(
                f"the model that it describes has more dense weights than the {most_numbers:,} numbers in "
                f"{most_tensors:,} tensors that it holds"
            )

    with register_module_parameter_registration_hook(count):  # buffers are no larger: statistics of what is a weight
        yield
