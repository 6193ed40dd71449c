"""A score that is not a number is an error that names the row, never a value in a file."""

import pytest

import manyhot as mh


def test_weights_that_overflow_the_model_are_named_by_row(tmp_path):
    schema = mh.Schema(label="y", fields=[mh.Field("a", combiner="sum", separators=mh.Separators(weight=":"))])
    rows = {"y": [0, 1] * 8, "a": ["x:1,z:1", "x:1"] * 8}
    run = mh.train(schema, mh.FM(embedding_dim=2), train=rows, training=mh.TrainingConfig(epochs=1))
    run.save(tmp_path / "m")
    scorer = mh.load(tmp_path / "m")
    with pytest.raises(mh.DataError, match="row 2: the model scores NaN"):
        scorer.score({"a": ["x:1", "x:1e30,z:1e30"]})
    with pytest.raises(mh.DataError, match="row 1: the model scores NaN"):
        scorer.evaluate({"y": [1], "a": ["x:1e30,z:1e30"]})
