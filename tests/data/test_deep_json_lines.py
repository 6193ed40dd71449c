"""Lines of JSON nested to any depth are bad rows, also where the decoder just reaches the bottom."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhot.data import Encoder, Rejects, open_source
from manyhot.errors import BadRowsError, DataError
from manyhot.schema import Field, Schema

SHAPES = {
    "a weight": '{{"y": 1, "apps": {{"t": {deep}}}}}',
    "a pair's weight": '{{"y": 1, "apps": [["t", {deep}]]}}',
    "a token": '{{"y": 1, "apps": [{deep}]}}',
    "a value": '{{"y": 1, "apps": {deep}}}',
    "objects": '{{"y": 1, "apps": {{"t": {objects}}}}}',
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_depth_is_one_bad_row(shape: str, tmp_path: Path) -> None:
    depths = [1, 2, 60, *range(900, 1030), 100_000]
    with (tmp_path / "t.jsonl").open("w") as file:
        for depth in depths:
            deep, objects = "[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth
            file.write(SHAPES[shape].format(deep=deep, objects=objects) + "\n")
    rejects = Rejects()
    with pytest.raises(BadRowsError) as caught:
        Encoder.fit(Schema(label="y", fields=[Field("apps")]), open_source(tmp_path / "t.jsonl"), rejects=rejects)
    assert caught.value.num_read == len(depths)
    assert caught.value.num_rejected >= len(depths) - 2  # [] and [[]] may be empty bags
    assert all(len(sentence) < 400 for sentence in caught.value.first)


def test_a_key_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"y": 1, "a\\u0000": 2}\n')
    with pytest.raises(DataError, match=r't\.jsonl: the key "a\\u0000" cannot be read'):
        list(open_source(tmp_path / "t.jsonl").batches(["y", "a\0"], Rejects()))
