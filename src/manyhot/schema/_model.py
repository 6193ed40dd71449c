"""Model configuration: which heads are summed, and their sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from manyhot.errors import ConfigError, nearest_name

from ._catalogue import HEADS, MLP_OPTIONS, MODELS
from ._config import Config
from ._head_options import (
    CIN,
    AttentionFM,
    Bilinear,
    Cross,
    FinalBlocks,
    Interest,
    MaskBlocks,
    Product,
    SelfAttention,
    Streams,
    WukongLayers,
)

__all__ = ["FM", "LR", "DeepFM", "ModelConfig", "WideDeep"]

# Keys that belong to heads; every other key is every model's.
_HEAD_KEYS = tuple(dict.fromkeys(key for kind in HEADS.values() for key in kind.options if key != "layer_order"))


class ModelConfig(Config, frozen=True, kw_only=True):
    """A model: a sum of heads over one shared set of tables.

    name: one of `manyhot models`, as "deepfm"; or leave it out and give `heads`.
    heads: the terms of the logit, as "linear", "fm", "deep".
    custom_heads: names of further terms, whose modules are given from Python: `train(..., heads={"mine": build})`.
    embedding_dim: D, the latent size; without heads that read them no latent tables exist.
    hidden_units, dropout, batch_norm: the MLP of the heads that have one.
    pairs: "features" crosses every pair of features; "fields" leaves out the pairs inside one field.
    head_biases: the heads "linear", "fm" and those with an MLP have a bias of their own beside the general one.
    layer_order: "standard" is Linear, BatchNorm, ReLU, Dropout; "article" is Linear, ReLU, Dropout, BatchNorm.
    preset: "article" stands for pairs = "features", head_biases = true, layer_order = "article", and the combiner
        "sum" in every field that names none.
    embedding_scale: standard deviation of the normal distribution that latent rows start from.
    cross, cin, self_attention, attention_fm, product, bilinear, mask_blocks, streams, final_blocks, wukong, interest:
        the options of single heads; None: their defaults.

    Raises ConfigError for unknown names and for options of a head that is not there.
    """

    name: str | None = None
    heads: tuple[str, ...] | None = None
    custom_heads: tuple[str, ...] = ()
    embedding_dim: int = 16
    hidden_units: tuple[int, ...] | None = None
    dropout: float = 0.0
    batch_norm: bool = False
    pairs: Literal["features", "fields"] = "features"
    head_biases: bool = False
    layer_order: Literal["standard", "article"] = "standard"
    preset: Literal["article"] | None = None
    embedding_scale: float = 0.01
    cross: Cross | None = None
    cin: CIN | None = None
    self_attention: SelfAttention | None = None
    attention_fm: AttentionFM | None = None
    product: Product | None = None
    bilinear: Bilinear | None = None
    mask_blocks: MaskBlocks | None = None
    streams: Streams | None = None
    final_blocks: FinalBlocks | None = None
    wukong: WukongLayers | None = None
    interest: Interest | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.name is not None and self.name not in MODELS:
            raise ConfigError(f'model: unknown name "{self.name}"{nearest_name(self.name, MODELS)}')
        if self.name is None and not self.heads and not self.custom_heads:
            raise ConfigError('model: give name = "deepfm" or heads = ["linear", "fm", "deep"]')
        heads = self.heads or (() if self.name is None else MODELS[self.name].heads)
        for head in heads:
            if head not in HEADS:
                raise ConfigError(f'model: heads: there is no head "{head}"{nearest_name(head, HEADS)}')
        if self.name is not None and set(heads) != set(MODELS[self.name].heads):
            raise ConfigError(
                f'model: "{self.name}" has the heads {list(MODELS[self.name].heads)}; keep name or heads, not both'
            )
        if len(set(heads)) != len(heads):
            raise ConfigError("model: a head is named twice in heads")
        self._check_custom_heads()
        self._check_numbers()
        self._check_options(heads)
        with_mlp = bool(self.custom_heads) or any(_has_mlp(head) for head in heads)
        units = (self.hidden_units if self.hidden_units is not None else (400, 400)) if with_mlp else ()
        msgspec.structs.force_setattr(self, "heads", heads)
        msgspec.structs.force_setattr(self, "hidden_units", units)
        if self.preset == "article":
            msgspec.structs.force_setattr(self, "pairs", "features")
            msgspec.structs.force_setattr(self, "head_biases", True)
            msgspec.structs.force_setattr(self, "layer_order", "article")

    def _check_custom_heads(self) -> None:
        for head in self.custom_heads:
            if not head.isidentifier():
                raise ConfigError(f'model: custom_heads: "{head}" must be a name of letters, digits and _')
            if head in HEADS:
                raise ConfigError(f'model: custom_heads: "{head}" is a head of manyhot; take another name')
        if len(set(self.custom_heads)) != len(self.custom_heads):
            raise ConfigError("model: a head is named twice in custom_heads")

    def _check_numbers(self) -> None:
        if not 1 <= self.embedding_dim <= 4096:
            raise ConfigError(f"model: embedding_dim = {self.embedding_dim} must lie between 1 and 4096")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"model: dropout = {self.dropout} must lie in [0, 1)")
        if not 0 <= self.embedding_scale < float("inf"):
            raise ConfigError(f"model: embedding_scale = {self.embedding_scale} must be a number from 0")
        if any(units < 1 for units in self.hidden_units or ()):
            raise ConfigError(f"model: hidden_units = {list(self.hidden_units or ())} must all be at least 1")

    def _check_options(self, heads: tuple[str, ...]) -> None:
        """An option must have a reader among the heads; a custom head may read any."""
        defaults = {field.name: field.default for field in msgspec.structs.fields(self)}
        for key in _HEAD_KEYS:
            given = getattr(self, key)
            if self.custom_heads or given == defaults[key] or (key == "hidden_units" and not given):
                continue
            if not any(key in HEADS[head].options for head in heads):
                readers = '", "'.join(head for head, kind in HEADS.items() if key in kind.options)
                raise ConfigError(f'model: {key} belongs to the head "{readers}", which heads {list(heads)} lacks')
        if "interest" in heads and self.interest is None:
            raise ConfigError(
                'model: the head "interest" asks for its bags; write [model.interest] and in it '
                'candidates = { history = "item" }, of each bag the field to be scored'
            )
        if self.preset == "article" and self.pairs == "fields":
            raise ConfigError('model: preset = "article" means pairs = "features"; remove one of them')

    def check_fields(self, vocabulary_of: Mapping[str, str]) -> None:
        """Raises ConfigError where an option names a field that is not there or not fit for it.

        vocabulary_of: the vocabulary's name of each field.
        """
        if self.interest is not None:
            self.interest.check_fields(vocabulary_of)

    @property
    def has_latent(self) -> bool:
        """Whether any head reads the latent tables; a custom head may."""
        return bool(self.custom_heads) or any(HEADS[head].latent for head in self.heads or ())

    def latent_size(self, num_fields: int) -> int:
        """Numbers of a latent row: D, or D for each field where they are field-aware, or 0."""
        if "field_aware_fm" in (self.heads or ()):
            return num_fields * self.embedding_dim
        return self.embedding_dim if self.has_latent else 0


def _has_mlp(head: str) -> bool:
    return MLP_OPTIONS[0] in HEADS[head].options


class LR(ModelConfig, frozen=True, kw_only=True):
    """Logistic regression: the linear head alone."""

    name: str | None = "lr"


class FM(ModelConfig, frozen=True, kw_only=True):
    """Factorization machine (Rendle 2010): linear + fm."""

    name: str | None = "fm"


class WideDeep(ModelConfig, frozen=True, kw_only=True):
    """Wide & Deep (Cheng et al. 2016) without crossed columns: linear + deep."""

    name: str | None = "widedeep"


class DeepFM(ModelConfig, frozen=True, kw_only=True):
    """DeepFM (Guo et al. 2017): linear + fm + deep over the same tables."""

    name: str | None = "deepfm"
