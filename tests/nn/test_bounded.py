"""What a file says of its model's size is compared with what it holds before memory is taken for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from model_configs import CONFIGS, config_of
from nn_oracle import layout_of

from manyhot.errors import ConfigError
from manyhot.kernels import select
from manyhot.nn import build_model, check_dense_size
from manyhot.schema import (
    CIN,
    Cross,
    MaskBlocks,
    SelfAttention,
    Tasks,
    WukongLayers,
)

LAYOUT = layout_of()
EVERY = {name: (config, 1) for name, config in CONFIGS.items()} | {
    kind: (config_of(name="deepfm", tasks=Tasks(kind=kind)), 2) for kind in ("shared_bottom", "esmm", "mmoe", "ple")
}


@pytest.mark.parametrize("name", EVERY)
def test_a_model_has_no_more_than_itself(name: str) -> None:
    config, num_labels = EVERY[name]
    network = build_model(config, LAYOUT, select("native"), num_labels=num_labels)
    sizes = [weight.numel() for name, weight in network.named_parameters() if name != "bias"]
    exact = {"most_tensors": len(sizes), "most_numbers": sum(sizes)}
    check_dense_size(config, LAYOUT, num_labels, **exact)
    for key in exact:
        if exact[key]:
            with pytest.raises(ConfigError, match="more dense weights than"):
                check_dense_size(config, LAYOUT, num_labels, **{**exact, key: exact[key] - 1})


HUGE: dict[str, tuple[dict[str, Any], int]] = {
    "hidden units": ({"name": "deepfm", "hidden_units": (10**9, 10**9)}, 1),
    "overflow": ({"name": "deepfm", "hidden_units": (2**40, 2**40)}, 1),
    "cross layers": ({"name": "dcn", "cross": Cross(layers=1024)}, 1),
    "cross rank": ({"name": "dcnv2", "cross": Cross(rank=10**12)}, 1),
    "maps": ({"name": "xdeepfm", "cin": CIN(units=(10**9,) * 3)}, 1),
    "attention": ({"name": "autoint", "self_attention": SelfAttention(layers=1024, heads=1024)}, 1),
    "blocks": ({"name": "masknet", "mask_blocks": MaskBlocks(blocks=1024)}, 1),
    "wukong": ({"name": "wukong", "wukong": WukongLayers(layers=1024, fm_fields=10**9)}, 1),
    "experts": ({"name": "deepfm", "tasks": Tasks(kind="mmoe", experts=1024)}, 2),
    "labels": ({"name": "deepfm"}, 10**6),
}


@pytest.mark.parametrize("case", HUGE)
def test_a_huge_one_is_refused_at_once(case: str) -> None:
    options, num_labels = HUGE[case]
    started = time.process_time()
    with pytest.raises((ConfigError, RuntimeError)):
        check_dense_size(config_of(**options), LAYOUT, num_labels, most_tensors=100, most_numbers=10_000)
    assert time.process_time() - started < 1  # or never
    assert torch.zeros(1).device.type == "cpu"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Tasks(kind="ple", levels=10**9),
        lambda: Tasks(kind="mmoe", experts=10**9),
        lambda: Cross(layers=10**9),
        lambda: SelfAttention(heads=10**9),
        lambda: MaskBlocks(blocks=10**9),
        lambda: WukongLayers(layers=10**9),
    ],
)
def test_modules_that_are_made_one_by_one_have_an_end(make: Callable[[], object]) -> None:
    with pytest.raises(ConfigError, match="must be at most 1,024"):
        make()
