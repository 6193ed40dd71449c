"""Options of single heads, each a table of its own under [model]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from manyhot.errors import ConfigError, nearest_name

from ._config import Config

__all__ = [
    "CIN",
    "AttentionFM",
    "BiDeep",
    "Bilinear",
    "Cross",
    "FinalBlocks",
    "Interest",
    "MaskBlocks",
    "Product",
    "SelfAttention",
    "Streams",
    "WukongLayers",
]


# Of modules that are made one by one: a file that says more would cost time and memory before it is refused.
_COUNTS, _MOST = ("layers", "blocks", "heads"), 1024


class HeadOptions(Config, frozen=True, kw_only=True):
    """The base: whole numbers and lists of them are at least 1, and layers, blocks and heads 1,024 at most."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in self.__struct_fields__:
            value = getattr(self, key)
            numbers = value if isinstance(value, tuple) else (value,)
            if any(isinstance(n, int) and not isinstance(n, bool) and n < 1 for n in numbers):
                raise ConfigError(f"{self.place()}: {key} = {value} must be at least 1")
            if key in _COUNTS and value > _MOST:
                raise ConfigError(f"{self.place()}: {key} = {value} must be at most {_MOST:,}")


class Cross(HeadOptions, frozen=True, kw_only=True):
    """Cross layers (heads "cross", "cross2", "gated_cross").

    layers: how many. structure: "parallel" adds the term beside others; "stacked" puts the MLP behind the layers, and
    a model of that name has no head "deep". rank: of each layer's matrix in "cross2"; None: full.
    """

    layers: int = 3
    structure: Literal["parallel", "stacked"] = "parallel"
    rank: int | None = None


class CIN(HeadOptions, frozen=True, kw_only=True):
    """Compressed interaction network (head "cin"): units, feature maps of each layer."""

    units: tuple[int, ...] = (16, 16)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.units:
            raise ConfigError(f"{self.place()}: units is empty; give the feature maps of at least one layer")


class SelfAttention(HeadOptions, frozen=True, kw_only=True):
    """Attention of fields to each other (head "self_attention").

    layers: how many; heads: attention heads a layer; units: of each attention head. scale: divide the products of
    queries and keys by sqrt(units). layer_norm: normalise a field before each layer's ReLU. The model's dropout also
    drops attention weights.
    """

    layers: int = 2
    heads: int = 2
    units: int = 16
    scale: bool = False
    layer_norm: bool = False


class AttentionFM(HeadOptions, frozen=True, kw_only=True):
    """Attention over pairs of fields (head "attention_fm"): units of the attention network."""

    units: int = 16


class BiDeep(HeadOptions, frozen=True, kw_only=True):
    """MLP over the bi-interaction (head "bi_deep").

    on_bi: batch_norm and dropout act on the bi-interaction too, as in the paper; false: on the hidden layers alone.
    """

    on_bi: bool = True


class Product(HeadOptions, frozen=True, kw_only=True):
    """Products of pairs of fields in front of an MLP (head "product").

    kind: "inner", "outer" (through a kernel, a D x D matrix a pair) or "both".
    """

    kind: Literal["inner", "outer", "both"] = "inner"


class Bilinear(HeadOptions, frozen=True, kw_only=True):
    """Bilinear pairs of fields after squeeze and excitation (head "bilinear").

    kind: which pairs share a matrix: "all" of them, "each" left field's, or none ("interaction").
    reduction: squeeze to F / reduction numbers. Needs two fields.
    """

    kind: Literal["all", "each", "interaction"] = "interaction"
    reduction: int = 3


class MaskBlocks(HeadOptions, frozen=True, kw_only=True):
    """Blocks masked by the example (head "mask_blocks").

    structure: "parallel" blocks side by side, "serial" one after the other; the model's MLP is behind both. blocks: how
    many; units: outputs of each. reduction: width of a mask's hidden layer, as a multiple of what it masks.
    field_norm: normalise each field before the first masks.
    """

    structure: Literal["parallel", "serial"] = "parallel"
    blocks: int = 3
    units: int = 64
    reduction: int = 1
    field_norm: bool = True


