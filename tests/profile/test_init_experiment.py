"""The experiment file: it reads back as what was proposed, whatever the columns, and its fields fit their rows."""

import tomllib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from init_rows import bags, label, words

from manyhot.data import Encoder, open_source
from manyhot.profile import propose, to_toml
from manyhot.schema import TrainingConfig, load_experiment

ROWS = 300
KINDS = {
    "few": lambda rng: rng.integers(0, 5, ROWS),
    "ids": lambda rng: rng.integers(0, 10**6, ROWS),
    "counts": lambda rng: np.floor(rng.lognormal(2, 2, ROWS)),
    "negative": lambda rng: rng.normal(-5, 50, ROWS),
    "prices": lambda rng: rng.lognormal(2, 2, ROWS),
    "halves": lambda rng: rng.integers(0, 9, ROWS) / 2,
    "words": lambda rng: rng.choice(words(rng, 30), ROWS),
    "bools": lambda rng: rng.random(ROWS) < 0.5,
    "bag": lambda rng: ["|".join(bag) for bag in bags(rng, words(rng, 20), ROWS)],
    "weighted": lambda rng: [",".join(f"{t}:{rng.random():.2f}" for t in b) for b in bags(rng, words(rng, 20), ROWS)],
    "list": lambda rng: bags(rng, words(rng, 20), ROWS),
    "days": lambda rng: [f"2020-01-{d:02d}" for d in rng.integers(1, 29, ROWS)],
    "nothing": lambda rng: [None] * ROWS,
}
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    columns=st.dictionaries(NAMES, st.tuples(st.sampled_from(list(KINDS)), st.sampled_from([0.0, 0.2])), max_size=6),
)
def test_the_file_reads_back_as_the_proposal_and_fits_the_rows(tmp_path_factory, seed, columns):
    rng, folder = np.random.default_rng(seed), tmp_path_factory.mktemp("experiment")
    columns = {name.strip() or "x": kind for name, kind in columns.items()}
    arrays = {"label": pa.array(label(rng, ROWS)), "plain": pa.array(rng.choice(["a", "b", "c"], ROWS))}
    for name, (kind, gaps) in columns.items():
        values = pa.array(KINDS[kind](rng)).to_pylist()
        arrays.setdefault(name, pa.array([None if rng.random() < gaps else v for v in values]))
    pq.write_table(pa.table(arrays), folder / "rows.parquet")
    proposal = propose(["rows.parquet"], folder, label="label")
    path = folder / "a.toml"
    path.write_text(to_toml(proposal, path), encoding="utf-8")
    experiment = load_experiment(path)
    for part in ("label", "fields", "vocabularies"):
        assert getattr(experiment.schema, part) == getattr(proposal.schema, part)
    used = {*experiment.schema.columns, *proposal.left_out, "label"}
    assert used == set(arrays)
    source = open_source(experiment.data.train, folder=folder, reading=experiment.data.reading)
    Encoder.fit(experiment.schema, source)  # raises where a row does not fit
    assert proposal.warnings == () or all("left out" in w for w in proposal.warnings)


def written(tmp_path, columns, **options):
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    proposal = propose(["rows.parquet"], tmp_path, **options)
    return to_toml(proposal, tmp_path / "a.toml"), proposal


def test_training_is_left_to_its_defaults(tmp_path):
    rng = np.random.default_rng(6)
    _, proposal = written(tmp_path, {"label": label(rng, ROWS), "city": rng.choice(["a", "b"], ROWS)})
    (tmp_path / "a.toml").write_text(to_toml(proposal, tmp_path / "a.toml"))
    assert load_experiment(tmp_path / "a.toml").training == TrainingConfig()


def test_comments_stand_in_columns_and_lines_are_short(tmp_path):
    rng = np.random.default_rng(1)
    text, _ = written(
        tmp_path,
        {
            "label": label(rng, ROWS),
            "a": rng.choice(words(rng, 40), ROWS),
            "a_rather_long_name": ["|".join(bag) for bag in bags(rng, words(rng, 20), ROWS)],
            **{f"i{i}": np.floor(rng.lognormal(2, 2, ROWS)) for i in range(12)},
        },
    )
    assert max(map(len, text.splitlines())) <= 120
    fields = [line for line in text.splitlines() if line.startswith("[fields.")]
    assert len({line.index("#") for line in fields}) == 1
    assert all(line == line.rstrip() for line in text.splitlines()) and "\n\n\n" not in text


def test_a_parallel_list_of_numbers_is_the_weights(tmp_path):
    rng = np.random.default_rng(2)
    lists = bags(rng, words(rng, 20), ROWS)
    text, proposal = written(
        tmp_path,
        {
            "label": label(rng, ROWS),
            "installed": lists,
            "installed_days": [[int(d) for d in rng.integers(1, 90, len(bag))] for bag in lists],
            "embedding": pa.FixedSizeListArray.from_arrays(pa.array(rng.random(3 * ROWS)), 3),
        },
    )
    (field,) = proposal.schema.fields
    assert (field.name, field.weights) == ("installed", "installed_days")
    assert tomllib.loads(text)["fields"]["installed"]["weights"] == "installed_days"
    assert list(proposal.left_out) == ["embedding"]


def test_min_count_where_most_tokens_are_rare(tmp_path):
    rng = np.random.default_rng(3)
    many = rng.integers(0, 10**6, 3000)
    _, proposal = written(
        tmp_path, {"label": label(rng, 3000), "user_id": np.where(np.arange(3000) % 3, many, 7), "city": many % 50}
    )
    assert {v.name: v.min_count for v in proposal.schema.vocabularies} == {"user_id": 2, "city": 1}


def test_bad_rows_are_told_and_do_not_stop_init(tmp_path):
    rng = np.random.default_rng(4)
    lists = bags(rng, words(rng, 20), ROWS)
    lists[5] = ["a", None]
    _, proposal = written(tmp_path, {"label": label(rng, ROWS), "apps": lists})
    assert any("training will refuse" in w and "row 6" in w and "\n" not in w for w in proposal.warnings)


@pytest.mark.parametrize("values", [[0] * ROWS, [1] * ROWS])
def test_one_class_only_is_told(tmp_path, values):
    rng = np.random.default_rng(5)
    _, proposal = written(tmp_path, {"label": values, "city": rng.choice(["a", "b"], ROWS)})
    assert "always" in proposal.warnings[0]
