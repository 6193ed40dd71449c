"""DuckDB relations and lazy polars frames: run again for each pass, in pieces."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from row_lists import rows_of, schema_of

from manyhot.data import Encoder, Rejects, open_source
from manyhot.errors import DataError
from manyhot.schema import Field


def test_relations_and_lazy_frames_run_again_for_each_pass(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        source = open_source(connection.sql("FROM range(150000) t(i) SELECT i, 'c' || i % 9 AS city, i % 2 AS y"))
        assert source.columns() == ["i", "city", "y"]
        encoder = Encoder.fit(schema_of(Field("city")), source)
        for _ in range(2):
            batches = [batch.batch for batch in source.batches(["city", "i"], Rejects())]
            assert max(batch.num_rows for batch in batches) <= 65_536
            assert pa.Table.from_batches(batches)["i"].to_pylist() == list(range(150_000))
        assert rows_of(encoder.encode(source, with_labels=True), 1)[3] == [[(4, 1.0)]]
    pq.write_table(pa.table({"apps": ["a", "b"], "y": [0, 1]}), tmp_path / "rows.parquet")
    lazy = pl.scan_parquet(tmp_path / "rows.parquet").with_columns(city=pl.col("apps") + "!")
    source = open_source(lazy)
    assert source.columns() == ["apps", "y", "city"]
    for _ in range(2):
        batches = [batch.batch for batch in source.batches(["city"], Rejects())]
        assert pa.Table.from_batches(batches).to_pydict() == {"city": ["a!", "b!"]}


def test_relations_fail_in_one_sentence(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        relation = connection.sql("SELECT error('bang') AS city, 1 AS y FROM range(3)")
        lazy = pl.scan_parquet(tmp_path / "none.parquet").select(city="apps")
        for data in (relation, lazy):
            with pytest.raises(DataError) as caught:
                Encoder.fit(schema_of(Field("city")), open_source(data))
            assert "\n" not in str(caught.value)
