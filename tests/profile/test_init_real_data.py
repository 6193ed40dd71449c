"""manyhot init on real files, and training from what it writes, through the command."""

import json
import tomllib

import pytest
from init_rows import command, init_json

FILES = {
    "criteo": "criteo/criteo_kaggle_a_first10000.tsv.gz",
    "taobao": "taobao-ad-sample/taobao_data_sample_1w.csv.gz",
    "frappe": "frappe/frappe_x1_train_RECONSTRUCTED.csv.gz",
    "movielens": "movielens-latest-small/ratings.csv.gz",
}


@pytest.fixture(scope="module")
def experiments(shared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("init")
    for name in ("criteo", "taobao", "frappe"):
        (folder / f"{name}.json").write_text(
            json.dumps(init_json(shared / "data" / FILES[name], "--out", folder / f"{name}.toml"))
        )
    return folder


def read(experiments, name):
    return tomllib.loads((experiments / f"{name}.toml").read_text()), json.loads(
        (experiments / f"{name}.json").read_text()
    )


@pytest.mark.parametrize("name", ["criteo", "taobao", "frappe"])
def test_it_trains_as_written(experiments, name):
    out = experiments / name
    code, _, err = command(
        "train", experiments / f"{name}.toml", "--set", "training.epochs=1", "--out", out, "--cache", experiments / "c"
    )
    assert code == 0, err
    assert (out / "model.manyhot").stat().st_size > 0
    if name == "frappe":
        assert json.loads((out / "metrics.json").read_text())["valid"]["auc"] > 0.7


def test_taobao_shares_the_vocabularies_of_behaviour_and_advertisement(experiments):
    experiment, said = read(experiments, "taobao")
    fields = experiment["fields"]
    for history, column in (("tag_category_list", "cate_id"), ("tag_brand_list", "brand")):
        assert fields[history]["vocabulary"] == fields[column]["vocabulary"] == column
        assert fields[history]["separators"] == {"pair": "|"}
    assert {(o["smaller"], o["larger"]) for o in said["shared"]} == {
        ("cate_id", "tag_category_list"),
        ("brand", "tag_brand_list"),
    }
    assert experiment["data"]["label"] == "clk"
    assert "nonclk" not in fields and "time_stamp" not in fields and "user_id" in fields
    assert fields["price"]["numeric"][1:] == ["log1p", "minmax"]
    text = (experiments / "taobao.toml").read_text()
    assert "nonclk      is 1 - clk, so it tells the label" in text and '"NULL" in 13.5 %: a token of its own' in text
    assert any("nonclk" in warning for warning in said["warnings"])


def test_criteo_has_its_columns_counts_and_hashes(experiments):
    experiment, said = read(experiments, "criteo")
    kinds = {row["column"]: row["is"] for row in said["columns"]}
    assert kinds.pop("Label") == "label" and kinds.pop("I10") == "token"  # 6 values
    assert {name for name, kind in kinds.items() if kind == "number"} == {f"I{i}" for i in range(1, 14)} - {"I10"}
    assert {name for name, kind in kinds.items() if kind == "token"} == {f"C{i}" for i in range(1, 27)}
    assert experiment["fields"]["I1"] == {"numeric": ["log2_bucket"], "missing": "oov"}
    assert experiment["vocabularies"]["C3"]["min_count"] == 2 and said["shared"] == []


def test_frappe_is_ids_and_has_valid_and_test_beside_it(experiments):
    experiment, _ = read(experiments, "frappe")
    assert experiment["data"]["valid"].endswith("valid.csv.gz") and experiment["data"]["test"].endswith("test.csv.gz")
    assert len(experiment["fields"]) == 10 and all(not options for options in experiment["fields"].values())


def test_a_rating_becomes_a_label_by_sql(shared, tmp_path):
    ratings = shared / "data" / FILES["movielens"]
    code, _, err = command("init", ratings, "--out", tmp_path / "a.toml")
    sql = f"SELECT *, rating >= 4 AS liked FROM '{ratings}'"
    assert code == 0, err
    experiment = tomllib.loads((tmp_path / "a.toml").read_text())
    assert experiment["data"]["train"] == sql and experiment["data"]["label"] == "liked"
    assert set(experiment["fields"]) == {"userId", "movieId"}
    code, _, err = command(
        "train", tmp_path / "a.toml", "--set", "training.epochs=1", "--out", tmp_path, "--cache", tmp_path / "c"
    )
    assert code == 0, err


def test_films_without_a_label_are_a_sentence(shared, tmp_path):
    films = shared / "data/movielens-latest-small/movies.csv.gz"
    code, out, err = command("init", films, "--out", tmp_path / "a.toml")
    assert code == 2 and "none can be the label" in err and out == "" and list(tmp_path.iterdir()) == []
