"""init on every format of lines: known by its look or its ending, its columns by reading, and trained as written."""

import json
import tomllib

import numpy as np
import pytest
from init_rows import bags, command, label, words

ROWS = 300
AVAZU = (
    "id,click,hour,C1,banner_pos,site_id,site_domain,site_category,app_id,app_domain,app_category,device_id,device_ip,"
    "device_model,device_type,device_conn_type,C14,C15,C16,C17,C18,C19,C20,C21"
)


def json_lines(rng):
    rows = zip(label(rng, ROWS).tolist(), bags(rng, words(rng, 20), ROWS), strict=True)
    yield from (json.dumps({"click": y, "apps": dict.fromkeys(bag, 0.5), "city": f"c{len(bag)}"}) for y, bag in rows)


def libsvm(rng):
    for y, bag in zip(label(rng, ROWS), bags(rng, range(50), ROWS, empty=0), strict=True):
        yield f"{2 * y - 1} " + " ".join(f"{token}:0.5" for token in sorted(set(bag)))


def libffm(rng):
    for y, bag in zip(label(rng, ROWS), bags(rng, range(50), ROWS, empty=0), strict=True):
        yield f"{y} 1:{len(bag)}:1 " + " ".join(f"2:{token}:1.5E-02" for token in sorted(set(bag)))


def vw(rng):
    for y, bag in zip(label(rng, ROWS), bags(rng, words(rng, 20), ROWS, empty=0), strict=True):
        yield f"{2 * y - 1} |user u{len(bag)} |apps {' '.join(bag)}"


def avazu(rng):
    yield AVAZU
    for i, y in enumerate(label(rng, ROWS)):
        hashes = ",".join(f"{v:08x}" for v in rng.integers(0, 40, 9))
        numbers = f"{i % 2},{i % 3},{rng.integers(15000, 15100)},320,50,{rng.integers(1700, 1800)},0,35,-1,{i % 70}"
        yield f"{10**18 + 7 * i},{y},{14102100 + i // 100},1005,{i % 2},{hashes},{numbers}"


FORMATS = {
    "jsonl": (json_lines, ".jsonl", {"apps", "city"}),
    "libsvm": (libsvm, ".svm", {"features"}),
    "libffm": (libffm, ".ffm", {"1", "2"}),
    "vw": (vw, ".vw", {"user", "apps"}),
    "avazu": (avazu, ".csv", {"site_id", "device_ip", "C14", "C21"}),
}


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("named", [True, False])
def test_a_format_is_known_and_trains(tmp_path, monkeypatch, name, named):
    lines, ending, fields = FORMATS[name]
    monkeypatch.chdir(tmp_path)
    data = f"rows{ending if named else '.txt'}"
    (tmp_path / data).write_text("\n".join(lines(np.random.default_rng(1))) + "\n")
    code, _, err = command("init", data)
    assert code == 0, err
    experiment = tomllib.loads((tmp_path / "experiment.toml").read_text())
    assert fields <= set(experiment["fields"]) and not {"id", "hour", "C1"} & set(experiment["fields"])
    assert experiment["data"]["label"] == ("click" if name in ("jsonl", "avazu") else "label")
    assert experiment["data"].get("format") == (None if named and name != "avazu" else name)
    code, _, err = command("train", "experiment.toml", "--set", "training.epochs=1", "--out", "out")
    assert code == 0, err
