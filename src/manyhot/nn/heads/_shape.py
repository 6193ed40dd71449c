"""What a head is made from, and what it may ask of the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from manyhot.schema import ModelConfig

from .._mlp import MLP

__all__ = ["HeadShape"]


@dataclass(frozen=True)
class HeadShape:
    """What a head is made from.

    config: of the model. field_names: in order, F of them. dim: D, the latent size of the tables.

    A head is a `torch.nn.Module` whose forward turns TableOutputs into float32 (B,). Its class or object may say
    `needs_within = True`, for `TableOutputs.within`; `needs_filled = True`, for `TableOutputs.filled`; and
    `member_fields`, numbers of the fields whose pairs it wants one by one in `TableOutputs.members`.
    """

    config: ModelConfig
    field_names: tuple[str, ...]
    dim: int

    @property
    def num_fields(self) -> int:
        """F."""
        return len(self.field_names)

    def mlp(
        self, num_inputs: int, hidden_units: Sequence[int] | None = None, *, to_logit: bool = True, bias: bool = True
    ) -> MLP:
        """The model's MLP on num_inputs numbers (hidden_units: others than the model's). to_logit: a Linear to 1 at
        the end, with a bias or without."""
        config = self.config
        return MLP(
            num_inputs,
            (config.hidden_units or ()) if hidden_units is None else hidden_units,
            dropout=config.dropout,
            batch_norm=config.batch_norm,
            layer_order=config.layer_order,
            to_logit=to_logit,
            bias=bias,
        )
