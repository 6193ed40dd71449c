"""init_from: rows start as those of the same tokens in another model's file; whatever is not known there is fresh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from clicks import SCHEMA, TRAIN, frame

import manyhot as mh
from manyhot.kernels import Tokens
from manyhot.model_file import SavedModel, load_model

# A step that is 0 in float32: what comes out of a training is what it started from.
STILL = mh.TableOptimizer(optimizer="sgd", learning_rate=1e-60)
FNN = mh.ModelConfig(name="fnn", embedding_dim=4, hidden_units=(6,))
FFM = mh.ModelConfig(name="ffm", embedding_dim=4)


def trained(model: mh.ModelConfig, data: dict[str, Any], schema: mh.Schema = SCHEMA, **options: Any) -> mh.Run:
    said: list[str] = []
    training = msgspec.structs.replace(mh.TrainingConfig(batch_size=64, epochs=1, threads=1), **options)
    run = mh.train(schema, model, train=data, training=training, on_stage=said.append)
    assert any("taken over" in text for text in said) == (training.init_from is not None)
    return run


def saved(folder: Path, model: mh.ModelConfig, data: dict[str, Any] = TRAIN, schema: mh.Schema = SCHEMA) -> str:
    path = folder / f"{model.name}.manyhot"
    trained(model, data, schema, tables=mh.TableOptimizer(learning_rate=0.3)).save(path)
    return str(path)


def row(model: SavedModel, vocabulary: str, token: str) -> tuple[int, np.ndarray]:
    """The id of a token and its numbers, latent and linear."""
    data = np.frombuffer(token.encode(), np.uint8)
    one = Tokens(data, np.zeros(1, np.int64), np.array([len(data)], np.int32))
    number = int(model.encoder.vocabularies[vocabulary].lookup(one)[0])
    tables = model.network.tables
    return number, np.append(tables.latent(vocabulary)[number], tables.linear(vocabulary)[number])


def test_an_fnn_starts_from_the_rows_of_an_fm(tmp_path):
    """The FM has seen the apps 0 to 14 and the cities 0 and 1; the FNN's rows hold all, in another order of ids."""
    few = {**TRAIN, "candidate": [f"app{int(app[3:]) % 15}" for app in TRAIN["candidate"]]}
    few |= {"apps": [[app for app in bag if int(app[3:]) < 15] for bag in TRAIN["apps"]]}
    few |= {"minutes": [[1.0] * len(bag) for bag in few["apps"]]}
    few |= {"city": [city if city < "city2" else None for city in TRAIN["city"]]}
    path = saved(tmp_path, mh.FM(embedding_dim=4), few)
    fm = load_model(Path(path))
    warm, cold = (trained(FNN, frame(9), tables=STILL, init_from=start).saved for start in (path, None))
    universe = [("app", f"app{i}") for i in range(25)] + [("city", f"city{i}") for i in range(4)] + [("age", "age")]
    taken = 0
    for vocabulary, token in universe:
        number, ours = row(warm, vocabulary, token)
        known, theirs = row(fm, vocabulary, token)
        assert number != 0
        taken += known != 0
        np.testing.assert_array_equal(ours, theirs if known else row(cold, vocabulary, token)[1], err_msg=token)
        assert ours[-1] != 0 or not known  # fresh linear weights are 0
    assert taken == 15 + 2 + 1
    for vocabulary in ("app", "city", "age"):  # OOV is OOV
        np.testing.assert_array_equal(
            warm.network.tables.latent(vocabulary)[0], fm.network.tables.latent(vocabulary)[0]
        )
    dense, fresh = warm.network.state_dict(), cold.network.state_dict()
    assert any(not dense[name].equal(fresh[name]) for name in dense)  # the loss was another


