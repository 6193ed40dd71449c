"""Batch norm and layer norm: torch's on one thread, bit by bit, on any number of threads."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from manyhot.nn._norms import BatchNorm1d, LayerNorm
from manyhot.training import torch_threads

LAYERS = {
    "batch norm": (BatchNorm1d(40), nn.BatchNorm1d(40)),
    "batch norm without weights": (BatchNorm1d(40, eps=1e-8, affine=False), nn.BatchNorm1d(40, eps=1e-8, affine=False)),
    "layer norm": (LayerNorm(40), nn.LayerNorm(40)),
}


def passed(layer: nn.Module, threads: int, rows: int, kind: torch.dtype = torch.float32) -> list[Tensor]:
    """Output, gradients and statistics of two batches."""
    layer = copy.deepcopy(layer).train()
    with torch_threads(threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        found = []
        for parameter in layer.parameters():
            parameter.data.uniform_(0.5, 1.5)
        for _ in range(2):
            x = torch.randn(rows, 40, dtype=kind).requires_grad_()
            y = layer(x)
            y.backward(torch.randn(rows, 40, dtype=kind))
            found += [y.detach(), x.grad]
        found += [p.grad for p in layer.parameters()]
        found += [layer.eval()(x).detach(), *layer.buffers()]
    return found


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("rows", [2, 64, 1000])
def test_they_are_torchs_on_one_thread(name: str, rows: int) -> None:
    ours, theirs = LAYERS[name]
    expected = passed(theirs, 1, rows)
    for threads in (1, 2, 3):
        found = passed(ours, threads, rows)
        assert len(found) == len(expected) and all(map(torch.equal, found, expected))


def test_batch_norm_in_bfloat16_keeps_its_statistics_in_float32() -> None:
    ours, theirs = LAYERS["batch norm"]
    assert all(map(torch.equal, passed(ours, 2, 64, torch.bfloat16), passed(theirs, 1, 64, torch.bfloat16)))


def test_a_single_row_has_no_variance() -> None:
    with pytest.raises(ValueError, match="more than 1 value"):
        BatchNorm1d(40)(torch.ones(1, 40))


def test_threads_are_as_before() -> None:
    before = torch.get_num_threads()
    with torch_threads(3):
        BatchNorm1d(4)(torch.ones(5, 4)).sum().backward()
        assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == before
