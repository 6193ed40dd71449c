"""What check reads beside the rows: where they come from, what was missing, what vocabularies were chosen from."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from row_lists import schema_of

from manyhot.data import Counted, ExampleCache, open_source
from manyhot.schema import Field, Vocabulary

SCHEMA = schema_of(Field("a", Vocabulary("v", min_count=2), missing="oov"), Field("b", Vocabulary("v", min_count=2)))


@pytest.mark.parametrize("cached", [False, True])
def test_origins_missing_values_and_counts_from_memory_and_from_the_cache(tmp_path: Path, cached: bool) -> None:
    files = {"1": (["x", None, "y"], ["x", None, None]), "2": (["x", "z"], ["z", "w"])}
    for name, (a, b) in files.items():
        pq.write_table(pa.table({"a": a, "b": b, "y": [0] * len(a)}), tmp_path / f"{name}.parquet")
    source = open_source(str(tmp_path / "*.parquet"))
    store = ExampleCache(tmp_path / "cache" if cached else None)
    for again in (False, True):
        encoder, was_fitted = store.fit(SCHEMA, source)
        examples, was_encoded = store.encode(encoder, source)
        assert (was_fitted, was_encoded) == (cached and again, cached and again)
        said = [(Path(chunk.origin).name, chunk.missing) for chunk in examples.chunks]
        assert said == [("1.parquet", (1, 0)), ("2.parquet", ())]
        # x three times, z twice; y and w once, and so cut
        assert encoder.vocabularies["v"].counted == Counted(distinct=4, occurrences=7, kept=2, kept_occurrences=5)
