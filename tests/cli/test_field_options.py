"""Options of tokens from the experiment file to the scores."""

from pathlib import Path

import in_process
import manyhot as mh
from manyhot.schema import load_experiment

EXPERIMENT = """
[data]
train = "train.csv"
valid = "train.csv"
label = "y"
[vocabularies.app]
min_count = 2
oov_buckets = 4
[vocabularies.city]
oov = "drop"
[vocabularies.app_city]
min_count = 2
[fields.city_x_hour]
cross = ["city", "hour"]
[fields.app_city]
cross = ["apps", "city"]
[fields.apps]
vocabulary = "app"
separators = { weight = ":" }
max_pairs = 2
[fields.city]
missing = "token"
[fields.hour]
numeric = ["bucket(6, 12)"]
[model]
name = "fm"
embedding_dim = 2
[training]
epochs = 1
"""
ROWS = ["y,apps,city,hour", '1,"a:1,b:2,c:3",rome,3', '0,"a:1,b:-5",,9', '0,"b:1,a:1,c:1,d:1",rome,', "1,,oslo,20"]


def manyhot(*arguments: str, cwd: Path) -> str:
    done = in_process.manyhot(*arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_options_are_told_by_train_and_inspect_and_live_in_the_model(tmp_path: Path) -> None:
    (tmp_path / "e.toml").write_text(EXPERIMENT)
    (tmp_path / "train.csv").write_text("\n".join(ROWS) + "\n")
    for run in ("encoded", "reused"):
        told = manyhot("train", "e.toml", "--out", run, cwd=tmp_path)
        assert f"train {run}: 4 examples" in told
        assert 'train: max_pairs of field "apps" cut 3 pairs from 2 bags' in told
        assert 'valid: max_pairs of field "apps" cut 3 pairs from 2 bags' in told
    shown = manyhot("inspect", "encoded/model.manyhot", cwd=tmp_path)
    for words in ("city x hour", "hash_buckets = 100000", "oov_buckets = 4", 'oov = "drop"', "max_pairs = 2"):
        assert words in " ".join(shown.split()), shown
    encoder = mh.load(tmp_path / "encoded/model.manyhot").encoder
    said = load_experiment(tmp_path / "e.toml").schema.to_dict(complete=True)
    assert encoder.schema.to_dict(complete=True) == said
    assert {name: vocabulary.size for name, vocabulary in encoder.vocabularies.items()} == {
        "city_x_hour": 100_001,
        "app_city": 2,  # b|rome; without the cap a|rome and c|rome would be seen twice as well
        "app": 1 + 2 + 4,
        "city": 4,
        "hour": 4,
    }
