"""Rows many times as large as the memory they are trained in.

    python benchmarks/larger_than_memory.py FOLDER [--rows 20000000] [--limit-mib 1024]

Writes click rows to FOLDER as Parquet, once: 16 columns of ids and a list of ten weighted ids, 250 bytes a row in
memory. Then runs `manyhot train` on them in a process whose data segment is limited (RLIMIT_DATA: what the process
allocates; pages of mapped files are not counted, the system takes them back at will), and prints when each stage ended
and the memory at its highest.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS, PAIRS, AT_ONCE = 16, 10, 500_000
EXPERIMENT = """
[data]
train = "train.parquet"
valid = "valid.parquet"
label = "clicked"
{more}
{fields}
[vocabularies.app]
max_size = 200_000
[fields.apps]
vocabulary = "app"
weights = "app_weights"
[model]
name = "deepfm"
embedding_dim = 4
hidden_units = [16]
[training]
epochs = 1
"""


def rows(rng: np.random.Generator, count: int) -> pa.Table:
    """Ids of log-uniform rank, a label that depends on three of them."""
    ranks = {f"id{i}": np.exp(rng.random(count) * np.log(10 * 2**i)).astype(np.int64) for i in range(COLUMNS)}
    score = sum(np.sin(ranks[f"id{i}"] * (i + 1)) for i in (3, 7, 11))
    lengths = np.full(count, PAIRS)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    apps = np.exp(rng.random(count * PAIRS) * np.log(300_000)).astype(np.int64)
    weights = rng.random(count * PAIRS, np.float32)
    return pa.table(
        {
            "clicked": (rng.random(count) < 1 / (1 + np.exp(1.5 - score))).astype(np.int8),
            **ranks,
            "apps": pa.ListArray.from_arrays(offsets, pa.array(apps)),
            "app_weights": pa.ListArray.from_arrays(offsets, pa.array(weights)),
        }
    )


def write(path: Path, count: int, seed: int) -> int:
    """The file; returns the bytes of its rows in memory."""
    rng, size, writer = np.random.default_rng(seed), 0, None
    for first in range(0, count, AT_ONCE):
        table = rows(rng, min(AT_ONCE, count - first))
        size += table.nbytes
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    assert writer is not None
    writer.close()
    return size


def watch(process: subprocess.Popen[str], peaks: dict[str, int]) -> None:
    """Reads the highest of the process's memory figures, in KiB, until it ends."""
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
            for key in ("VmRSS", "RssAnon", "VmData"):
                peaks[key] = max(peaks.get(key, 0), int(lines[key].split()[0]))
        except (OSError, KeyError):
            pass
        time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--limit-mib", type=int, default=1024)
    parser.add_argument("--sql", action="store_true", help="read the rows by a SQL query")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / f"{arguments.rows}").exists():
        size = write(folder / "train.parquet", arguments.rows, 1)
        write(folder / "valid.parquet", 100_000, 2)
        (folder / f"{arguments.rows}").write_text(str(size))
    size = int((folder / f"{arguments.rows}").read_text())
    print(f"{arguments.rows:,} rows: {size / 2**30:.2f} GiB in memory, limit {arguments.limit_mib / 1024:.2f} GiB")
    fields = "".join(f"[fields.id{i}]\n" for i in range(COLUMNS))
    more = f'memory_limit = "{arguments.limit_mib // 4}MiB"'
    experiment = EXPERIMENT.format(fields=fields, more=more)
    if arguments.sql:
        experiment = experiment.replace('"train.parquet"', "\"SELECT * FROM 'train.parquet'\"")
    (folder / "experiment.toml").write_text(experiment)
    limit = arguments.limit_mib << 20
    started = time.perf_counter()
    command = [sys.executable, "-m", "manyhot.cli", "train", "experiment.toml", "--out", "out", "--cache", "cache"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        text=True,
        stderr=subprocess.STDOUT,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)),
    )
    peaks: dict[str, int] = {}
    watcher = threading.Thread(target=watch, args=(process, peaks))
    watcher.start()
    assert process.stdout is not None
    for line in process.stdout:
        print(f"{time.perf_counter() - started:7.1f} s  {line.rstrip()}", flush=True)
    watcher.join()
    sizes = {key: f"{value / 2**20:.2f} GiB" for key, value in peaks.items()}
    print(f"exit {process.returncode} after {time.perf_counter() - started:.0f} s; at the highest: resident "
          f"{sizes.get('VmRSS')} (mapped files included), of it its own {sizes.get('RssAnon')}; data segment "
          f"{sizes.get('VmData')}")  # fmt: skip
    sys.exit(process.returncode)


if __name__ == "__main__":
    main()
