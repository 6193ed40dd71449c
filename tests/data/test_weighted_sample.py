"""The real libffm files of a field-weighted data set: fitted, encoded exactly, and trained by the command."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import line_oracle
import numpy as np
from row_lists import encode, fit, rows_of, tokens_of

import in_process
import manyhot
from manyhot.schema import Field, Schema

FOLDER = Path("data") / "xdeepfm-field-weighted-sample"


def test_every_pair_of_the_real_file(shared: Path) -> None:
    path = shared / FOLDER / "train.userid.txt.gz"
    lines, bad = line_oracle.read("libffm", gzip.decompress(path.read_bytes()))
    fields = sorted({name for line in lines.values() for name in line.bags}, key=int)
    assert (len(lines), len(bad), len(fields)) == (200, 0, 33)
    schema = Schema(label="label", fields=(*map(Field, fields), Field("comment")))
    encoder = fit(schema, path, format="libffm")
    chunks = encode(encoder, path, with_labels=True, format="libffm")
    assert np.concatenate([c.labels for c in chunks if c.labels is not None]).tolist() == [
        float(line.values["label"]) for line in lines.values()
    ]
    names = {field.name: tokens_of(encoder, field.name) for field in schema.fields}
    for line, row in zip(lines.values(), rows_of(chunks, len(schema.fields)), strict=True):
        for field, bag in zip(fields, row, strict=False):
            expected = [(token, weight) for token, weight in line.bags.get(field, []) if weight != 0]
            assert [(names[field][i], weight) for i, weight in bag] == expected
        assert names["comment"][row[-1][0][0]] == line.values["comment"]


def test_the_command_trains_on_them(shared: Path, tmp_path: Path) -> None:
    fields = "".join(f"[fields.{i}]\n" for i in range(1, 34))
    (tmp_path / "experiment.toml").write_text(
        f'[data]\ntrain = "{shared.resolve() / FOLDER}/train.userid.txt.gz"\n'
        f'valid = "{shared.resolve() / FOLDER}/test.userid.txt.gz"\n'
        f'format = "libffm"\nlabel = "label"\n{fields}[training]\nepochs = 2\nbatch_size = 50\n'
    )
    done = in_process.manyhot("train", "experiment.toml", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["examples"] == 400
    assert 0 < metrics["valid"]["log_loss"] < 2
    scores = manyhot.load(tmp_path / "out" / "model.manyhot").score(shared / FOLDER / "test.userid.txt.gz")
    assert len(scores) == 100
    assert len(np.unique(scores)) > 50
