"""Every mistake in a schema is one ConfigError that names the place and what to write instead."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from manyhot.errors import ConfigError
from manyhot.schema import GBDT, Field, Schema, Separators, Vocabulary

WEIGHTED = Separators(weight=":")


def schema(*fields: Field, label: str = "clicked", vocabularies: tuple[Vocabulary, ...] = ()) -> Schema:
    return Schema(label=label, fields=fields, vocabularies=vocabularies)


def sentence(make: Callable[[], object]) -> str:
    with pytest.raises(ConfigError) as caught:
        make()
    return str(caught.value)


SCHEMA_MISTAKES = {
    "no fields": (lambda: schema(), ["fields", "at least one field"]),
    "dangling vocabulary": (
        lambda: schema(Field("apps", "ap"), vocabularies=(Vocabulary("app"),)),
        ['field "apps"', '"ap"', 'did you mean "app"?'],
    ),
    "dangling vocabulary, none known": (lambda: schema(Field("apps", "ap")), ['field "apps"', '"ap"']),
    "two vocabularies of one name": (
        lambda: schema(Field("a", Vocabulary("app")), Field("b", Vocabulary("app", min_count=2))),
        ["two different vocabularies", '"app"', "another name"],
    ),
    "vocabulary of the list and of a field differ": (
        lambda: schema(Field("a", Vocabulary("app")), vocabularies=(Vocabulary("app", min_count=2),)),
        ["two different vocabularies", '"app"', "another name"],
    ),
    "unused vocabulary": (
        lambda: schema(Field("a"), vocabularies=(Vocabulary("app"),)),
        ['vocabulary "app"', "no field", "remove it"],
    ),
    "two fields of one name": (
        lambda: schema(Field("a"), Field("a", column="b")),
        ["two fields", '"a"', "another name"],
    ),
    "one column in two fields": (
        lambda: schema(Field("a", column="c"), Field("b", column="c")),
        ['column "c"', 'field "a"', 'field "b"', "remove one"],
    ),
    "one number in two fields alike": (
        lambda: schema(Field("a", column="c", numeric=["log1p"]), Field("b", column="c", numeric=["log1p()"])),
        ['column "c"', 'field "a"', 'field "b"', "remove one"],
    ),
    "label among the fields": (lambda: schema(Field("clicked")), ['field "clicked"', 'column "clicked"', "label"]),
    "label among the weights": (
        lambda: schema(Field("a", weights="clicked")),
        ['field "a"', 'column "clicked"', "label"],
    ),
    "cross of no field": (
        lambda: schema(Field("x", cross=["city", "our"]), Field("city"), Field("hour")),
        ['field "x"', 'no field "our"', 'did you mean "hour"?'],
    ),
    "cross of a cross": (
        lambda: schema(Field("x", cross=["a", "b"]), Field("a"), Field("b"), Field("z", cross=["a", "x"])),
        ['field "z"', 'field "x" is a cross itself', "name the fields it crosses"],
    ),
    "cross of itself": (
        lambda: schema(Field("x", cross=["x", "b"]), Field("b")),
        ['field "x"', 'field "x" is a cross itself'],
    ),
    "cross of numbers": (
        lambda: schema(Field("x", cross=["a", "b"]), Field("a", numeric=["log1p"]), Field("b")),
        ['field "x"', 'field "a" holds numbers', "end its transforms in a bucket"],
    ),
    "counted cross of fitted buckets": (
        lambda: schema(
            Field("x", Vocabulary("v"), cross=["a", "b"]), Field("a", numeric=["quantile_bucket(3)"]), Field("b")
        ),
        ['field "x"', 'field "a"', "buckets that are fitted", 'set hash_buckets in vocabulary "v"'],
    ),
    "cross into whole numbers": (
        lambda: schema(Field("x", Vocabulary("v", identity=9), cross=["a", "b"]), Field("a"), Field("b")),
        ['field "x"', "no whole numbers", "remove identity"],
    ),
    "two crosses alike": (
        lambda: schema(Field("x", cross=["a", "b"]), Field("a"), Field("b"), Field("z", cross=["b", "a"])),
        ['field "z"', 'the same fields as field "x"', "remove one"],
    ),
    "OOV for missing that is dropped": (
        lambda: schema(Field("a", Vocabulary("v", oov="drop"), missing="oov")),
        ['field "a"', 'missing = "oov"', 'vocabulary "v" drops', 'missing = "token"'],
    ),
    "a token for missing among whole numbers": (
        lambda: schema(Field("a", Vocabulary("v", identity=9), missing="token")),
        ['field "a"', 'missing = "token"', 'vocabulary "v" knows whole numbers', 'missing = "oov"'],
    ),
    "label among columns": (lambda: schema(Field("a", columns=["b", "clicked"])), ['field "a"', '"clicked"', "label"]),
}

FIELD_MISTAKES = {
    "no name": (lambda: Field(""), ["field", "name", "not empty"]),
    "column and columns": (
        lambda: Field("a", column="b", columns=["c"]),
        ['field "a"', "column and columns", "keep one"],
    ),
    "empty columns": (lambda: Field("a", columns=[]), ['field "a"', "columns is empty", "at least one"]),
    "column twice": (lambda: Field("a", columns=["b", "c", "b"]), ['field "a"', 'column "b"', "twice"]),
    "weights of columns": (lambda: Field("a", columns=["b", "c"], weights="w"), ['field "a"', "weights", "use column"]),
    "weights and separators": (
        lambda: Field("a", weights="w", separators=WEIGHTED),
        ['field "a"', "separators", "separators = { weight = ... }"],
    ),
    "weights are the tokens": (lambda: Field("a", weights="a"), ['field "a"', "weights", '"a"']),
    "numeric and weights": (lambda: Field("a", numeric=[], weights="w"), ['field "a"', "numeric", "weights", "remove"]),
    "numeric and separators": (
        lambda: Field("a", numeric=[], separators=WEIGHTED),
        ['field "a"', "numeric", "separators", "remove"],
    ),
    "transforms of a column missing": (
        lambda: Field("a", columns=["b", "c"], numeric={"b": []}),
        ['field "a"', 'column "c"', "no transforms", "one list for each"],
    ),
    "transforms of a foreign column": (
        lambda: Field("a", columns=["b"], numeric={"b": [], "z": []}),
        ['field "a"', 'column "z"', "is not one of the field's columns", "one list for each"],
    ),
    "buckets and values": (
        lambda: Field("a", columns=["b", "c"], numeric={"b": ["bucket(1)"], "c": []}),
        ['field "a"', "bucket", "value", "two fields"],
    ),
    "combiner of one number": (
        lambda: Field("a", numeric=[], combiner="mean"),
        ['field "a"', 'combiner "mean"', 'use "sum"'],
    ),
    **{
        f"max_pairs = {value}": (
            lambda value=value: Field("a", max_pairs=value),
            ['field "a"', f"max_pairs = {value}", "between 1 and 2^31 - 1"],
        )
        for value in (0, -1, 2**31)
    },
    "numeric and max_pairs": (
        lambda: Field("a", numeric=["bucket(1)"], max_pairs=3),
        ['field "a"', "numeric", "max_pairs", "remove"],
    ),
    **{
        f"cross and {key}": (
            lambda key=key, value=value: Field("x", cross=["a", "b"], **{key: value}),
            ['field "x"', "cross", f"no {key}", "remove one"],
        )
        for key, value in {
            "column": "c",
            "columns": ["c"],
            "weights": "w",
            "separators": WEIGHTED,
            "numeric": [],
        }.items()
    },
    "cross and missing": (
        lambda: Field("x", cross=["a", "b"], missing="token"),
        ['field "x"', "empty", "set missing in the fields it crosses"],
    ),
    "cross of one": (lambda: Field("x", cross=["a"]), ['field "x"', "two or three fields", "not 1"]),
    "cross of four": (lambda: Field("x", cross=["a", "b", "c", "d"]), ['field "x"', "two or three fields", "not 4"]),
    "cross of one twice": (lambda: Field("x", cross=["a", "b", "a"]), ['field "x"', 'field "a" twice']),
    "a token for a missing number": (
        lambda: Field("a", numeric=[], missing="token"),
        ['field "a"', 'missing = "token"', "empty bag"],
    ),
    "missing number": (lambda: Field("a", numeric=[], missing="oov"), ['field "a"', 'missing = "oov"', "empty bag"]),
    "same separators": (lambda: Separators(pair=":", weight=":"), ["separators", '":"', "differ"]),
    "long pair separator": (lambda: Separators(pair=";;"), ["separators", 'pair = ";;"', "one ASCII character"]),
    "wide weight separator": (lambda: Separators(weight="："), ["separators", "weight", "one ASCII character"]),
}

TREES = GBDT(columns=["x"], trees=2, leaves=4)
BELOW = {"trees": 0, "leaves": 1, "depth": 0, "tokens": -1, "min_rows": 0, "sample_rows": 0, "seed": -1}
NOT_OF_TREES = {
    "column": "a",
    "columns": ["a"],
    "cross": ["a", "b"],
    "weights": "a",
    "separators": WEIGHTED,
    "numeric": [],
    "max_pairs": 3,
    "missing": "token",
}
GBDT_MISTAKES = {
    "no columns": (lambda: GBDT(), ["gbdt", "columns and categories are empty", "name at least one"]),
    "a column twice": (lambda: GBDT(columns=["x"], categories=["x"]), ["gbdt", 'column "x"', "twice", "remove"]),
    "no tokens": (lambda: GBDT(categories=["x"], tokens=0), ["gbdt", "tokens = 0", "raise tokens"]),
    "rate": (lambda: GBDT(columns=["x"], learning_rate=0.0), ["gbdt", "learning_rate = 0", "above 0"]),
    "too many leaves": (lambda: GBDT(columns=["x"], trees=1000, leaves=1001), ["gbdt", "1,000,000", "lower"]),
    **{
        f"{key} = {value}": (lambda key=key, value=value: GBDT(columns=["x"], **{key: value}), [f"{key} = {value}"])
        for key, value in [*BELOW.items(), ("leaves", 4097), ("depth", 33)]
    },
    **{
        f"{key} of trees": (lambda key=key, value=value: Field("t", gbdt=TREES, **{key: value}), ['"t"', key, "remove"])
        for key, value in NOT_OF_TREES.items()
    },
    "unknown key": (
        lambda: Schema.from_dict({"label": "y", "fields": {"t": {"gbdt": {"colums": ["x"]}}}}),
        ["fields.t.gbdt", '"colums"', 'did you mean "columns"'],
    ),
    "another vocabulary": (
        lambda: schema(Field("t", Vocabulary("v", min_count=2), gbdt=TREES)),
        ['field "t"', "vocabulary of their own", 'vocabulary "v"'],
    ),
    "another size": (lambda: schema(Field("t", Vocabulary("v", identity=9), gbdt=TREES)), ['field "t"', "own"]),
    "a shared vocabulary": (
        lambda: schema(Field("t", Vocabulary("v", identity=8), gbdt=TREES), Field("a", "v")),
        ['field "t"', "let no other field name it"],
    ),
    "two fields of trees in one vocabulary": (
        lambda: schema(Field("t", "v", gbdt=TREES), Field("u", "v", gbdt=TREES), vocabularies=(Vocabulary("v"),)),
        ['field "t"', "own"],
    ),
    "crossed leaves": (
        lambda: schema(Field("t", gbdt=TREES), Field("a"), Field("x", cross=["a", "t"])),
        ['field "x"', 'field "t"', "leaves of trees", "name other fields"],
    ),
    "the label": (
        lambda: schema(Field("t", gbdt=GBDT(categories=["clicked"]))),
        ['field "t"', 'column "clicked"', "label"],
    ),
}


VOCABULARY_MISTAKES = {
    "no name": (lambda: Vocabulary(""), ["vocabulary", "name", "not empty"]),
    **{
        f"{key} = {value}": (
            lambda key=key, value=value: Vocabulary("app", **{key: value}),
            ['vocabulary "app"', f"{key} = {value}", "between 1 and 2^31 - 1"],
        )
        for key in ("min_count", "max_size", "hash_buckets", "identity", "oov_buckets")
        for value in (0, -1, 2**31)
    },
    "two ways of giving ids": (
        lambda: Vocabulary("app", hash_buckets=8, identity=8),
        ['vocabulary "app"', "hash_buckets and identity", "keep one"],
    ),
    "counting hashed tokens": (
        lambda: Vocabulary("app", hash_buckets=8, min_count=2),
        ['vocabulary "app"', "hash_buckets", "min_count", "remove"],
    ),
    "OOV buckets of hashed tokens": (
        lambda: Vocabulary("app", hash_buckets=8, oov_buckets=2),
        ['vocabulary "app"', "hash_buckets knows every token", "oov_buckets", "remove"],
    ),
    "dropping hashed tokens": (
        lambda: Vocabulary("app", hash_buckets=8, oov="drop"),
        ['vocabulary "app"', "hash_buckets knows every token", "oov", "remove"],
    ),
    "buckets for tokens that go by column": (
        lambda: Vocabulary("app", oov_buckets=8, oov="column"),
        ['vocabulary "app"', 'oov = "column"', "oov_buckets", "remove one"],
    ),
    "buckets for dropped tokens": (
        lambda: Vocabulary("app", oov_buckets=8, oov="drop"),
        ['vocabulary "app"', 'oov = "drop"', "oov_buckets", "remove one"],
    ),
    "size of identity": (
        lambda: Vocabulary("app", identity=8, max_size=2),
        ['vocabulary "app"', "identity", "max_size", "remove"],
    ),
}

WRONG_TYPES = {
    "field: combiner": (lambda: Field("a", combiner="max"), ['field "a"', "combiner", "max"]),
    "field: columns": (lambda: Field("a", columns="b"), ['field "a"', "columns", "list", "text"]),
    "field: numeric": (lambda: Field("a", numeric="log1p"), ['field "a"', "numeric", "text"]),
    "field: vocabulary": (lambda: Field("a", 3), ['field "a"', "vocabulary", "whole number"]),
    "field: name": (lambda: Field(3), ["field", "name", "text", "whole number"]),
    "field: missing": (lambda: Field("a", missing="null"), ['field "a"', "missing", "null"]),
    "field: max_pairs": (lambda: Field("a", max_pairs=2.5), ['field "a"', "max_pairs", "whole number"]),
    "field: cross": (lambda: Field("a", cross="b"), ['field "a"', "cross", "list", "text"]),
    "vocabulary: oov": (lambda: Vocabulary("app", oov="forget"), ['vocabulary "app"', "oov", '"keep", "drop"']),
    "vocabulary: text": (
        lambda: Vocabulary("app", min_count="10"),
        ['vocabulary "app"', "min_count", "whole number", "text"],
    ),
    "vocabulary: bool": (
        lambda: Vocabulary("app", min_count=True),
        ['vocabulary "app"', "min_count", "whole number", "got true or false"],
    ),
    "vocabulary: fraction": (lambda: Vocabulary("app", max_size=1.5), ['vocabulary "app"', "max_size", "got number"]),
    "schema: fields": (lambda: Schema(label="y", fields=["a"]), ["schema", "fields", "text"]),
    "schema: label": (lambda: Schema(label=3, fields=[Field("a")]), ["schema", "label", "text"]),
    "separators": (lambda: Field("a", separators=","), ['field "a"', "separators", "text"]),
}


@pytest.mark.parametrize("case", SCHEMA_MISTAKES | FIELD_MISTAKES)
def test_a_schema_mistake_is_named(case: str) -> None:
    make, words = (SCHEMA_MISTAKES | FIELD_MISTAKES)[case]
    text = sentence(make)
    assert [word for word in words if word not in text] == [], text


@pytest.mark.parametrize("case", GBDT_MISTAKES)
def test_a_mistake_in_trees_is_named(case: str) -> None:
    make, words = GBDT_MISTAKES[case]
    text = sentence(make)
    assert all(word in text for word in words), text


@pytest.mark.parametrize("case", VOCABULARY_MISTAKES)
def test_a_vocabulary_mistake_is_named(case: str) -> None:
    make, words = VOCABULARY_MISTAKES[case]
    text = sentence(make)
    assert [word for word in words if word not in text] == [], text


@pytest.mark.parametrize("case", WRONG_TYPES)
def test_a_wrong_type_in_a_constructor_is_named(case: str) -> None:
    make, words = WRONG_TYPES[case]
    text = sentence(make)
    assert [word for word in words if word not in text] == [], text


def test_one_number_may_feed_two_fields_in_different_ways() -> None:
    made = schema(Field("a", column="c", numeric=["log1p"]), Field("b", column="c", numeric=["bucket(1)"]))
    assert made.columns == ("c",)
