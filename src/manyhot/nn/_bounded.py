"""Whether a configuration asks for more weights than a file holds, or for more numbers between its tables and a logit
than a row may take, known before memory is taken for any.

The modules are made once on torch's device "meta", where tensors have shapes and no memory, and are counted as they
register: a file that says ten billion layers is refused at the first one too many. What a row takes on its way is
reckoned by a formula a head. F fields, D latent size, L = F * D, P = F(F-1)/2 pairs of fields.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.overrides import TorchFunctionMode

from manyhot.data import TableLayout
from manyhot.errors import ConfigError
from manyhot.schema import CIN, AttentionFM, Interest, ModelConfig, SelfAttention, WukongLayers

from .heads import HEADS, HeadShape
from .tasks import TASKS

__all__ = ["MOST_ROW_NUMBERS", "RowNumbers", "check_dense_size"]

# 64 MiB for a row. Training evaluates 4,096 at a time, which would take 256 GiB then: no model that was trained here.
MOST_ROW_NUMBERS = 1 << 24


class RowNumbers(NamedTuple):
    """Numbers, of 4 bytes, that scoring a row takes at once, about: `row` for any, and `member` more for each pair of
    the fields of these numbers."""

    row: int
    member: int
    member_fields: tuple[int, ...]


def check_dense_size(
    config: ModelConfig, layout: TableLayout, num_labels: int, *, most_tensors: int, most_numbers: int
) -> RowNumbers:
    """What a row takes, custom heads left out. Raises ConfigError where the dense part, custom heads left out, has more
    weights than that, in tensors and in numbers, or a row takes more than both MOST_ROW_NUMBERS and these; ConfigError
    or RuntimeError where it cannot be made."""
    config.check_fields(layout.vocabulary_of)
    shape = HeadShape(config, tuple(layout.field_names), config.latent_size(layout.num_fields))
    needed = _row_numbers(shape, num_labels)
    if needed > max(MOST_ROW_NUMBERS, most_numbers):  # before modules are made, whose sizes may overflow
        raise ConfigError(
            f"each row takes {needed:,} numbers of {shape.num_fields:,} fields on its way through the model that it "
            f"describes; {max(MOST_ROW_NUMBERS, most_numbers):,} are the most that any takes"
        )
    made: list[nn.Module] = []
    with torch.device("meta"), _Shapes(), _counted(most_tensors, most_numbers):
        if num_labels > 1:
            made.append(TASKS["shared_bottom" if config.tasks is None else config.tasks.kind](shape, num_labels))
        else:
            made += [HEADS[name](shape) for name in config.heads or ()]
    parts = [part for module in made for part in module.modules()]
    # Of each Linear what it gives, what ReLU makes of it, and the norm; bounded by its weights, which are in the file.
    units = 3 * sum(part.out_features for part in parts if isinstance(part, nn.Linear))
    fields = sorted({f for part in parts for f in getattr(part, "member_fields", ())})
    return RowNumbers(needed + units, _member_numbers(shape) if fields else 0, tuple(fields))


class _Shapes(TorchFunctionMode):
    """Gives tensors of the right shape for what heads reckon when they are made: on "meta" torch has it in Python, and
    the first call imports its compiler, which takes a second and 70 MB."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.triu_indices:
            num_fields = args[0]
            return torch.empty(2, num_fields * (num_fields - 1) // 2, dtype=torch.int64, device="meta")
        if func is torch.randn:
            return torch.empty(*args, device="meta")
        if func is torch.Tensor.mul and isinstance(args[1], int | float):
            return args[0]
        return func(*args, **(kwargs or {}))


def _row_numbers(shape: HeadShape, num_labels: int) -> int:
    """Without what single Linears give."""
    fields, heads = shape.num_fields, shape.config.heads or ()
    pairs = fields * (fields - 1) // 2
    # What the tables give, by fields or by bags; heads come after it, one at a time. The places of pairs stay with each
    # head: two int64 a pair.
    tables = 4 * fields * (shape.dim + 1)
    places = 4 * num_labels * sum(pairs for name in heads if name in _WITH_PLACES)
    return tables + places + max((_IN_HEADS[name](shape, pairs) for name in heads if name in _IN_HEADS), default=0)


def _in_cin(shape: HeadShape, pairs: int) -> int:
    """The products of a layer, one of its two ways."""
    fields, units = shape.num_fields, (shape.config.cin or CIN()).units
    sizes = zip([fields, *units], units, strict=False)
    layers = ((fields if after >= fields else after) * before + 2 * (before + after) for before, after in sizes)
    return shape.dim * (2 * fields + max(layers))


def _in_self_attention(shape: HeadShape, pairs: int) -> int:
    """What each head of a layer gives each pair of fields, and what the layer gives each field."""
    options = shape.config.self_attention or SelfAttention()
    return shape.num_fields * options.heads * (3 * shape.num_fields + 9 * options.units)


def _in_wukong(shape: HeadShape, pairs: int) -> int:
    options = shape.config.wukong or WukongLayers()
    outputs = options.fm_fields + options.linear_fields
    return 3 * max(shape.num_fields, outputs) * options.rank + 7 * outputs * shape.dim


def _member_numbers(shape: HeadShape) -> int:
    """Of a pair that a candidate looks at: both latents, their product and difference, side by side; its layers."""
    return 10 * shape.dim + 3 * sum((shape.config.interest or Interest(candidates={"": "0"})).units)


_WITH_PLACES = ("field_weighted_fm", "attention_fm", "product")
# Numbers that a head takes at once beside what the tables gave, from its shape and P.
_IN_HEADS: dict[str, Callable[[HeadShape, int], int]] = {
    "field_weighted_fm": lambda shape, pairs: 2 * shape.num_fields * (shape.num_fields + shape.dim),
    "field_aware_fm": lambda shape, pairs: 2 * shape.num_fields * shape.dim,
    "bi_deep": lambda shape, pairs: 2 * shape.dim,
    "linear_deep": lambda shape, pairs: 2 * shape.num_fields * shape.dim,
    "product": lambda shape, pairs: 5 * pairs * shape.dim,
    "attention_fm": lambda shape, pairs: (
        pairs * (3 * shape.dim + 2 * (shape.config.attention_fm or AttentionFM()).units + 6)
    ),
    "multi_view": lambda shape, pairs: shape.num_fields * shape.dim,
    "cin": _in_cin,
    "self_attention": _in_self_attention,
    "cross": lambda shape, pairs: 6 * shape.num_fields * shape.dim,
    "cross2": lambda shape, pairs: 6 * shape.num_fields * shape.dim,
    "gated_cross": lambda shape, pairs: 7 * shape.num_fields * shape.dim,
    "bilinear": lambda shape, pairs: 8 * pairs * shape.dim,
    "mask_blocks": lambda shape, pairs: 5 * shape.num_fields * shape.dim,
    "two_streams": lambda shape, pairs: 6 * shape.num_fields * shape.dim,
    "final_blocks": lambda shape, pairs: 6 * shape.num_fields * shape.dim,
    "wukong": _in_wukong,
    "interest": lambda shape, pairs: 3 * shape.num_fields * shape.dim,
}


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
