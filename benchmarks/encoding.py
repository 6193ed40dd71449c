"""How fast rows become ids: Encoder.fit and Encoder.encode, one after the other, the encoded rows held in memory.

    python benchmarks/encoding.py FOLDER [--rows 1000000] [--runs 5] [--config examples/criteo/fields39.toml] [--json]

The rows are simulated, the same ones each time, and kept in FOLDER: Criteo's columns (13 numbers, 26 hexadecimal tokens
with Criteo's vocabulary sizes up to 300,000 and its shares of missing values) and lists of app:weight. A number is the
median of the runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from manyhot.data import Encoder, Examples, Source, open_source
from manyhot.schema import Field, Reading, Schema, Separators, Vocabulary, load_experiment

SIZES = [1460, 583, 300_000, 300_000, 305, 24, 12_517, 633, 3, 93_145, 5683, 300_000, 3194, 27, 14_992, 300_000, 10]
SIZES += [5652, 2173, 4, 300_000, 18, 15, 286_181, 105, 142_572]
MISSING_NUMBERS = [0.45, 0, 0.21, 0.22, 0.03, 0.22, 0.04, 0, 0.04, 0.45, 0.04, 0.76, 0.22]
MISSING_TOKENS = {3: 0.03, 4: 0.03, 6: 0.12, 12: 0.03, 16: 0.03, 19: 0.44, 20: 0.44, 22: 0.76, 25: 0.44, 26: 0.44}
NAMES = ["Label", *(f"I{i}" for i in range(1, 14)), *(f"C{i}" for i in range(1, 27))]
CASES = ("criteo tsv", "criteo parquet", "apps tsv", "apps csv", "apps parquet")
APPS = Schema(label="Label", fields=[Field("apps", Vocabulary("app", min_count=4), separators=Separators(weight=":"))])


def draw(rng: np.random.Generator, words: list[str], count: int, missing: float = 0) -> pa.Array:
    """Words by ranks that are log-uniform, which is about Zipf's law."""
    ranks = np.exp(rng.random(count) * np.log(len(words))).astype(np.int32) % len(words)
    ranks = pa.array(ranks, mask=rng.random(count) < missing)
    return pa.DictionaryArray.from_arrays(ranks, words).cast(pa.string())


def clicks(rng: np.random.Generator, rows: int) -> pa.Table:
    columns = [pa.array((rng.random(rows) < 0.25).astype(np.int8))]
    for missing in MISSING_NUMBERS:
        numbers = np.exp(rng.normal(2, 2, rows)).astype(np.int64)
        columns.append(pa.array(numbers, mask=rng.random(rows) < missing))
    for i, size in enumerate(SIZES, 1):
        words = [f"{(w * 2654435761 + i * 40503) % 2**32:08x}" for w in range(size)]
        columns.append(draw(rng, words, rows, MISSING_TOKENS.get(i, 0)))
    return pa.table(columns, NAMES)


def app_lists(rng: np.random.Generator, rows: int) -> pa.Table:
    lengths = rng.geometric(1 / 20, rows)
    count = int(lengths.sum())
    apps = draw(rng, [f"app{w * 7919 % 100_003}" for w in range(100_000)], count)
    weights = draw(rng, [f"{w / 100:.2f}" for w in range(1, 101)], count)
    pairs = pc.binary_join_element_wise(apps, weights, ":")
    lists = pa.ListArray.from_arrays(pa.array(np.append(0, np.cumsum(lengths)), pa.int32()), pairs)
    return pa.table({"Label": (rng.random(rows) < 0.25).astype(np.int8), "apps": pc.binary_join(lists, ",")})


def make(folder: Path, rows: int) -> dict[str, Path]:
    """The file of each case; written where it is not there."""
    paths = {case: folder / f"{rows}-{case.replace(' ', '.')}" for case in CASES}
    for name, maker in (("criteo", clicks), ("apps", app_lists)):
        wanted = {case.split()[1]: path for case, path in paths.items() if case.startswith(name)}
        if all(path.exists() for path in wanted.values()):
            continue
        folder.mkdir(parents=True, exist_ok=True)
        table = maker(np.random.default_rng(7), rows)
        for ending, path in wanted.items():
            if ending == "parquet":
                pq.write_table(table, path)
                continue
            quotes, delimiter = ("needed", ",") if ending == "csv" else ("none", "\t")  # "needed" is every text
            options = pacsv.WriteOptions(include_header=False, delimiter=delimiter, quoting_style=quotes)
            pacsv.write_csv(table, path, options)
    return paths


def measure(schema: Schema, source: Source) -> tuple[float, float]:
    """Seconds to fit, seconds to encode."""
    start = time.perf_counter()
    encoder = Encoder.fit(schema, source)
    fitted = time.perf_counter()
    examples = Examples(encoder.encode(source, with_labels=True), len(schema.fields))
    done = time.perf_counter()
    if not examples.num_pairs:
        raise SystemExit("nothing was encoded")
    return fitted - start, done - fitted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cases", default=",".join(CASES), help="comma-separated")
    parser.add_argument("--config", type=Path, default=Path(__file__).parents[1] / "examples/criteo/fields39.toml")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    paths, criteo = make(chosen.folder, chosen.rows), load_experiment(chosen.config).schema
    results = {}
    for case in chosen.cases.split(","):
        schema, names = (criteo, NAMES) if case.startswith("criteo") else (APPS, ["Label", "apps"])
        source = open_source(paths[case], reading=Reading(columns=names))
        times = [measure(schema, source) for _ in range(chosen.runs)]
        fit, encode = (statistics.median(part) for part in zip(*times, strict=True))
        text = paths[f"{case.split()[0]} tsv"].stat().st_size / 1e6  # of the same rows, as plain text
        both = fit + encode
        results[case] = {"fit_s": fit, "encode_s": encode, "rows_s": chosen.rows / both, "text_mb_s": text / both}
    cpus = len(os.sched_getaffinity(0))
    machine = f"{platform.processor() or platform.machine()}, {cpus} cores, Python {platform.python_version()}"
    if chosen.json:
        print(json.dumps({"machine": machine, "rows": chosen.rows, "runs": chosen.runs, "results": results}))
        return
    print(f"{machine}; {chosen.rows:,} rows, median of {chosen.runs}")
    print(f"{'':16}{'fit':>9}{'encode':>9}{'both, rows/s':>15}{'text MB/s':>11}")
    for name, r in results.items():
        print(f"{name:16}{r['fit_s']:8.2f}s{r['encode_s']:8.2f}s{r['rows_s']:15,.0f}{r['text_mb_s']:11.1f}")


if __name__ == "__main__":
    main()
