"""Split: what may be said together, and the sentences for what may not."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhot.errors import ConfigError
from manyhot.schema import Split, load_experiment, seconds_of

EXPERIMENT = """
[data]
train = "train.csv"
label = "y"
example_weights = "w"
group = "user"
time = "t"
split = { by = "time", valid = 0.1, test = 0.2 }
[fields.a]
"""


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    path = tmp_path / "experiment.toml"
    path.write_text(EXPERIMENT)
    return path


def test_the_experiment_file_says_all_of_it(experiment: Path) -> None:
    made = load_experiment(experiment)
    assert (made.schema.example_weights, made.schema.group, made.schema.time) == ("w", "user", "t")
    assert made.data.split == Split(by="time", valid=0.1, test=0.2)
    plain = load_experiment(experiment, ("data.split={ by = 'fraction', valid = 0.5 }",))
    assert plain.data.split == Split(by="fraction", valid=0.5, seed=1)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2014-10-29", "2014-10-29"),
        ("'2014-10-29 13:00'", "2014-10-29 13:00"),
        ("2014-10-29T13:00:00Z", "2014-10-29T13:00:00+00:00"),
        ("14102900", 14102900),
    ],
)
def test_a_start_is_a_toml_date_text_or_a_number(experiment: Path, moment: str, expected: object) -> None:
    made = load_experiment(experiment, (f"data.split={{ by = 'time', valid_from = {moment} }}",))
    assert made.data.split is not None
    assert made.data.split.valid_from == expected
    assert made.data.split.parts == ("train", "valid")


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ("by = 'tim', valid = 0.1", ["data.split", "by", '"time"', '"fraction"']),
        ("by = 'time', vaild = 0.1", ["data.split", '"vaild"', 'did you mean "valid"?']),
        ("valid = 0.1", ["data.split", "by"]),
        ("by = 'time'", ["split: makes no part", "0.1"]),
        ("by = 'time', valid = 0", ["valid = 0", "between 0 and 1"]),
        ("by = 'time', test = 1.5", ["test = 1.5", "between 0 and 1"]),
        ("by = 'time', valid = nan", ["valid = nan", "between 0 and 1"]),
        ("by = 'time', valid = 0.7, test = 0.3", ["valid = 0.7", "test = 0.3", "nothing for train"]),
        ("by = 'time', valid = 0.1, test_from = 5", ["exclude each other"]),
        ("by = 'time', valid = 0.1, key = 'u'", ['by = "time" has no key', "valid_from"]),
        ("by = 'time', valid = 0.1, seed = 3", ['by = "time" has no seed']),
        ("by = 'time', valid_from = 'noon'", ["valid_from = 'noon' is no time", "2014-10-29"]),
        ("by = 'time', valid_from = true", ["valid_from = True is no time"]),
        ("by = 'time', valid_from = [1]", ["valid_from = [1] is no time"]),
        ("by = 'time', valid_from = inf", ["valid_from = inf is no time"]),
        ("by = 'time', valid_from = 2014-10-29, test_from = 2014-10-28", ["must lie before test_from"]),
        ("by = 'hash', valid = 0.1", ['by = "hash" needs key']),
        ("by = 'hash', key = 'u', valid_from = 3", ['by = "hash" has no valid_from']),
        ("by = 'fraction', key = 'u', valid = 0.1", ['by = "fraction" has no key']),
        ("by = 'fraction', valid = 0.1, seed = -1", ["seed = -1"]),
        ("by = 'fraction', valid = 'much'", ["data.split", "valid", "number"]),
    ],
)
def test_a_mistake_names_its_place_and_the_remedy(experiment: Path, split: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_experiment(experiment, (f"data.split={{ {split} }}",))
    text = str(caught.value)
    assert text.startswith(f"{experiment}: data")
    assert [word for word in words if word not in text] == [], text


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("data.valid=v.csv", ["split: makes valid, which is given too"]),
        ("data.test=[]", ["split: makes test, which is given too"]),
        ("data.group=y", ['group = "y" is the label']),
        ("data.example_weights=3", ["data", "example_weights", "text"]),
        ("data.example_weight=w", ['"example_weight"', 'did you mean "example_weights"?']),
    ],
)
def test_what_does_not_go_with_the_rest_of_data(experiment: Path, override: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_experiment(experiment, (override,))
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)


def test_a_split_by_time_needs_a_time(experiment: Path) -> None:
    experiment.write_text(EXPERIMENT.replace('time = "t"\n', ""))
    with pytest.raises(ConfigError, match=r'by = "time" needs the column of the time; give time = "..." beside label'):
        load_experiment(experiment)


def test_shares_are_what_was_written() -> None:
    """A tenth and nine tenths are everything, though their floats add up to a little less or more."""
    for valid, test in ((0.1, 0.9), (0.3, 0.7), (0.7, 0.3)):
        with pytest.raises(ConfigError, match="nothing for train"):
            Split(by="fraction", valid=valid, test=test)
    assert Split(by="fraction", valid=0.1, test=0.2).share("valid") * 10 == 1


@given(st.datetimes(), st.sampled_from([None, datetime.UTC, datetime.timezone(datetime.timedelta(hours=-5))]))
def test_seconds_are_those_since_1970(moment: datetime.datetime, zone: datetime.timezone | None) -> None:
    aware = moment.replace(tzinfo=zone or datetime.UTC)
    expected = (aware - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)).total_seconds()
    assert seconds_of(moment.replace(tzinfo=zone).isoformat()) == expected
    assert seconds_of(str(expected)) == seconds_of(expected) == expected
