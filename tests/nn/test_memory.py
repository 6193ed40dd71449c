"""Tables that cannot fit are refused in one sentence, before memory is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from manyhot.data import TableLayout
from manyhot.errors import ConfigError
from manyhot.kernels import select
from manyhot.nn import Tables, _memory
from manyhot.schema import Field, Schema, TableOptimizer


def layout(size: int) -> TableLayout:
    return TableLayout.of_sizes(Schema(label="y", fields=(Field("app"),)), {"app": size})


def test_two_thousand_million_rows_are_refused_with_the_numbers_and_a_remedy():
    with pytest.raises(ConfigError) as caught:
        Tables(layout(2_000_000_000), 16, select("native"), optimizer=TableOptimizer())
    message = str(caught.value)
    assert "512.0 GB (2,000,000,000 rows of 256 bytes" in message
    assert all(word in message for word in ("min_count", "max_size", "embedding_dim", "sgd"))
    assert "\n" not in message


@pytest.mark.parametrize(("free", "fits"), [(64 * 1000, True), (64 * 1000 - 1, False), (None, True)])
def test_what_counts_is_the_memory_that_is_free(monkeypatch, free, fits):
    """Rows of 10 latent numbers and the linear weight take 16 floats without optimizer state."""
    monkeypatch.setattr(_memory, "available_bytes", lambda: free)
    if fits:
        assert Tables(layout(1000), 10, select("native")).data.shape == (1000, 16)
    else:
        with pytest.raises(ConfigError, match="rows of 64 bytes"):
            Tables(layout(1000), 10, select("native"))


def test_fresh_rows_do_not_depend_on_how_many_are_drawn_at_a_time(monkeypatch):
    """Against one draw of the whole table, in more pieces than one."""
    monkeypatch.setattr("manyhot.nn._initialise.ROWS_AT_A_TIME", 7)
    tables = Tables(layout(100), 3, select("native"))
    tables.initialise(5, 0.5)
    whole = np.random.default_rng([5, *b"app"]).standard_normal((100, 3), np.float32) * np.float32(0.5)
    np.testing.assert_array_equal(tables.latent("app"), whole)
