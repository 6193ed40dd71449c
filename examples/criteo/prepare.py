"""Splits the raw Criteo display-advertising file by its order, which is time: the last fifth is the test set.

    python examples/criteo/prepare.py RAW.tsv[.gz] OUT

RAW has no header: Label, I1..I13, C1..C26, tab-separated. Writes OUT/train.parquet and OUT/test.parquet.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

NUMBERS = [f"I{i}" for i in range(1, 14)]
CATEGORIES = [f"C{i}" for i in range(1, 27)]


def main(raw: str, out: str) -> None:
    rows = pacsv.read_csv(
        raw,
        read_options=pacsv.ReadOptions(column_names=["Label", *NUMBERS, *CATEGORIES]),
        parse_options=pacsv.ParseOptions(delimiter="\t"),
        convert_options=pacsv.ConvertOptions(
            column_types={
                "Label": pa.int8(),
                **dict.fromkeys(NUMBERS, pa.int64()),
                **dict.fromkeys(CATEGORIES, pa.string()),
            },
            strings_can_be_null=True,
        ),
    )
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    cut = rows.num_rows * 4 // 5
    pq.write_table(rows.slice(0, cut), folder / "train.parquet")
    pq.write_table(rows.slice(cut), folder / "test.parquet")
    print(f"{cut:,} rows to train, {rows.num_rows - cut:,} to test, in {folder}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
