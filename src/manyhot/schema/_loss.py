"""What training minimises: the loss of an example, or of a pair of examples of one group."""

from __future__ import annotations

from typing import Literal

from manyhot.errors import ConfigError

from ._config import Config

__all__ = ["Loss"]

_KEYS_OF = {
    "bce": ("positive_weight", "calibrated", "label_smoothing"),
    "focal": ("gamma", "alpha", "label_smoothing"),
    "bpr": ("bpr_weight", "positive_weight", "calibrated", "label_smoothing"),
}


class Loss(Config, frozen=True, kw_only=True):
    """The loss of a batch (formulas: docs/semantics.md, section 2).

    kind: "bce", binary cross-entropy; "focal" (Lin et al. 2017); "bpr" (Rendle et al. 2009), over all pairs of a
        positive and a negative of one group inside a batch, mixed with bce; it needs a group in the schema.
    positive_weight: how much the loss of a positive counts beside that of a negative; bce and the bce in bpr.
    calibrated: the loss sees the odds that positive_weight makes, so that probabilities stay those of the data.
        false: their odds become positive_weight times as large.
    label_smoothing: e turns labels into e/2 and 1 - e/2.
    gamma, alpha: of focal; alpha weighs positives, 1 - alpha negatives; None weighs neither.
    bpr_weight: share of the pairs in the loss, from 0 to 1; the rest is bce's. 1: order alone, no probabilities.

    Raises ConfigError for values out of range and for keys of another kind.
    """

    kind: Literal["bce", "focal", "bpr"] = "bce"
    positive_weight: float = 1.0
    calibrated: bool = True
    label_smoothing: float = 0.0
    gamma: float = 2.0
    alpha: float | None = None
    bpr_weight: float = 0.5

    @property
    def order_metric(self) -> Literal["auc", "gauc"] | None:
        """What says how good logits are that are not meant as log odds of the data; None where they are."""
        if self.kind == "bpr" and self.bpr_weight == 1:
            return "gauc"
        return "auc" if self.kind == "focal" or not self.calibrated or self.label_smoothing else None

    def __post_init__(self) -> None:
        super().__post_init__()
        defaults = dict(zip(self.__struct_fields__, self.__struct_defaults__, strict=True))
        for key in dict.fromkeys(key for keys in _KEYS_OF.values() for key in keys):
            if key not in _KEYS_OF[self.kind] and getattr(self, key) != defaults[key]:
                kinds = '" and "'.join(kind for kind, keys in _KEYS_OF.items() if key in keys)
                raise ConfigError(f'loss: {key} belongs to kind "{kinds}", but kind = "{self.kind}"')
        if not 0 < self.positive_weight < float("inf"):
            raise ConfigError(f"loss: positive_weight = {self.positive_weight} must be a positive number")
        if not self.calibrated and self.positive_weight == 1:
            raise ConfigError(
                "loss: calibrated = false needs a positive_weight; without one nothing is to be corrected"
            )
        if not 0 <= self.label_smoothing < 1:
            raise ConfigError(f"loss: label_smoothing = {self.label_smoothing} must lie in [0, 1)")
        if not 0 <= self.gamma < float("inf"):
            raise ConfigError(f"loss: gamma = {self.gamma} must be a number from 0")
        if self.alpha is not None and not 0 < self.alpha < 1:
            raise ConfigError(f"loss: alpha = {self.alpha} must lie between 0 and 1")
        if not 0 <= self.bpr_weight <= 1:
            raise ConfigError(f"loss: bpr_weight = {self.bpr_weight} must lie in [0, 1]")