def test_it_says_how_many_rows_were_taken(tmp_path):
    path, said = saved(tmp_path, mh.FM(embedding_dim=4)), []
    wider = msgspec.structs.replace(SCHEMA, fields=(*SCHEMA.fields, mh.Field("day")))
    data = {**TRAIN, "city": ["new", *TRAIN["city"][1:]], "day": ["mon", "tue"] * 150}
    mh.train(wider, FNN, train=data, training=mh.TrainingConfig(epochs=1, init_from=path), on_stage=said.append)
    assert said[-1] == f"rows taken over from {path}: app 26 of 26, city 5 of 6, age 2 of 2, day 0 of 3"


def test_a_model_that_goes_on_from_itself_scores_what_it_scored(tmp_path):
    """Rows are all that MVM's fresh biases meet: with the same seed the score is that of the file."""
    config = mh.ModelConfig(name="mvm", embedding_dim=4)
    still = mh.DenseOptimizer(optimizer="sgd", learning_rate=1e-60)
    first = trained(config, TRAIN, tables=mh.TableOptimizer(learning_rate=0.3), dense=still)
    first.save(tmp_path / "mvm.manyhot")
    again = trained(config, TRAIN, tables=STILL, dense=still, init_from=str(tmp_path / "mvm.manyhot"))
    np.testing.assert_array_equal(again.saved.proof_probabilities, first.saved.proof_probabilities)


@pytest.mark.parametrize(("old", "new"), [(mh.LR(), FNN), (FNN, mh.LR())])
def test_a_model_without_latent_rows_gives_and_takes_linear_weights(tmp_path, old, new):
    path = saved(tmp_path, old)
    warm, theirs = trained(new, TRAIN, tables=STILL, init_from=path).saved, load_model(Path(path))
    cold = trained(new, TRAIN, tables=STILL).saved
    for name in theirs.encoder.vocabularies:
        np.testing.assert_array_equal(warm.network.tables.linear(name), theirs.network.tables.linear(name))
        np.testing.assert_array_equal(warm.network.tables.latent(name), cold.network.tables.latent(name))
        assert warm.network.tables.linear(name).any()


KINDS: dict[str, dict[str, Any]] = {
    "counted": {},
    "counted, buckets": {"max_size": 3, "oov_buckets": 4},
    "hashed": {"hash_buckets": 7},
    "hashed otherwise": {"hash_buckets": 9},
    "numbered": {"identity": 12},
    "numbered less": {"identity": 5, "oov_buckets": 4},
}


UNIVERSE = [str(i) for i in range(12)]
DIGITS = {"y": [0, 1] * 10, "n": [str(i % 10) for i in range(20)]}


def digits(kind: str) -> mh.Schema:
    return mh.Schema(label="y", fields=(mh.Field("n", mh.Vocabulary("n", **KINDS[kind])),))


@pytest.fixture(scope="module")
def old_files(tmp_path_factory) -> dict[str, str]:
    config = mh.FM(embedding_dim=4)
    return {kind: saved(tmp_path_factory.mktemp("old"), config, DIGITS, digits(kind)) for kind in KINDS}


def own_rows(model: SavedModel, kind: str) -> dict[str, int]:
    """The ids of tokens that a vocabulary knows, buckets of unknown ones left out."""
    num_known = model.network.tables.layout.num_rows - KINDS[kind].get("oov_buckets", 0)
    return {token: number for token in UNIVERSE if 0 < (number := row(model, "n", token)[0]) < num_known}


@pytest.mark.parametrize("new", KINDS)
def test_rows_are_those_of_the_token_however_ids_are_given(old_files, new):
    cold = trained(FNN, DIGITS, digits(new), tables=STILL).saved
    for old, path in old_files.items():
        warm, theirs = trained(FNN, DIGITS, digits(new), tables=STILL, init_from=path).saved, load_model(Path(path))
        expected, before = cold.network.tables.weights(), theirs.network.tables.weights()
        expected[0] = before[0]
        if "hashed" in new:  # a row is of many tokens, and of the same ones in as many buckets alone
            expected = before if old == new else expected
        else:
            known = own_rows(theirs, old)
            for token, number in own_rows(cold, new).items():
                expected[number] = before[known[token]] if token in known else expected[number]
            if "oov_buckets" in KINDS[new] and "oov_buckets" in KINDS[old]:
                expected[-4:] = before[-4:]
        np.testing.assert_array_equal(warm.network.tables.weights(), expected, err_msg=old)


