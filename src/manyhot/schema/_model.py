"""Model configuration: which heads are summed, and their sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from manyhot.errors import ConfigError, nearest_name

from ._catalogue import HEADS, MLP_OPTIONS, MODELS
from ._config import Config
from ._head_options import (
    CIN,
    AttentionFM,
    BiDeep,
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
from ._tasks import Tasks

__all__ = ["FM", "LR", "DeepFM", "Initializer", "ModelConfig", "WideDeep"]

Initializer: TypeAlias = Literal["normal", "truncated_normal", "uniform", "glorot", "zeros"]

# Keys that belong to heads; every other key is every model's.
_HEAD_KEYS = tuple(dict.fromkeys(key for kind in HEADS.values() for key in kind.options if key != "layer_order"))


class ModelConfig(Config, frozen=True, kw_only=True):
    """A model: a sum of heads over one shared set of tables.

    name: one of `manyhot models`, as "deepfm"; or leave it out and give `heads`.
    heads: the terms of the logit, as "linear", "fm", "deep".
    custom_heads: names of further terms, whose modules are given from Python: `train(..., heads={"mine": build})`.
    embedding_dim: D, the latent size; without heads that read them no latent tables exist.
    hidden_units, dropout, batch_norm: the MLP of the heads that have one.
    pairs: "features" crosses every pair of features; "fields" leaves out the pairs inside one field, and stands where
        nothing is said and a head reads it (measured: docs/results.md, section Defaults).
    head_biases: the heads "linear", "fm" and those with an MLP have a bias of their own beside the general one.
    layer_order: "standard" is Linear, BatchNorm, ReLU, Dropout; "article" is Linear, ReLU, Dropout, BatchNorm.
    preset: "article" stands for pairs = "features", head_biases = true, layer_order = "article", and the combiner
        "sum" in every field that names none; training then starts at a bias of 0, and tables move by adagrad where
        TrainingConfig.tables is not given.
    initializer: what fresh latent rows are drawn from: "normal", "truncated_normal" (drawn again beyond two standard
        deviations), "uniform", "glorot" (uniform, by the sizes of the table), or "zeros".
    embedding_scale: its standard deviation, or the largest value of "uniform". linear_scale: the same for the linear
        weights; 0: they start at 0. Neither is for "glorot" and "zeros".
    tasks: how several labels are learned; None is Tasks(kind="shared_bottom").
    cross, cin, self_attention, attention_fm, bi_deep, product, bilinear, mask_blocks, streams, final_blocks, wukong,
        interest: the options of single heads; None: their defaults.

    Raises ConfigError for unknown names and for options of a head that is not there.
    """

    name: str | None = None
    heads: tuple[str, ...] | None = None
    custom_heads: tuple[str, ...] = ()
    embedding_dim: int = 16
    hidden_units: tuple[int, ...] | None = None
    dropout: float = 0.0
    batch_norm: bool = False
    pairs: Literal["features", "fields"] | None = None
    head_biases: bool = False
    layer_order: Literal["standard", "article"] = "standard"
    preset: Literal["article"] | None = None
    initializer: Initializer = "normal"
    embedding_scale: float = 0.01
    linear_scale: float = 0.0
    tasks: Tasks | None = None
    cross: Cross | None = None
    cin: CIN | None = None
    self_attention: SelfAttention | None = None
    attention_fm: AttentionFM | None = None
    bi_deep: BiDeep | None = None
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
        heads = self.heads or self._named_heads()
        for head in heads:
            if head not in HEADS:
                raise ConfigError(f'model: heads: there is no head "{head}"{nearest_name(head, HEADS)}')
        if self.name is not None and set(heads) != set(self._named_heads()):
            raise ConfigError(
                f'model: "{self.name}" has the heads {list(self._named_heads())}; keep name or heads, not both'
            )
        if len(set(heads)) != len(heads):
            raise ConfigError("model: a head is named twice in heads")
        others = [head for head in (*heads, *self.custom_heads) if head != "field_aware_fm" and _reads_latent(head)]
        if "field_aware_fm" in heads and others:
            raise ConfigError(
                'model: heads: the latent rows of "field_aware_fm" are one for each field, which no other head reads; '
                f'leave out "{others[0]}"'
            )
        self._check_custom_heads()
        self._check_numbers()
        self._check_options(heads)
        with_mlp = bool(self.custom_heads) or any(MLP_OPTIONS[0] in self._options(head) for head in heads)
        units = (self.hidden_units if self.hidden_units is not None else (400, 400)) if with_mlp else ()
        if self.tasks is not None and self.tasks.has_experts and not (self.tasks.expert_units or units):
            raise ConfigError(
                "model: tasks: experts take their layers from hidden_units, which is empty; give expert_units"
            )
        if "two_streams" in heads:
            (self.streams or Streams()).check(units)
        if "final_blocks" in heads:
            (self.final_blocks or FinalBlocks()).check(units)
        msgspec.structs.force_setattr(self, "heads", heads)
        msgspec.structs.force_setattr(self, "hidden_units", units)
        if self.pairs is None and any("pairs" in self._options(head) for head in heads):
            msgspec.structs.force_setattr(self, "pairs", "features" if self.preset == "article" else "fields")
        if self.preset == "article":
            msgspec.structs.force_setattr(self, "head_biases", True)
            msgspec.structs.force_setattr(self, "layer_order", "article")

    @property
    def _stacked(self) -> bool:
        return self.cross is not None and self.cross.structure == "stacked"

    def _named_heads(self) -> tuple[str, ...]:
        """The heads that name stands for. With stacked cross layers the MLP is behind them and not beside them."""
        heads = () if self.name is None else MODELS[self.name].heads
        behind = self._stacked and any("cross" in HEADS[head].options for head in heads)
        return tuple(head for head in heads if head != "deep") if behind else heads

    def _options(self, head: str) -> tuple[str, ...]:
        """The keys that a head reads: those of an MLP where it has one."""
        options = HEADS[head].options
        without = () if self._stacked or "cross" not in options else MLP_OPTIONS
        return tuple(key for key in options if key not in without)

    def _check_custom_heads(self) -> None:
        for head in self.custom_heads:
            if not head.isidentifier() or len(head) > 100:
                raise ConfigError(f'model: custom_heads: "{head[:100]}" must be a name of letters, digits and _')
            if head in HEADS:
                raise ConfigError(f'model: custom_heads: "{head}" is a head of manyhot; take another name')
        if len(set(self.custom_heads)) != len(self.custom_heads):
            raise ConfigError("model: a head is named twice in custom_heads")

    def _check_numbers(self) -> None:
        if not 1 <= self.embedding_dim <= 4096:
            raise ConfigError(f"model: embedding_dim = {self.embedding_dim} must lie between 1 and 4096")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"model: dropout = {self.dropout} must lie in [0, 1)")
        for key, default in (("embedding_scale", 0.01), ("linear_scale", 0.0)):
            if not 0 <= getattr(self, key) < float("inf"):
                raise ConfigError(f"model: {key} = {getattr(self, key)} must be a number from 0")
            if self.initializer in ("glorot", "zeros") and getattr(self, key) != default:
                raise ConfigError(f'model: initializer "{self.initializer}" has no {key}; leave it out')
        if any(units < 1 for units in self.hidden_units or ()):
            raise ConfigError(f"model: hidden_units = {list(self.hidden_units or ())} must all be at least 1")

    def _check_options(self, heads: tuple[str, ...]) -> None:
        """An option must have a reader among the heads; a custom head may read any."""
        defaults = {field.name: field.default for field in msgspec.structs.fields(self)}
        for key in _HEAD_KEYS:
            given = getattr(self, key)
            if self.custom_heads or given == defaults[key] or (key == "hidden_units" and not given):
                continue
            if not any(key in self._options(head) for head in heads):
                readers = '", "'.join(head for head in HEADS if key in self._options(head))
                raise ConfigError(f'model: {key} belongs to the head "{readers}", which heads {list(heads)} lacks')
        if self.cross is not None and self.cross.rank is not None and "cross2" not in heads:
            raise ConfigError(f'model.cross: rank belongs to the head "cross2", which heads {list(heads)} lacks')
        if "interest" in heads and self.interest is None:
            raise ConfigError(
                'model: the head "interest" asks for its bags; write [model.interest] and in it '
                'candidates = { history = "item" }, of each bag the field to be scored'
            )
        if self.preset == "article" and self.pairs == "fields":
            raise ConfigError('model: preset = "article" means pairs = "features"; remove one of them')
        if self.tasks is not None and self.tasks.has_experts and "deep" not in heads:
            raise ConfigError(
                f'model: tasks: the experts of kind = "{self.tasks.kind}" take the place of the head "deep", which '
                f"heads {list(heads)} lacks"
            )

    def check_fields(self, vocabulary_of: Mapping[str, str]) -> None:
        """Raises ConfigError where an option names a field that is not there or not fit for it.

        vocabulary_of: the vocabulary's name of each field.
        """
        if self.interest is not None:
            self.interest.check_fields(vocabulary_of)
        if "bilinear" in (self.heads or ()) and len(vocabulary_of) < 2:
            raise ConfigError('model: the head "bilinear" needs at least two fields; choose another model')
        for gate in self.streams.gates if self.streams is not None else ():
            for name in gate:
                if name not in vocabulary_of:
                    raise ConfigError(f'model.streams: there is no field "{name}"{nearest_name(name, vocabulary_of)}')

    @property
    def has_latent(self) -> bool:
        """Whether any head reads the latent tables; a custom head may."""
        return bool(self.custom_heads) or any(HEADS[head].latent for head in self.heads or ())

    @property
    def is_field_aware(self) -> bool:
        """Whether a latent row holds D numbers towards each field."""
        return "field_aware_fm" in (self.heads or ())

    def latent_size(self, num_fields: int) -> int:
        """Numbers of a latent row: D, or D for each field where they are field-aware, or 0."""
        if self.is_field_aware:
            return num_fields * self.embedding_dim
        return self.embedding_dim if self.has_latent else 0


def _reads_latent(head: str) -> bool:
    """A custom head may."""
    return head not in HEADS or HEADS[head].latent


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
