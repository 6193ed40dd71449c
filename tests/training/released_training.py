"""The training whose checkpoint is kept for each release."""

from __future__ import annotations

from typing import Any

import numpy as np

import manyhot as mh


def _rows(first: int, count: int) -> dict[str, Any]:
    """Fixed for ever, and small: no random numbers that a library might draw otherwise."""
    numbers = np.arange(first, first + count)
    app, city = numbers * 7 % 6, numbers * 5 % 3
    return {
        "app": [f"app{i}" for i in app],
        "city": [[f"city{i}", f"city{(i + 1) % 3}"] for i in city],
        "clicked": ((numbers * 37 % 11) + app < 8).astype(int).tolist(),
    }


OPTIONS: dict[str, Any] = {
    "schema": mh.Schema(label="clicked", fields=(mh.Field("app"), mh.Field("city"))),
    "model": mh.DeepFM(embedding_dim=2, hidden_units=(4,), dropout=0.1, batch_norm=True),
    "data": _rows(0, 120),
    "valid": _rows(500, 60),
    "batch_size": 20,
    "epochs": 3,
    "averaging": mh.Averaging(decay=0.9),
    "early_stopping": mh.EarlyStopping(patience=3),
    "validate_every": 4,
    "schedule": mh.Schedule(kind="plateau"),
    "precision": "float32",
}
