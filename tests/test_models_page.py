"""docs/models.md names every model, head and option; its experiment can be loaded (its Python is run in training/)."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import msgspec
import pytest

import manyhot as mh
from manyhot.schema import HEADS, MLP_OPTIONS, MODELS, load_experiment

PAGE = (Path(__file__).parent.parent / "docs/models.md").read_text()
STRUCTS = {
    field.name: kind
    for field in msgspec.structs.fields(mh.ModelConfig)
    for kind in typing.get_args(field.type)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
}


def row_of(name: str, title: str) -> str:
    """The row of a table under a heading that begins with a name."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    found = [line for line in section.splitlines() if line.startswith(f"| `{name}` |")]
    assert len(found) == 1, f"docs/models.md: {title}: {len(found)} rows of {name}"
    return found[0]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_row_with_its_title_heads_and_paper(name):
    kind, cells = MODELS[name], [cell.strip() for cell in row_of(name, "Models").split("|")[2:]]
    assert cells[:2] == [kind.title, " + ".join(kind.heads)]
    assert kind.paper.startswith(cells[2]) and cells[3]


@pytest.mark.parametrize("name", HEADS)
def test_every_head_has_a_row_with_its_options_and_paper(name):
    row, kind = row_of(name, "Heads"), HEADS[name]
    assert kind.paper in row
    options = [f"`{key}`" for key in kind.options if key not in MLP_OPTIONS]
    assert [key for key in options if key not in row] == []
    assert ("MLP" in row.split("|")[3]) == (MLP_OPTIONS[0] in kind.options)


def test_every_option_is_named():
    assert len(STRUCTS) >= 11
    keys = {key for kind in HEADS.values() for key in kind.options} | {
        "embedding_dim",
        "embedding_scale",
        "head_biases",
    }
    keys |= {field for struct in STRUCTS.values() for field in struct.__struct_fields__}
    assert [key for key in sorted(keys) if f"`{key}`" not in PAGE] == []


def test_the_example_of_din_is_an_experiment(tmp_path):
    [example] = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
    (tmp_path / "din.toml").write_text('[data]\ntrain = "a.parquet"\nlabel = "y"\n' + example)
    assert load_experiment(tmp_path / "din.toml").model.interest.candidates == {"clicked": "item"}
