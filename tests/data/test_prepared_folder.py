"""A folder of prepared rows holds what encoding gives, whole or not at all, and refuses what does not belong to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from row_lists import assert_same_chunks, encode, fit, schema_of

from manyhot.data import Prepared, open_source, prepare
from manyhot.errors import BadRowsError, DataError
from manyhot.schema import Field, Reading, Schema, Separators, Vocabulary
from manyhot.storage import whole_file, whole_folder

TRAIN = {"city": ["a", "b", None, "a"], "apps": ["x:1,y:2", "", "x:0.5", "z:1"], "age": [1.0, 5.0, 3.0, None]}
VALID = {"city": ["b", "c"], "apps": ["y:1", "x:1"], "age": [2.0, 9.0]}
TRAIN_ROWS, VALID_ROWS = pa.table({**TRAIN, "y": [0, 1, 0, 1]}), pa.table({**VALID, "y": [1, 0]})


def schema(**changes: Any) -> Schema:
    parts: dict[str, Any] = {
        "vocabulary": Vocabulary("v"),
        "numeric": ["standardize"],
        "combiner": "mean",
        "weight": ":",
        "order": 1,
        "more": (),
        "label": "y",
    }
    parts |= changes
    fields = (
        Field("city", parts["vocabulary"], combiner=parts["combiner"]),
        Field("apps", separators=Separators(weight=parts["weight"])),
        Field("age", numeric=parts["numeric"]),
    )
    return Schema(label=parts["label"], fields=(*fields[:: parts["order"]], *parts["more"]))


def prepared(folder: Path, train: Any = TRAIN_ROWS, valid: Any = VALID_ROWS) -> dict[str, Any]:
    sources = {"train": open_source(train), "valid": open_source(valid)}
    return prepare(schema(), sources, folder, reading=Reading(delimiter=";"))


def test_the_folder_holds_what_encoding_gives(tmp_path: Path) -> None:
    said = prepared(tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    names = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*"))
    assert names == [
        "encoder.safetensors",
        "prepared.json",
        "proof.arrow",
        "train/part-00000.arrow",
        "valid/part-00000.arrow",
    ]
    assert json.loads((tmp_path / "out" / "prepared.json").read_text()) == said
    assert said["parts"] == {
        "train": {"rows": 4, "pairs": 9, "rejected": 0},
        "valid": {"rows": 2, "pairs": 6, "rejected": 0},
    }
    assert said["vocabularies"] == {"v": 3, "apps": 4, "age": 2}
    found = Prepared.open(tmp_path / "out", schema())
    encoder = fit(schema(), TRAIN_ROWS)
    assert found.encoder.fingerprint() == encoder.fingerprint()
    for name, rows in (("train", TRAIN_ROWS), ("valid", VALID_ROWS)):
        assert_same_chunks(found.examples[name].chunks, encode(encoder, rows, with_labels=True))
    assert found.proof == VALID_ROWS.select(schema().columns)
    assert found.reading == Reading(delimiter=";")


def test_combiners_come_after_encoding(tmp_path: Path) -> None:
    prepared(tmp_path / "out")
    other = schema(combiner="sqrtn")
    found = Prepared.open(tmp_path / "out", other)
    assert found.encoder.schema == other
    assert found.encoder.fingerprint() == fit(other, TRAIN_ROWS).fingerprint()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"label": "z"}, 'the label was "y", now "z"'),
        ({"vocabulary": Vocabulary("v", min_count=2)}, 'vocabulary "v": min_count was null, now 2'),
        ({"vocabulary": Vocabulary("w")}, 'field "city": vocabulary was "v", now "w"'),
        ({"numeric": ["minmax"]}, r'field "age": numeric was \["standardize"\], now \["minmax"\]'),
        ({"weight": "="}, 'field "apps": separators was '),
        ({"order": -1}, "the fields stand in another order"),
        ({"more": (Field("new"),)}, 'field "new" is new'),
    ],
)
def test_another_schema_is_refused_by_what_differs(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    prepared(tmp_path / "out")
    with pytest.raises(DataError, match=rf"out: was prepared by another schema \({sentence}.*\); prepare it anew"):
        Prepared.open(tmp_path / "out", schema(**changes))


def describe(**changes: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "prepared.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return damage


def proof(rows: int = 1, **changes: Any) -> Callable[[Path], None]:
    """Other rows as proof.arrow; None leaves a column out."""
    columns = {"city": ["a"] * rows, "apps": pa.array(["x:1"] * rows, pa.string()), "age": [1.0] * rows, **changes}
    table = pa.table({name: column for name, column in columns.items() if column is not None})

    def damage(folder: Path) -> None:
        with pa.OSFile(str(folder / "proof.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)

    return damage


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda f: shutil.rmtree(f), "holds no prepared rows; make them with `manyhot prepare`"),
        (lambda f: (f / "prepared.json").unlink(), "holds no prepared rows"),
        (lambda f: (f / "prepared.json").write_text("{"), "is damaged"),
        (lambda f: (f / "prepared.json").write_text("[]"), "is damaged"),
        (describe(encoding="0", manyhot="0.0.1"), "was prepared by manyhot 0.0.1 in another format"),
        (describe(encoder="0"), "is not the one that encoded these rows"),
        (lambda f: (f / "encoder.safetensors").write_bytes(b"no"), "cannot read this encoder"),
        (
            describe(encoding="0", manyhot="9\x1b[2J" + "9" * 1000),
            r"was prepared by manyhot 9\\x1b\[2J9{15} in another",
        ),
        (describe(parts={}), r"prepared\.json: is damaged: it has no part train; prepare the rows anew"),
        (describe(parts={"train": {"rows": []}}), "is damaged: a part lacks its number of rows"),
        (describe(parts={"valid": {"rows": 2}}), "is damaged: it has no part train; prepare the rows anew"),
        (lambda f: (f / "proof.arrow").write_bytes(b"no"), "proof.arrow: is damaged"),
        (
            proof(city=pa.array([0], pa.timestamp("s", "Mars/Phobos"))),
            'is damaged: .*"city" is .*prepare the rows anew',
        ),
        (
            proof(city=pa.array([pa.MonthDayNano([1, 2, 3])])),
            'proof.arrow: is damaged: .*"city".*prepare the rows anew',
        ),
        (proof(age=pa.array(["old"])), 'damaged: row 1: column "age" is not a number: .*; prepare the rows anew'),
        (proof(age=None), 'damaged: .* column "age" is missing.*; prepare the rows anew'),
        (proof(rows=0), "damaged: it holds 0 rows; prepare the rows anew"),
        (proof(rows=257), "damaged: it holds 257 rows; prepare the rows anew"),
        (lambda f: (f / "train/part-00000.arrow").write_bytes(b"no"), "cannot read these Examples"),
        (lambda f: (f / "train/part-00000.arrow").unlink(), "holds no Examples"),
        (
            lambda f: shutil.copy(f / "valid/part-00000.arrow", f / "valid/part-00001.arrow"),
            "holds 4 examples instead of 2",
        ),
    ],
)
def test_a_damaged_folder_is_one_sentence(tmp_path: Path, damage: Callable[[Path], None], sentence: str) -> None:
    prepared(tmp_path / "out")
    damage(tmp_path / "out")
    with pytest.raises(DataError, match=sentence) as caught:
        Prepared.open(tmp_path / "out", schema())
    assert str(tmp_path / "out") in str(caught.value)


@pytest.mark.parametrize("there_before", [False, True])
def test_bad_rows_leave_what_was_there(tmp_path: Path, there_before: bool) -> None:
    if there_before:
        prepared(tmp_path / "out")
    bad = pa.table({**VALID, "y": [1, 2]})
    for train, valid, error in (
        (TRAIN_ROWS, bad, BadRowsError),
        (bad, VALID_ROWS, BadRowsError),
        (TRAIN_ROWS, VALID_ROWS.slice(2), DataError),
        (TRAIN_ROWS.drop_columns(["age"]), VALID_ROWS, DataError),
    ):
        with pytest.raises(error):
            prepared(tmp_path / "out", train, valid)
        assert [p.name for p in tmp_path.iterdir()] == ["out"] * there_before
    if there_before:
        assert Prepared.open(tmp_path / "out", schema()).examples["train"].num_rows == 4


def test_only_prepared_and_empty_folders_are_replaced(tmp_path: Path) -> None:
    prepared(tmp_path / "out")
    prepared(tmp_path / "out", VALID_ROWS)
    assert Prepared.open(tmp_path / "out", schema()).examples["train"].num_rows == 2
    (tmp_path / "empty").mkdir()
    prepared(tmp_path / "empty")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("")
    for name in ("mine", "file"):
        with pytest.raises(DataError, match=f"{name}: is there already and holds no prepared rows"):
            prepared(tmp_path / name)
    with pytest.raises(DataError, match="file/below: cannot write prepared rows"):
        prepared(tmp_path / "file" / "below")
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_a_file_written_twice_at_once_is_whole_and_one(tmp_path: Path) -> None:
    """As when an engine runs a task twice: the one that ends last stays."""
    path = tmp_path / "part-00000.arrow"
    with whole_file(path) as slow, whole_file(path) as quick:
        slow.write_text("the first half")
        quick.write_text("all of it")
    assert path.read_text() == "the first half"
    assert [p.name for p in tmp_path.iterdir()] == ["part-00000.arrow"]


class Interrupted(BaseException):
    """As KeyboardInterrupt is: no Exception."""


def test_an_interrupted_folder_leaves_the_older_one(tmp_path: Path) -> None:
    for text in ("one", "two"):
        with whole_folder(tmp_path / "a" / "b") as part:
            (part / "text").write_text(text)
    with pytest.raises(Interrupted), whole_folder(tmp_path / "a" / "b") as part:
        (part / "text").write_text("three")
        raise Interrupted
    assert [str(p.relative_to(tmp_path)) for p in sorted(tmp_path.rglob("*"))] == ["a", "a/b", "a/b/text"]
    assert (tmp_path / "a" / "b" / "text").read_text() == "two"


def test_schemas_of_one_field_can_be_prepared_too(tmp_path: Path) -> None:
    only = schema_of(Field("city"))
    prepare(only, {"train": open_source(TRAIN_ROWS)}, tmp_path / "out")
    assert list(Prepared.open(tmp_path / "out", only).examples) == ["train"]
