"""prepare: raw rows into a folder of prepared ones, on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manyhot.schema import BadRows, Part, Reading, Schema

from ._batches import Rejects
from ._encoder import Encoder
from ._examples import write_examples
from ._prepared import finish_prepared, first_rows, new_prepared
from ._reject_file import write_rejects
from .sources import Source

__all__ = ["prepare"]


def prepare(
    schema: Schema,
    sources: Mapping[Part, Source],
    folder: Path,
    *,
    reading: Reading | None = None,
    bad_rows: BadRows | None = None,
    num_threads: int | None = None,
) -> dict[str, Any]:
    """Fits on "train", encodes every source ("train", maybe "valid" and "test"), leaves `folder` whole or not at all.

    reading: how the sources read their files; kept for the model. bad_rows: how many of each source may be left out;
    they are then in rejects.parquet of the folder. num_threads: None is all cores; it changes no result.
    Returns what prepared.json says. Raises DataError, BadRowsError.
    """
    with new_prepared(folder) as part:
        encoder = Encoder.fit(schema, sources["train"], num_threads=num_threads, rejects=Rejects(bad_rows))
        rejects = {name: Rejects(bad_rows) for name in sources}
        for name, source in sources.items():
            chunks = encoder.encode(source, with_labels=True, num_threads=num_threads, rejects=rejects[name])
            write_examples(part / name / "part-00000.arrow", chunks, len(schema.fields))
        if any(found.num_rejected for found in rejects.values()):
            write_rejects(part / "rejects.parquet", {name: found.batches() for name, found in rejects.items()})
        proof = first_rows(sources.get("valid", sources["train"]), encoder)
        return finish_prepared(
            part,
            encoder,
            proof,
            reading or Reading(),
            engine="embedded",
            rejected={name: found.num_rejected for name, found in rejects.items()},
        )
