"""A small configuration of every model whose heads are there, and of their options; fields as in nn_oracle.FIELDS."""

from __future__ import annotations

from typing import Any

from manyhot.nn.heads import HEADS as MADE
from manyhot.schema import HEADS, MODELS, AttentionFM, BiDeep, Interest, ModelConfig, Product

__all__ = ["CONFIGS", "config_of"]

# Options that a head cannot do without.
NEEDED: dict[str, dict[str, Any]] = {"interest": {"interest": Interest(candidates={"history": "candidate"})}}
VARIANTS: dict[str, dict[str, Any]] = {
    "fm, pairs of fields": {"name": "fm", "pairs": "fields"},
    "fwfm, pairs of fields": {"name": "fwfm", "pairs": "fields"},
    "ffm, pairs of fields": {"name": "ffm", "pairs": "fields"},
    "nfm, normed": {"name": "nfm", "batch_norm": True, "dropout": 0.3},
    "nfm, normed in layers": {"name": "nfm", "batch_norm": True, "bi_deep": BiDeep(on_bi=False), "pairs": "fields"},
    "pnn, outer": {"name": "pnn", "product": Product(kind="outer")},
    "pnn, both": {"name": "pnn", "product": Product(kind="both"), "batch_norm": True, "layer_order": "article"},
    "afm, dropout": {"name": "afm", "attention_fm": AttentionFM(units=2), "dropout": 0.3},
    "four heads": {"heads": ("linear", "field_weighted_fm", "bi_deep", "multi_view")},
}


def config_of(**options: Any) -> ModelConfig:
    """With D = 3 and hidden layers of 9 and 6 units, where there are any."""
    heads = options.get("heads") or MODELS[options["name"]].heads
    for head in heads:
        options = {**NEEDED.get(head, {}), **options}
    if any("hidden_units" in HEADS[head].options for head in heads):
        options = {"hidden_units": (8, 6), **options}
    return ModelConfig(**{"embedding_dim": 3, **options})


_ALL = {name: config_of(name=name) for name in MODELS} | {name: config_of(**each) for name, each in VARIANTS.items()}
CONFIGS = {name: config for name, config in _ALL.items() if set(config.heads or ()) <= set(MADE)}
