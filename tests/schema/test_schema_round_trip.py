"""Schema.to_dict and from_dict: nothing is lost, sharing stays sharing, the order of fields stays."""

from __future__ import annotations

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from manyhot.schema import GBDT, Field, Schema, Separators, Vocabulary

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)

oov = st.sampled_from([{}, {"oov_buckets": 3}, {"oov": "drop"}, {"oov": "column"}])


@st.composite
def vocabularies(draw: st.DrawFn, name: str) -> Vocabulary:
    kind = draw(st.sampled_from(["fitted", "hashed", "identity"]))
    if kind == "hashed":
        return Vocabulary(name, hash_buckets=draw(st.integers(1, 2**31 - 1)))
    if kind == "identity":
        return Vocabulary(name, identity=draw(st.integers(1, 2**31 - 1)), **draw(oov))
    most = draw(st.none() | st.integers(1, 99))
    return Vocabulary(name, min_count=draw(st.integers(1, 99)), max_size=most, **draw(oov))


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    columns = draw(st.lists(names, min_size=4, max_size=12, unique=True))
    label, *columns = columns
    shared = [draw(vocabularies(name)) for name in draw(st.lists(names, min_size=1, max_size=3, unique=True))]
    fields = []
    while columns:
        name = columns.pop()
        kind = draw(st.sampled_from(["plain", "text", "weights", "columns", "value", "bucket"]))
        vocabulary = draw(st.sampled_from([*shared, None]))
        if vocabulary is None and name in [v.name for v in shared]:
            vocabulary = shared[0]
        options = {"vocabulary": vocabulary, "combiner": draw(st.sampled_from([None, "sum"]))}
        if kind == "text":
            options["separators"] = Separators(pair=draw(st.sampled_from(",;|")), weight=draw(st.sampled_from(":=#")))
        elif kind == "weights" and columns:
            options["weights"] = columns.pop()
        elif kind == "columns" and columns:
            options["columns"] = [name, columns.pop()]
        elif kind == "value":
            options["numeric"] = draw(st.sampled_from([[], ["log1p"], {name: ["clip(0, 1)", "minmax"]}]))
        elif kind == "bucket":
            options["numeric"] = draw(st.sampled_from([["log2_bucket"], ["quantile_bucket(3)"]]))
        if kind != "value":
            allowed = {"empty", "oov", "token"}
            allowed -= {"oov"} if vocabulary is not None and vocabulary.oov == "drop" else set()
            allowed -= {"token"} if vocabulary is not None and vocabulary.identity is not None else set()
            options["missing"] = draw(st.sampled_from(sorted(allowed)))
        if kind not in ("value", "bucket"):
            options["max_pairs"] = draw(st.none() | st.integers(1, 9))
        fields.append(Field(name, **options))
    tokens = [field.name for field in fields if not field.is_value]
    free = st.text("tree", min_size=9, max_size=12)
    if draw(st.booleans()):
        options = draw(
            st.sampled_from(
                [{}, {"trees": 3, "depth": 2}, {"categories": ["one category", "another one"], "tokens": 4}]
            )
        )
        fields.append(Field(draw(free), gbdt=GBDT(columns=["longer than names"], **options)))
    if len(tokens) >= 2 and draw(st.booleans()):
        name = draw(names.filter(lambda name: name not in [*(f.name for f in fields), *(v.name for v in shared)]))
        fields.append(Field(name, cross=tokens[: draw(st.integers(2, 3))], max_pairs=draw(st.none() | st.just(4))))
    return Schema(label=label, fields=fields)


@given(schemas())
def test_a_schema_is_the_same_after_a_trip_through_json(schema: Schema) -> None:
    again = Schema.from_dict(json.loads(json.dumps(schema.to_dict())))
    assert again == schema
    assert [field.name for field in again.fields] == [field.name for field in schema.fields]
    assert again.to_dict() == schema.to_dict()


@given(schemas())
def test_a_complete_dict_says_every_key_and_means_the_same(schema: Schema) -> None:
    """Combiners too: what stands in a model file must not change with the library's defaults."""
    said = json.loads(json.dumps(schema.to_dict(complete=True)))
    again = Schema.from_dict(said)
    filled = [msgspec.structs.replace(field, combiner=field.effective_combiner) for field in schema.fields]
    assert list(again.fields) == filled
    assert again.vocabularies == schema.vocabularies
    for kind, keyed in ((Field, said["fields"]), (Vocabulary, said["vocabularies"])):
        assert all(set(keys) == set(kind.__struct_fields__) - {"name"} for keys in keyed.values())


@given(schemas())
def test_fields_that_name_one_vocabulary_hold_one_object(schema: Schema) -> None:
    for made in (schema, Schema.from_dict(schema.to_dict())):
        by_name = {vocabulary.name: vocabulary for vocabulary in made.vocabularies}
        assert all(field.vocabulary is by_name[field.vocabulary_name] for field in made.fields)
        assert set(by_name) == {field.vocabulary_name for field in made.fields}


@given(schemas(), st.randoms(use_true_random=False))
def test_the_order_of_fields_changes_no_sharing(schema: Schema, random: object) -> None:
    fields = list(schema.fields)
    random.shuffle(fields)
    shuffled = Schema(label=schema.label, fields=fields)
    assert {f.name: f.vocabulary for f in shuffled.fields} == {f.name: f.vocabulary for f in schema.fields}


def test_a_name_and_an_object_mean_the_same_vocabulary() -> None:
    app = Vocabulary("app", min_count=10)
    by_object = Schema(label="y", fields=[Field("a", app), Field("b", app)])
    by_name = Schema(label="y", fields=[Field("a", "app"), Field("b", "app")], vocabularies=[app])
    mixed = Schema(label="y", fields=[Field("a", "app"), Field("b", app)])
    assert by_object == by_name == mixed


def test_columns_are_listed_once_in_order_without_the_label() -> None:
    fields = [Field("a", weights="w"), Field("b", columns=["c", "d"]), Field("e", column="f", numeric=[])]
    assert Schema(label="y", fields=fields).columns == ("a", "w", "c", "d", "f")
