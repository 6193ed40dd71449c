"""Files: headers, delimiters and formats told from the first lines; siblings; the sample."""

import csv
import gzip
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from init_rows import bags, init_json, label, words

from manyhot.errors import DataError
from manyhot.profile import propose
from manyhot.profile._sample import read_sample

ROWS = 300


def table(seed=1):
    rng = np.random.default_rng(seed)
    tokens = words(rng, 30)
    return {
        "click": label(rng, ROWS).tolist(),
        "city": rng.choice(tokens[:9], ROWS).tolist(),
        "history": ["|".join(bag) for bag in bags(rng, tokens, ROWS)],
        "visits": np.floor(rng.lognormal(1, 1.5, ROWS)).astype(int).tolist(),
    }


def text(columns, delimiter, header):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    if header:
        writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return out.getvalue()


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    delimiter=st.sampled_from([",", "\t", ";"]),
    header=st.booleans(),
    ending=st.sampled_from([".csv", ".tsv", ".txt", ".dat", ""]),
    packed=st.booleans(),
    bom=st.booleans(),
)
def test_header_and_delimiter_are_told(tmp_path_factory, seed, delimiter, header, ending, packed, bom):
    folder, columns = tmp_path_factory.mktemp("files"), table(seed)
    content = ("\ufeff" * bom + text(columns, delimiter, header)).encode()
    name = f"rows{ending}{'.gz' if packed else ''}"
    (folder / name).write_bytes(gzip.compress(content) if packed else content)
    sample = read_sample([name], folder)
    assert sample.has_names == header and sample.is_whole and sample.num_rows == ROWS
    names = list(columns) if header else ["c1", "c2", "c3", "c4"]
    assert sample.table.column_names == names
    kinds = {c.name: c.kind for c in propose([name], folder).columns}
    assert list(kinds.values()) == ["token", "token", "bag", "number"]


def test_a_header_of_numbers_from_zero_is_a_header(tmp_path):
    columns = {str(i): values for i, values in enumerate(table().values())}
    (tmp_path / "rows.csv").write_text(text(columns, ",", True))
    assert read_sample(["rows.csv"], tmp_path).table.column_names == ["0", "1", "2", "3"]


def test_criteos_files_are_known_by_their_look(tmp_path):
    rng = np.random.default_rng(2)
    lines = []
    for _ in range(200):
        numbers = ["" if rng.random() < 0.3 else str(rng.integers(0, 900)) for _ in range(13)]
        lines.append("\t".join([str(rng.integers(0, 2)), *numbers, *(f"{rng.integers(40):08x}" for _ in range(26))]))
    (tmp_path / "train.txt").write_text("\n".join(lines) + "\n")
    sample = read_sample(["train.txt"], tmp_path)
    assert sample.has_names and sample.table.column_names[:3] == ["Label", "I1", "I2"]
    assert propose(["train.txt"], tmp_path).label.column == "Label"


def test_the_sample_is_the_first_rows_and_says_whether_there_are_more(tmp_path):
    for part in range(3):
        pq.write_table(pa.table({"a": np.arange(10) + 10 * part}), tmp_path / f"{part}.parquet")
    sample = read_sample(["*.parquet"], tmp_path, num_rows=15)
    assert sample.table["a"].to_pylist() == list(range(15)) and not sample.is_whole
    assert read_sample(["*.parquet"], tmp_path, num_rows=30).is_whole


def test_valid_and_test_beside_train_are_found(tmp_path):
    for part in ("train", "valid", "test"):
        (tmp_path / f"clicks_{part}.csv").write_text(text(table(), ",", True))
    (tmp_path / "clicks_test_old.csv").write_text("other,columns\n1,2\n")
    assert propose(["clicks_train.csv"], tmp_path).parts == {"valid": "clicks_valid.csv", "test": "clicks_test.csv"}


def test_a_path_is_written_as_the_experiment_file_needs_it(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.csv").write_text(text(table(), ",", True))
    monkeypatch.chdir(tmp_path / "data")
    init_json("rows.csv", "--out", "../experiments/a.toml")
    assert 'train = "../data/rows.csv"' in (tmp_path / "experiments/a.toml").read_text()
    absolute = tmp_path / "data/rows.csv"
    init_json(absolute, "--out", "b.toml")
    assert f"train = {json.dumps(str(absolute))}" in (tmp_path / "data/b.toml").read_text()


@pytest.mark.parametrize("content", ["", "a,b\n"])
def test_a_file_without_rows_is_a_sentence(tmp_path, content):
    (tmp_path / "rows.csv").write_text(content)
    with pytest.raises(DataError, match=r"rows\.csv: "):
        propose(["rows.csv"], tmp_path)


def test_a_column_without_a_name_is_left_out_and_told(tmp_path):
    columns = {"": list(range(ROWS)), **table()}
    (tmp_path / "rows.csv").write_text(text(columns, ",", True))
    proposal = propose(["rows.csv"], tmp_path)
    assert "" not in proposal.schema.columns and "no name" in proposal.warnings[0]


def test_lines_that_make_no_row_are_told(tmp_path):
    lines = text(table(), ",", True).splitlines()
    lines[7] += ",more"
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    (warning,) = propose(["rows.csv"], tmp_path).warnings
    assert "1 of 300 rows are bad" in warning and "rows.csv:8" in warning and "5 columns" in warning
    (tmp_path / "all.csv").write_text("label,a\n" + "1,2,3\n" * 9)
    with pytest.raises(DataError, match="9 of 9 rows are bad"):
        propose(["all.csv"], tmp_path)
