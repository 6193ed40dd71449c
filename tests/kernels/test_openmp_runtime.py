"""One OpenMP runtime in the process, whichever of torch and the kernels comes first: two would fight for the cores."""

from __future__ import annotations

import subprocess
import sys

import pytest

KERNELS = """
import numpy as np
from manyhot.kernels import Jagged, Lookup, _native, new_table, select
assert _native.has_openmp
jagged = Jagged(np.zeros(4096, np.int32), None, np.arange(4097, dtype=np.int32), 1)
select("native").forward(Lookup(new_table(1, 8), 4, num_threads=2), jagged)
"""
TORCH = """
import torch
torch.ones(500, 500) @ torch.ones(500, 500)
"""
COUNT = """
paths = {word for word in open("/proc/self/maps").read().split() if word.startswith("/")}
print(*sorted(path for path in paths if any(name in path for name in ("libgomp", "libiomp", "libomp"))), sep="\\n")
"""


@pytest.mark.parametrize("code", [TORCH + KERNELS, KERNELS + TORCH], ids=["torch first", "kernels first"])
def test_one_openmp_runtime_is_mapped(code):
    done = subprocess.run([sys.executable, "-c", code + COUNT], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 1, done.stdout
