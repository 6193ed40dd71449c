"""Model configuration: which heads are summed, and their sizes."""

from __future__ import annotations

from typing import Literal

import msgspec

from manyhot.errors import ConfigError, nearest_name

from ._config import Config

__all__ = ["FM", "LR", "MODELS", "DeepFM", "ModelConfig", "WideDeep"]

Head = Literal["linear", "fm", "deep"]
MODELS: dict[str, tuple[Head, ...]] = {
    "lr": ("linear",),
    "fm": ("linear", "fm"),
    "widedeep": ("linear", "deep"),
    "deepfm": ("linear", "fm", "deep"),
}


class ModelConfig(Config, frozen=True, kw_only=True):
    """A model: a sum of heads over one shared set of tables.

    name: one of "lr", "fm", "widedeep", "deepfm"; or leave it out and give `heads`.
    heads: the terms of the logit, of "linear", "fm", "deep".
    embedding_dim: D, the latent size; without "fm" and "deep" no latent tables exist.
    hidden_units, dropout, batch_norm: the MLP of the deep head.
    pairs: "features" crosses every pair of features; "fields" leaves out the pairs inside one field.
    head_biases: each head has a bias of its own beside the general one.
    layer_order: "standard" is Linear, BatchNorm, ReLU, Dropout; "article" is Linear, ReLU, Dropout, BatchNorm.
    preset: "article" stands for pairs = "features", head_biases = true, layer_order = "article", and the combiner
        "sum" in every field that names none.
    embedding_scale: standard deviation of the normal distribution that latent rows start from.

    Raises ConfigError for unknown names and for options of a head that is not there.
    """

    name: str | None = None
    heads: tuple[Head, ...] | None = None
    embedding_dim: int = 16
    hidden_units: tuple[int, ...] | None = None
    dropout: float = 0.0
    batch_norm: bool = False
    pairs: Literal["features", "fields"] = "features"
    head_biases: bool = False
    layer_order: Literal["standard", "article"] = "standard"
    preset: Literal["article"] | None = None
    embedding_scale: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.name is not None and self.name not in MODELS:
            raise ConfigError(f'model: unknown name "{self.name}"{nearest_name(self.name, MODELS)}')
        if self.name is None and not self.heads:
            raise ConfigError('model: give name = "deepfm" or heads = ["linear", "fm", "deep"]')
        heads = self.heads or MODELS[self.name or ""]
        if self.name is not None and self.heads is not None and set(self.heads) != set(MODELS[self.name]):
            raise ConfigError(
                f'model: "{self.name}" has the heads {list(MODELS[self.name])}; keep name or heads, not both'
            )
        if len(set(heads)) != len(heads):
            raise ConfigError("model: a head is named twice in heads")
        self._check_numbers(heads)
        units = (self.hidden_units if self.hidden_units is not None else (400, 400)) if "deep" in heads else ()
        msgspec.structs.force_setattr(self, "heads", heads)
        msgspec.structs.force_setattr(self, "hidden_units", units)
        if self.preset == "article":
            msgspec.structs.force_setattr(self, "pairs", "features")
            msgspec.structs.force_setattr(self, "head_biases", True)
            msgspec.structs.force_setattr(self, "layer_order", "article")

    def _check_numbers(self, heads: tuple[Head, ...]) -> None:
        if not 1 <= self.embedding_dim <= 4096:
            raise ConfigError(f"model: embedding_dim = {self.embedding_dim} must lie between 1 and 4096")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"model: dropout = {self.dropout} must lie in [0, 1)")
        if not 0 <= self.embedding_scale < float("inf"):
            raise ConfigError(f"model: embedding_scale = {self.embedding_scale} must be a number from 0")
        if any(units < 1 for units in self.hidden_units or ()):
            raise ConfigError(f"model: hidden_units = {list(self.hidden_units or ())} must all be at least 1")
        if "deep" not in heads:
            for key in ("hidden_units", "dropout", "batch_norm"):
                if getattr(self, key):
                    raise ConfigError(f'model: {key} belongs to the head "deep", which heads {list(heads)} lacks')
        if self.pairs == "fields" and "fm" not in heads:
            raise ConfigError(f'model: pairs belongs to the head "fm", which heads {list(heads)} lacks')
        if self.preset == "article" and self.pairs == "fields":
            raise ConfigError('model: preset = "article" means pairs = "features"; remove one of them')

    @property
    def has_latent(self) -> bool:
        """Whether any head reads the latent tables."""
        return self.heads != ("linear",)


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
