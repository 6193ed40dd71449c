"""prepare: raw rows into a folder of prepared ones, on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manyhot.schema import Part, Reading, Schema

from ._encoder import Encoder
from ._examples import write_examples
from ._prepared import finish_prepared, first_rows, new_prepared
from .sources import Source

__all__ = ["prepare"]


def prepare(
    schema: Schema,
    sources: Mapping[Part, Source],
    folder: Path,
    *,
    reading: Reading | None = None,
    num_threads: int | None = None,
) -> dict[str, Any]:
    """Fits on "train", encodes every source ("train", maybe "valid" and "test"), leaves `folder` whole or not at all.

    reading: how the sources read their files; kept for the model. num_threads: None is all cores; it changes no result.
    Returns what prepared.json says. Raises DataError, BadRowsError.
    """
    with new_prepared(folder) as part:
        encoder = Encoder.fit(schema, sources["train"], num_threads=num_threads)
        for name, source in sources.items():
            chunks = encoder.encode(source, with_labels=True, num_threads=num_threads)
            write_examples(part / name / "part-00000.arrow", chunks, len(schema.fields))
        proof = first_rows(sources.get("valid", sources["train"]), schema)
        return finish_prepared(part, encoder, proof, reading or Reading(), engine="embedded")
