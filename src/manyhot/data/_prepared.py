"""Prepared: a folder with all that training needs of the data, made beforehand by this or by another engine.

encoder.safetensors    vocabularies and transforms
train/part-*.arrow     Examples; valid/ and test/ likewise, where there are such rows
proof.arrow            the first raw rows, which a model file keeps
prepared.json          what is in the folder: versions, counts, fingerprints; written last
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from manyhot.errors import ConfigError, DataError
from manyhot.schema import Part, Reading, Schema, convert
from manyhot.storage import VERSION, open_regular, read_json, whole_folder

from ._batches import Rejects
from ._encoder import Encoder
from ._encoder_file import ENCODING, load_encoder, save_encoder
from ._examples import Examples
from ._schema_difference import data_schema, schema_difference
from .sources import Source, as_source

__all__ = ["Prepared", "finish_prepared", "first_rows", "new_prepared"]

PARTS: tuple[Part, ...] = ("train", "valid", "test")
_DESCRIPTION, _ENCODER, _PROOF = "prepared.json", "encoder.safetensors", "proof.arrow"
_PROOF_ROWS = 256


@dataclass(frozen=True)
class Prepared:
    """encoder; examples of "train" and maybe of "valid" and "test"; proof: the first raw rows; reading: how the files
    were read that they come from."""

    encoder: Encoder
    examples: dict[str, Examples]
    proof: pa.Table
    reading: Reading

    @classmethod
    def open(cls, folder: Path, schema: Schema) -> Prepared:
        """Maps a folder that was prepared by this schema (combiners may differ: they come after encoding).

        Raises DataError where it was prepared by another schema or version, or is damaged.
        """
        description = _described(folder)
        if description.get("encoding") != ENCODING:
            by = str(description.get("manyhot"))[:20]
            raise DataError(f"{folder}: was prepared by manyhot {by} in another format; prepare it anew")
        encoder, _, _ = load_encoder(folder / _ENCODER)
        difference = schema_difference(schema, encoder.schema)
        if difference is not None:
            raise DataError(f"{folder}: was prepared by another schema ({difference}); prepare it anew")
        if encoder.fingerprint() != description["encoder"]:
            raise DataError(f"{folder}: {_ENCODER} is not the one that encoded these rows; prepare them anew")
        examples = {}
        for name, counts in description["parts"].items():
            examples[name] = Examples.open(folder / name).kept_within(None)
            found = examples[name].num_rows
            if found != counts["rows"] or examples[name].num_fields != len(schema.fields):
                raise DataError(
                    f"{folder / name}: holds {found:,} examples instead of {counts['rows']:,}; prepare them anew"
                )
        proof, reading = _read(folder / _PROOF), _read_reading(folder / _DESCRIPTION, description)
        _check_proof(folder / _PROOF, encoder, proof)
        return cls(encoder.with_schema(schema), examples, proof, reading)


@contextmanager
def new_prepared(folder: Path) -> Iterator[Path]:
    """A place to prepare rows in, which becomes `folder` when all is well; an older prepared folder is replaced.

    Raises DataError where `folder` is something else, or cannot be written.
    """
    if (
        folder.exists()
        and not (folder / _DESCRIPTION).is_file()
        and not (folder.is_dir() and not any(folder.iterdir()))
    ):
        raise DataError(f"{folder}: is there already and holds no prepared rows; name another folder")
    try:
        with whole_folder(folder) as part:
            yield part
    except OSError as error:
        raise DataError(f"{folder}: cannot write prepared rows: {error.strerror or error}") from None


def finish_prepared(
    part: Path,
    encoder: Encoder,
    proof: pa.Table,
    reading: Reading,
    *,
    engine: str,
    rejected: Mapping[Part, int] | None = None,
) -> dict[str, Any]:
    """Adds to the Examples that lie in `part` already all the rest; what prepared.json says.

    rejected: how many rows of each part were left out. Raises DataError where a part has no rows.
    """
    parts = {}
    for name in PARTS:
        if (part / name).is_dir():
            examples = Examples.open(part / name)
            if not examples.num_rows:
                raise DataError(f"{name} holds no rows")
            parts[name] = {
                "rows": examples.num_rows,
                "pairs": examples.num_pairs,
                "rejected": (rejected or {}).get(name, 0),
            }
    save_encoder(part / _ENCODER, encoder)
    with pa.OSFile(str(part / _PROOF), "wb") as sink, pa.ipc.new_file(sink, proof.schema) as writer:
        writer.write_table(proof)
    description = {
        "manyhot": VERSION,
        "encoding": ENCODING,
        "engine": engine,
        "schema": hashlib.sha256(json.dumps(data_schema(encoder.schema)).encode()).hexdigest(),
        "encoder": encoder.fingerprint(),
        "reading": msgspec.to_builtins(reading),
        "parts": parts,
        "vocabularies": {name: v.size for name, v in encoder.vocabularies.items()},
    }
    (part / _DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n")
    return description


def first_rows(source: Source, encoder: Encoder) -> pa.Table:
    """The first good rows of a source, raw, 256 at most, for a model file to keep. Raises DataError where there are
    none."""
    for batch in source.batches(encoder.schema.columns, Rejects()):
        good = encoder.without_bad_rows(batch).batch
        if good.num_rows:
            return pa.Table.from_batches([good.slice(0, _PROOF_ROWS)])
    raise DataError(f"{source.name}: holds no rows")


def _described(folder: Path) -> dict[str, Any]:
    path = folder / _DESCRIPTION
    if not path.is_file():
        raise DataError(f"{folder}: holds no prepared rows; make them with `manyhot prepare`")
    try:
        with open_regular(path) as file:
            description: dict[str, Any] = read_json(file.read())
        if not isinstance(description, dict) or not {"parts", "encoder", "reading"} <= description.keys():
            raise ValueError("it says too little")
        # Their names are those of folders: one that leads elsewhere is not followed.
        if not isinstance(description["parts"], dict) or not set(PARTS) >= description["parts"].keys():
            raise ValueError(f"its parts are none of {', '.join(PARTS)}")
        if "train" not in description["parts"]:
            raise ValueError("it has no part train")
        if not all(
            isinstance(counts, dict) and type(counts.get("rows")) is int for counts in description["parts"].values()
        ):
            raise ValueError("a part lacks its number of rows")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: is damaged: {error}; prepare the rows anew") from None
    return description


def _read_reading(path: Path, description: dict[str, Any]) -> Reading:
    try:
        return convert(description["reading"], Reading, "reading")
    except ConfigError as error:
        raise DataError(f"{path}: is damaged: {error}; prepare the rows anew") from None


def _read(path: Path) -> pa.Table:
    try:
        with pa.ipc.open_file(str(path)) as file:
            table = file.read_all()
        table.validate(full=True)
        _ = table.column_names  # one that is not UTF-8 shows when it is asked for
        return table
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: is damaged: {error}; prepare the rows anew") from None


def _check_proof(path: Path, encoder: Encoder, proof: pa.Table) -> None:
    """Raises DataError where these rows cannot be encoded: a training would find that out at its end."""
    if not 0 < proof.num_rows <= _PROOF_ROWS:
        raise DataError(f"{path}: is damaged: it holds {proof.num_rows:,} rows; prepare the rows anew")
    try:
        for batch in as_source(proof).batches(encoder.schema.columns, Rejects()):
            _, reasons = encoder.encode_batch(batch, with_labels=False)
            for row, why in reasons.items():
                raise DataError(f"row {row + 1}: {why}")
    except DataError as error:
        raise DataError(f"{path}: is damaged: {error}; prepare the rows anew") from None
