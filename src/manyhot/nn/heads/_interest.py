"""The term of DIN. B examples, F fields, N members of a bag in all examples together, D latent size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from manyhot.schema import Interest

from .._mlp import MLP
from .._outputs import Members, TableOutputs
from ._dice import Dice
from ._shape import HeadShape

__all__ = ["InterestHead"]


class InterestHead(nn.Module):
    """MLP(concat_f pooled_f), in which some bags are as their candidate sees them (Zhou et al. 2018, section 4.3).

    pairs: numbers of a bag's field and of its candidate's. The paper's MLP has Dice or PReLU, this one is every
    model's, with ReLU; in the attention they are as there.
    """

    def __init__(self, pairs: Sequence[tuple[int, int]], dim: int, options: Interest, mlp: MLP) -> None:
        super().__init__()
        self.pairs, self.mlp = tuple(pairs), mlp
        self.member_fields = tuple(bag for bag, _ in self.pairs)
        self.attentions = nn.ModuleList(_Attention(dim, options) for _ in self.pairs)

    @classmethod
    def of(cls, shape: HeadShape) -> InterestHead:
        options, number = shape.config.interest, {name: f for f, name in enumerate(shape.field_names)}
        assert options is not None
        pairs = [(number[bag], number[candidate]) for bag, candidate in options.candidates.items()]
        return cls(pairs, shape.dim, options, shape.mlp(shape.num_fields * shape.dim, bias=shape.config.head_biases))

    def forward(self, tables: TableOutputs) -> Tensor:
        assert tables.members is not None
        seen = list(tables.pooled.unbind(1))
        for (bag, candidate), attention in zip(self.pairs, self.attentions, strict=True):
            seen[bag] = attention(tables.members[bag], tables.pooled[:, candidate])
        term: Tensor = self.mlp(torch.cat(seen, 1)).squeeze(1)
        return term


class _Attention(nn.Module):
    """sum_i x_i * a_i * e_i, a_i = MLP([e_i, e_c, e_i * e_c, e_i - e_c]); an empty bag gives zeros.

    e_i is a member, x_i its weight, e_c the candidate. The four parts are those of the authors' program; the paper
    draws the members, the candidate and their product. softmax: x_i * exp(a_i) / sum_j |x_j| * exp(a_j) is in place of
    x_i * a_i, so that a bag's weights sum to 1 whatever its combiner.
    """

    def __init__(self, dim: int, options: Interest) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, units in zip([4 * dim, *options.units], options.units, strict=False):
            activation = Dice(units) if options.activation == "dice" else nn.PReLU(units)
            layers += [nn.Linear(inputs, units), activation]
        self.score = nn.Sequential(*layers, nn.Linear([4 * dim, *options.units][-1], 1))
        self.softmax = options.softmax

    def forward(self, members: Members, candidate_BD: Tensor) -> Tensor:
        e_ND, x_N, examples_N = members
        examples_ND = examples_N[:, None].expand_as(e_ND)
        # gather and scatter_add are each other's gradient, and quicker in it than [] and index_add
        c_ND = candidate_BD.gather(0, examples_ND)
        a_N = self.score(torch.cat([e_ND, c_ND, e_ND * c_ND, e_ND - c_ND], 1)).squeeze(1)
        weights_N = self._sum_to_1(a_N, members, len(candidate_BD)) if self.softmax else x_N * a_N
        return torch.zeros_like(candidate_BD).scatter_add(0, examples_ND, weights_N[:, None] * e_ND)

    @staticmethod
    def _sum_to_1(a_N: Tensor, members: Members, num_examples: int) -> Tensor:
        _, x_N, examples_N = members
        largest_B = a_N.new_zeros(num_examples).scatter_reduce(0, examples_N, a_N.detach(), "amax", include_self=False)
        scaled_N = x_N * torch.exp(a_N - largest_B.gather(0, examples_N))
        total_B = a_N.new_zeros(num_examples).scatter_add(0, examples_N, scaled_N.abs())
        return scaled_N / total_B.gather(0, examples_N).clamp_min(torch.finfo(torch.float32).tiny)
