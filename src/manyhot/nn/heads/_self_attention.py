"""The self-attention of AutoInt. B examples, F fields, H attention heads of U units, A = H * U."""

from __future__ import annotations

from torch import Tensor, nn

from manyhot.schema import SelfAttention

from .._norms import LayerNorm
from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["SelfAttentionHead"]


class SelfAttentionHead(nn.Module):
    """Layers in which every field attends to all; the term is linear in what all fields end with (Song et al. 2019,
    AutoInt, section 4)."""

    def __init__(self, layers: list[nn.Module], num_outputs: int, *, bias: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.last = nn.Linear(num_outputs, 1, bias=bias)

    @classmethod
    def of(cls, shape: HeadShape) -> SelfAttentionHead:
        config, options = shape.config, shape.config.self_attention or SelfAttention()
        size = options.heads * options.units
        sizes = [shape.dim, *[size] * (options.layers - 1)]
        layers: list[nn.Module] = [AttentionLayer(inputs, options, config.dropout) for inputs in sizes]
        return cls(layers, shape.num_fields * size, bias=config.head_biases)

    def forward(self, tables: TableOutputs) -> Tensor:
        term: Tensor = self.last(self.layers(tables.pooled).flatten(1)).squeeze(1)
        return term


class AttentionLayer(nn.Module):
    """relu(norm(heads side by side + residual)), a head being softmax(Q K^T) V: (B, F, A).

    The residual is the input itself where it has the layer's size, else a Linear of it. Of the weights that a field
    gives to the others some are dropped while training.
    """

    def __init__(self, inputs: int, options: SelfAttention, dropout: float) -> None:
        super().__init__()
        self.num_heads, size = options.heads, options.heads * options.units
        self.queries_keys_values = nn.Linear(inputs, 3 * size, bias=False)
        self.residual = nn.Identity() if inputs == size else nn.Linear(inputs, size, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.norm = LayerNorm(size) if options.layer_norm else nn.Identity()
        self.scale = options.units**-0.5 if options.scale else 1.0

    def forward(self, x: Tensor) -> Tensor:
        projected = self.queries_keys_values(x).unflatten(2, (3, self.num_heads, -1))
        query_BHFU, key_BHFU, value_BHFU = projected.permute(2, 0, 3, 1, 4)
        weights_BHFF = (self.scale * query_BHFU @ key_BHFU.transpose(2, 3)).softmax(3)
        heads_BFA = (self.dropout(weights_BHFF) @ value_BHFU).transpose(1, 2).flatten(2)
        y: Tensor = self.norm(heads_BFA + self.residual(x)).relu()
        return y