def test_rare_tokens_of_a_column_start_from_those_of_that_column(tmp_path):
    """The old vocabulary has the columns a and b, the new one b and c."""

    def schema(*names: str) -> mh.Schema:
        vocabulary = mh.Vocabulary("v", min_count=3, oov="column")
        return mh.Schema(label="y", fields=tuple(mh.Field(name, vocabulary) for name in names))

    data = {"y": [0, 1] * 10, **{name: [f"{name}{i}" for i in range(20)] for name in "abc"}}
    path = saved(tmp_path, mh.FM(embedding_dim=4), data, schema("a", "b"))
    before = load_model(Path(path)).network.tables.weights()
    cold, warm = (
        trained(FNN, data, schema("b", "c"), tables=STILL, init_from=start).saved.network.tables.weights()
        for start in (None, path)
    )
    np.testing.assert_array_equal(warm, [before[0], before[2], cold[2]])


@pytest.mark.parametrize("same", [True, False])
def test_leaves_go_on_where_the_trees_are_the_same(tmp_path, same):
    pytest.importorskip("lightgbm")
    trees = mh.GBDT(columns=("age",), trees=2, leaves=4, min_rows=5)
    schema = mh.Schema(label="clicked", fields=(mh.Field("leaf", gbdt=trees), mh.Field("city")))
    path = saved(tmp_path, mh.FM(embedding_dim=4), TRAIN, schema)
    data = TRAIN if same else {**TRAIN, "age": [age + i % 7 for i, age in enumerate(TRAIN["age"])]}
    warm, theirs = trained(FNN, data, schema, tables=STILL, init_from=path).saved, load_model(Path(path))
    ours, old = warm.network.tables, theirs.network.tables
    assert np.array_equal(ours.latent("city"), old.latent("city"))
    assert np.array_equal(ours.latent("leaf"), old.latent("leaf")) == same


OTHER_FIELDS = msgspec.structs.replace(SCHEMA, fields=SCHEMA.fields[::-1])
ELSEWHERE = mh.Schema(label="clicked", fields=(mh.Field("place", column="city"),))
REFUSED = {
    "another latent size": (mh.FM(embedding_dim=4), mh.FM(embedding_dim=8), SCHEMA, ["have 4 numbers", "8", "= 4"]),
    "field-aware from not": (mh.FM(embedding_dim=16), FFM, SCHEMA, ["latent rows for each field", "another file"]),
    "not from field-aware": (FFM, mh.FM(embedding_dim=16), SCHEMA, ["latent rows for each field"]),
    "field-aware of other fields": (FFM, FFM, OTHER_FIELDS, ["of the same fields"]),
    "no name in common": (mh.FM(), mh.FM(), ELSEWHERE, ["app, city, age", "(place)"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_rows_that_cannot_be_taken_over_are_refused_before_any_row_is_read(tmp_path, case):
    old, new, schema, words = REFUSED[case]
    path = saved(tmp_path, old)
    with pytest.raises(mh.ConfigError) as caught:
        mh.train(schema, new, train=tmp_path / "none.csv", training=mh.TrainingConfig(init_from=path))
    text = str(caught.value)
    assert [word for word in [path, "init_from", *words] if word not in text] == [], text


def test_a_file_that_is_not_there_is_said_first(tmp_path):
    with pytest.raises(mh.ModelFileError, match="no such model file"):
        trained(FNN, TRAIN, init_from=str(tmp_path / "none.manyhot"))
    with pytest.raises(mh.ConfigError, match="init_from is empty"):
        mh.TrainingConfig(init_from="")


def test_field_aware_rows_go_on_among_the_same_fields(tmp_path):
    path = saved(tmp_path, FFM)
    warm, theirs = trained(FFM, TRAIN, tables=STILL, init_from=path).saved, load_model(Path(path))
    np.testing.assert_array_equal(warm.network.tables.weights(), theirs.network.tables.weights())