class Streams(HeadOptions, frozen=True, kw_only=True):
    """Two MLPs and a bilinear fusion (head "two_streams").

    hidden_units: of the second MLP; None: as the first. heads: of the fusion; each takes its part of both MLPs'
    outputs. gate_units: hidden layers of the gates of features. gate_fields, gate_fields2: fields that each gate reads;
    empty: a learned constant.
    """

    hidden_units: tuple[int, ...] | None = None
    heads: int = 1
    gate_units: tuple[int, ...] = (64,)
    gate_fields: tuple[str, ...] = ()
    gate_fields2: tuple[str, ...] = ()

    @property
    def gates(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The fields that each of the two gates reads."""
        return self.gate_fields, self.gate_fields2

    def check(self, hidden_units: tuple[int, ...]) -> None:
        """Raises ConfigError where an MLP, of hidden_units the first, cannot be cut into parts for the heads."""
        for place, units in (("model", hidden_units), ("model.streams", self.hidden_units)):
            if units is not None and (not units or units[-1] % self.heads):
                raise ConfigError(
                    f"{place}: hidden_units = {list(units)} must end in a multiple of the {self.heads} heads of streams"
                )


class FinalBlocks(HeadOptions, frozen=True, kw_only=True):
    """Blocks of multiplied layers (head "final_blocks").

    blocks: one, or two whose terms are averaged. hidden_units: of the second block; None: as the first, which has the
    model's; even numbers, as half of a layer is products. gate: let fields gate each other before the first block.
    """

    blocks: Literal[1, 2] = 1
    hidden_units: tuple[int, ...] | None = None
    gate: bool = False

    def check(self, hidden_units: tuple[int, ...]) -> None:
        """Raises ConfigError for odd layers, of which hidden_units are the first block's."""
        for place, units in (("model", hidden_units), ("model.final_blocks", self.hidden_units or ())):
            if any(number % 2 for number in units):
                raise ConfigError(f'{place}: hidden_units = {list(units)} of "final_blocks" must be even numbers')


class WukongLayers(HeadOptions, frozen=True, kw_only=True):
    """Stacked factorization machines (head "wukong").

    layers: how many. fm_fields, linear_fields: new fields of each layer out of its FM block and its linear block.
    rank: of the FM block's pairs. fm_units: hidden layers of the MLP in the FM block.
    """

    layers: int = 2
    fm_fields: int = 8
    linear_fields: int = 8
    rank: int = 8
    fm_units: tuple[int, ...] = (64,)


class Interest(HeadOptions, frozen=True, kw_only=True):
    """Attention of candidates to the members of bags (head "interest").

    candidates: of each bag the field whose pooled latent asks; both name one vocabulary. units: hidden layers of the
    attention networks, one network a bag. activation: behind each of their layers. softmax: the weights of a bag sum
    to 1.
    """

    candidates: dict[str, str]
    units: tuple[int, ...] = (80, 40)
    activation: Literal["prelu", "dice"] = "prelu"
    softmax: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.candidates:
            raise ConfigError('interest: candidates names no bag; write candidates = { history = "item" }')
        for bag, candidate in self.candidates.items():
            if bag == candidate:
                raise ConfigError(f'interest: candidates: "{bag}" asks itself; name the field that is to be scored')

    def check_fields(self, vocabulary_of: Mapping[str, str]) -> None:
        """Raises ConfigError where the fields (name -> vocabulary) lack what candidates names, or share nothing."""
        for bag, candidate in self.candidates.items():
            where = f"model.interest: candidates: {bag} = {candidate}"
            for name in (bag, candidate):
                if name not in vocabulary_of:
                    raise ConfigError(f'{where}: there is no field "{name}"{nearest_name(name, vocabulary_of)}')
            if vocabulary_of[bag] != vocabulary_of[candidate]:
                raise ConfigError(
                    f'{where}: they have different vocabularies, "{vocabulary_of[bag]}" and '
                    f'"{vocabulary_of[candidate]}"; give both the same'
                )
