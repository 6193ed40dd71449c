"""The data sets on which defaults are judged: real ones of several sizes, the demo, and simulated logs.

A set gives for each seed the rows of train, valid and test. Real sets come from a folder (see examples/README.md);
their splits are the published ones (Frappe), by time (MovieLens, each time with another shuffle and initial weights) or
drawn anew by the seed (Criteo's 10,000 rows, Taobao's).
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from manyhot.demo import full_deepfm, simulate
from manyhot.schema import Field, Schema, Separators, Vocabulary

__all__ = ["DataSet", "data_sets"]

EXAMPLES = Path(__file__).parents[2] / "examples"
Parts = dict[str, pa.Table]


@dataclass(frozen=True)
class DataSet:
    """name: in the tables. schema: what manyhot, LR and LightGBM read. parts: rows by seed.

    numbers: columns that LightGBM reads as numbers, instead of the buckets of the schema.
    """

    name: str
    schema: Schema
    parts: Callable[[int], Parts]
    numbers: tuple[str, ...] = ()


def data_sets(folder: Path) -> dict[str, DataSet]:
    """By name, those of which the folder holds the files; and the simulated ones."""
    real = [make(folder) for make in (_criteo, _taobao, _movielens, _frappe)]
    simulated = [_demo("demo", 300_000), _demo("demo-30k", 30_000), *_lists()]
    return {data_set.name: data_set for data_set in (*real, *simulated) if data_set is not None}


def drawn(rows: pa.Table, seed: int, shares: tuple[float, float] = (0.7, 0.1)) -> Parts:
    """Rows in random order, cut into train, valid and test."""
    count = rows.num_rows
    rows = rows.take(np.random.default_rng(seed).permutation(count))
    first, second = int(count * shares[0]), int(count * (shares[0] + shares[1]))
    return {"train": rows[:first], "valid": rows[first:second], "test": rows[second:]}


def _criteo(folder: Path) -> DataSet | None:
    path = folder / "criteo" / "criteo_kaggle_a_first10000.tsv.gz"
    if not path.exists():
        return None
    numbers, categories = [f"I{i}" for i in range(1, 14)], [f"C{i}" for i in range(1, 27)]
    rows = pacsv.read_csv(
        path,
        read_options=pacsv.ReadOptions(column_names=["Label", *numbers, *categories]),
        parse_options=pacsv.ParseOptions(delimiter="\t"),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(categories, pa.string()), strings_can_be_null=True
        ),
    )
    fields = (
        *(Field(name, numeric=("log2_bucket",), missing="oov") for name in numbers),
        *(Field(name, Vocabulary(name, min_count=4), missing="oov") for name in categories),
    )
    return DataSet("criteo-10k", Schema(label="Label", fields=fields), lambda seed: drawn(rows, seed), tuple(numbers))


def _taobao(folder: Path) -> DataSet | None:
    path = folder / "taobao-ad-sample" / "taobao_data_sample_1w.csv.gz"
    if not path.exists():
        return None
    profile = [
        "pid", "cms_segid", "cms_group_id", "final_gender_code", "age_level", "pvalue_level", "shopping_level",
        "occupation", "new_user_class_level", "campaign_id", "customer",
    ]  # fmt: skip
    text = ["tag_category_list", "tag_brand_list", "cate_id", "brand", *profile]
    rows = pacsv.read_csv(
        path,
        convert_options=pacsv.ConvertOptions(
            column_types={**dict.fromkeys(text, pa.string()), "price": pa.float64()},
            strings_can_be_null=True,
            include_columns=["clk", "price", *text],
        ),
    )
    category, brand = Vocabulary("category", min_count=2), Vocabulary("brand", min_count=2)
    fields = (
        Field("cate_id", category),
        Field("tag_category_list", category, separators=Separators(pair="|")),
        Field("brand", brand),
        Field("tag_brand_list", brand, separators=Separators(pair="|")),
        *(Field(name, Vocabulary(name, min_count=2), missing="oov") for name in profile),
        Field("price", numeric=("log2_bucket",)),
    )
    return DataSet("taobao-10k", Schema(label="clk", fields=fields), lambda seed: drawn(rows, seed), ("price",))


def _movielens(folder: Path) -> DataSet | None:
    source = folder / "movielens-latest-small"
    if not source.exists():
        return None
    specification = importlib.util.spec_from_file_location("prepare", EXAMPLES / "movielens" / "prepare.py")
    assert specification is not None and specification.loader is not None
    prepare = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(prepare)
    with tempfile.TemporaryDirectory() as out:
        prepare.main(str(source), out)
        parts = {name: pq.read_table(Path(out) / f"{name}.parquet") for name in ("train", "valid", "test")}
    movie = Vocabulary("movie", min_count=2)
    fields = (
        Field("movie", movie),
        Field("liked", movie),
        Field("disliked", movie),
        Field("genres", separators=Separators(pair="|")),
    )
    return DataSet("movielens", Schema(label="likes", fields=fields), lambda seed: parts)


def _frappe(folder: Path) -> DataSet | None:
    names = {"train": "frappe_x1_train_RECONSTRUCTED", "valid": "frappe_x1_valid", "test": "frappe_x1_test"}
    if not (folder / "frappe").exists():
        return None
    parts = {part: pacsv.read_csv(folder / "frappe" / f"{name}.csv.gz") for part, name in names.items()}
    fields = tuple(Field(name) for name in parts["train"].column_names if name != "label")
    return DataSet("frappe", Schema(label="label", fields=fields), lambda seed: parts)


def _demo(name: str, num_impressions: int) -> DataSet:
    schema = full_deepfm(simulate(1000))[0]
    return DataSet(name, schema, lambda seed: full_deepfm(simulate(num_impressions, seed))[3], ("age", "hour"))


def _lists() -> list[DataSet]:
    """Two lists of weighted values on one vocabulary with a candidate, and a few single values."""
    token = Vocabulary("item", min_count=2)
    schema = Schema(
        label="y",
        fields=(
            Field("history", token),
            Field("profile", token),
            Field("candidate", token),
            *(Field(f"c{k}", Vocabulary(f"c{k}", min_count=2)) for k in range(4)),
        ),
    )
    shapes = {
        "lists-20k-80": (20_000, 80, 3_000),
        "lists-100k-10": (100_000, 10, 20_000),
        "lists-200k-30": (200_000, 30, 5_000),
    }
    return [
        DataSet(name, schema, lambda seed, shape=shape: drawn(_simulated_lists(*shape, seed), seed, (0.8, 0.1)))
        for name, shape in shapes.items()
    ]


def _simulated_lists(num_rows: int, length: int, num_items: int, seed: int) -> pa.Table:
    """Rows whose logit is linear in features, bilinear between bag means and the candidate, and crosses c0 x c1."""
    rng = np.random.default_rng([seed, num_rows])
    popularity = 1 / np.arange(1, num_items + 1) ** 1.1
    popularity /= popularity.sum()
    vectors, bias = rng.normal(size=(num_items, 5)) / np.sqrt(5), rng.normal(size=num_items)

    def bags(mean: int) -> tuple[pa.Array, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        lengths = rng.poisson(mean, num_rows).clip(0, 3 * mean)
        items, offsets = rng.choice(num_items, lengths.sum(), p=popularity), np.append(0, np.cumsum(lengths))
        weights = np.round(rng.gamma(2.0, 0.5, len(items)), 2) + 0.01
        row, total = np.repeat(np.arange(num_rows), lengths), np.zeros(num_rows)
        np.add.at(total, row, weights)
        pooled, first = np.zeros((num_rows, 5)), np.zeros(num_rows)
        np.add.at(pooled, row, (weights / total[row])[:, None] * vectors[items])
        np.add.at(first, row, weights / total[row] * bias[items])
        pairs = pa.StructArray.from_arrays([_names(items), pa.array(weights.astype(np.float32))], ["token", "weight"])
        return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pairs), pooled, first

    history, taste, history_bias = bags(length)
    profile, traits, profile_bias = bags(max(length // 4, 2))
    candidate = rng.choice(num_items, num_rows, p=popularity)
    sizes = (8, 30, 200, 2_000)
    singles = [rng.zipf(1.3, num_rows) % size for size in sizes]
    logit = -1.2 + 0.5 * bias[candidate] + history_bias * np.sqrt(length) / 3 + 0.3 * profile_bias
    logit += 3 * ((taste * np.sqrt(length) + traits) * vectors[candidate]).sum(1) / np.sqrt(5) * np.sqrt(5) / 2
    logit += rng.normal(size=(8, 30))[singles[0], singles[1]] * 0.7
    for size, values in zip(sizes, singles, strict=True):
        logit += 0.4 * rng.normal(size=size)[values]
    clicked = rng.random(num_rows) < 1 / (1 + np.exp(-logit))
    columns = {"y": pa.array(clicked), "history": history, "profile": profile, "candidate": _names(candidate)}
    return pa.table(columns | {f"c{k}": pa.array(values) for k, values in enumerate(singles)})


def _names(items: npt.NDArray[np.int64]) -> pa.Array:
    names = pa.array([f"i{k}" for k in range(int(items.max()) + 1)])
    return pa.DictionaryArray.from_arrays(pa.array(items), names).cast(pa.string())
