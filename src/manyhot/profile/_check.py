"""check: everything that can be known of an experiment before it is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from manyhot.data import Encoder, ExampleCache, Examples
from manyhot.errors import ConfigError, TrainingError
from manyhot.schema import Experiment
from manyhot.training import check_settings, check_start, schema_for

from ._cost import Memory, Time, memory_of, time_of
from ._findings import SEVERITIES, Finding
from ._judge import judge
from ._leaks import column_aucs
from ._read import read_parts
from ._repeats import Repeats, TrainRows
from ._report import CheckReport, VocabularyReport

__all__ = ["check"]


def check(
    config: Experiment, *, cache: str | Path | None = None, on_stage: Callable[[str], None] | None = None
) -> CheckReport:
    """Reads and encodes every row, measures, and judges.

    cache: as of `manyhot.train`, which then finds the encoded rows there; None keeps them in memory. on_stage: told in
    words what is being done.

    What is wrong with the data is a Finding in the report. Raises ConfigError where the experiment contradicts itself,
    and ModelFileError where it starts from a damaged file.
    """
    tell = on_stage or (lambda text: None)
    if len(config.schema.labels) > 1:
        raise ConfigError(
            f"check looks at one label, and data.labels has {len(config.schema.labels)}; write an experiment file with "
            "label instead, and check each"
        )
    split = config.data.split
    has_valid = config.data.valid is not None or (split is not None and "valid" in split.parts)
    check_settings(config.training, config.schema, has_valid=has_valid)
    if config.training.init_from is not None:
        check_start(config.training.init_from, config.model, config.schema)
    store = ExampleCache(Path(cache) if cache is not None else None, num_threads=config.training.threads)
    read = read_parts(config, schema_for(config.model, config.schema), store, tell)
    findings, train = read.findings, read.examples.get("train")
    report = CheckReport(read.parts, {}, (), {}, None, None, ())
    if read.encoder is not None and train is not None:
        tell("looking for columns that tell the label, and for rows of valid and test that are in train")
        columns, repeats = column_aucs(read.encoder, train), _repeats(train, read.examples)
        tell("taking a few steps of training")
        memory, seconds = _cost(config, read.encoder, read.examples, findings)
        report = CheckReport(read.parts, _vocabularies(read.encoder), columns, repeats, memory, seconds, ())
    findings += judge(config, report)
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return CheckReport(**{**vars(report), "findings": tuple(findings)})


def _repeats(train: Examples, parts: dict[str, Examples]) -> dict[str, Repeats]:
    others = {name: examples for name, examples in parts.items() if name != "train"}
    rows = TrainRows(train) if others else None
    return {name: rows.compare(examples) for name, examples in others.items() if rows is not None}


def _vocabularies(encoder: Encoder) -> dict[str, VocabularyReport]:
    reports = {}
    for name, vocabulary in encoder.vocabularies.items():
        fields = tuple(f.name for f in encoder.schema.fields if f.vocabulary_name == name)
        counted = vocabulary.counted
        if counted is None:
            reports[name] = VocabularyReport(fields, vocabulary.size)
            continue
        reports[name] = VocabularyReport(
            fields,
            vocabulary.size,
            counted.distinct,
            counted.occurrences,
            counted.distinct - counted.kept,
            1 - counted.kept_occurrences / max(1, counted.occurrences),
        )
    return reports


def _cost(
    config: Experiment, encoder: Encoder, parts: dict[str, Examples], findings: list[Finding]
) -> tuple[Memory | None, Time | None]:
    """What cannot be had is a finding, in the words of training."""
    memory = None
    try:
        memory = memory_of(config, encoder, parts)
        return memory, time_of(config, encoder, parts["train"], parts.get("valid"))
    except (ConfigError, TrainingError) as error:
        findings.append(Finding("error", "training", "training", str(error)))
        return memory, None
