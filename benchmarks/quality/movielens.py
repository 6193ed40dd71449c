"""What sharing, weights and pairs inside a list bring on real lists: MovieLens by time, the default DeepFM with one
thing changed at a time, test AUC and log loss over several seeds.

    python benchmarks/quality/movielens.py --data DIR [--seeds 1,2,3,4,5] [--sets movielens]

Films a user liked and disliked before are two weighted lists on the vocabulary of the film (examples/movielens).
Without sharing each of the three fields has a vocabulary of its own; without weights every member of a list counts 1;
pairs = "features" adds the pairs inside a list, which the default leaves out. A line's difference is to the first, with
the standard error over the seeds.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
from defaults import standard_error, trained
from sets import DataSet, Parts, data_sets

import manyhot as mh
from manyhot.schema import ModelConfig, Schema

DEEPFM = mh.DeepFM()


@dataclass(frozen=True)
class Variant:
    """What is trained: a model on a schema, perhaps on rows with something left out."""

    schema: Callable[[Schema], Schema] = lambda schema: schema
    rows: Callable[[pa.Table], pa.Table] = lambda rows: rows
    model: ModelConfig = DEEPFM


def separate(schema: Schema) -> Schema:
    """Each field with a vocabulary of its own, of the same options."""
    fields = [
        msgspec.structs.replace(field, vocabulary=msgspec.structs.replace(field.vocabulary, name=field.name))
        for field in schema.fields
    ]
    return Schema(label=schema.label, fields=tuple(fields))


def unweighted(rows: pa.Table) -> pa.Table:
    """Lists of tokens and weights as plain lists of tokens."""
    for number, column in enumerate(rows.schema):
        if pa.types.is_list(column.type) and pa.types.is_struct(column.type.value_type):
            lists = rows.column(number).combine_chunks()
            tokens = pa.ListArray.from_arrays(lists.offsets, lists.values.field("token"))
            rows = rows.set_column(number, column.name, tokens)
    return rows


VARIANTS = {
    "DeepFM": Variant(),
    "  separate vocabularies": Variant(schema=separate),
    "  weights dropped": Variant(rows=unweighted),
    "  pairs inside a list": Variant(model=mh.DeepFM(pairs="features")),
    "FM": Variant(model=mh.FM()),
    "  FM, pairs inside a list": Variant(model=mh.FM(pairs="features")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--sets", default="movielens")
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    for name in arguments.sets.split(","):
        data_set = data_sets(arguments.data)[name]
        parts = {seed: data_set.parts(seed) for seed in seeds}
        print(f"\n{name}, {len(seeds)} seeds\n{'':24} {'test AUC':17} {'difference':19} {'log loss':17} difference")
        first: dict[str, list[float]] = {}
        for variant_name, variant in VARIANTS.items():
            found = run(data_set, variant, parts, arguments.threads)
            first = first or found
            cells = []
            for key in ("auc", "log_loss"):
                gains = [a - b for a, b in zip(found[key], first[key], strict=True)]
                cells.append(f"{statistics.mean(found[key]):.4f} +- {standard_error(found[key]):.4f} ")
                cells.append(f"{statistics.mean(gains):+.4f} +- {standard_error(gains):.4f} ")
            print(f"{variant_name:24} {''.join(f'{cell:19}' for cell in cells)}", flush=True)


def run(data_set: DataSet, variant: Variant, parts: dict[int, Parts], threads: int | None) -> dict[str, list[float]]:
    changed = dataclasses.replace(data_set, schema=variant.schema(data_set.schema))
    found: dict[str, list[float]] = {"auc": [], "log_loss": []}
    for seed, rows in parts.items():
        metrics = trained(changed, variant.model, {k: variant.rows(part) for k, part in rows.items()}, seed, threads)
        for key, values in found.items():
            values.append(metrics[key] or 0.0)
    return found


if __name__ == "__main__":
    main()
