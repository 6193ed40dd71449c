"""From what was measured to what is worth saying. Every threshold stands here; docs/check.md explains them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from manyhot.schema import Experiment, Field, Vocabulary

from ._findings import Finding
from ._report import CheckReport, PartReport, VocabularyReport
from ._tally import FieldReport
from ._words import percent

__all__ = ["judge"]

LEAK_AUC = 0.98
IDENTIFYING = 0.95  # distinct tokens a pair
FEW_LABELS = 10
RATE_OF_PART, RATE_OF_FILE = 2.0, 3.0  # factors between label rates
SURE = 6.0  # deviations that chance would hardly give, however many files are looked at
EMPTY_CHANGES = 0.2
MUCH_OOV, SOME_OOV = 0.5, 0.2
MANY_NULLS, SOME_NULLS = 0.01, 0.001
LARGE = 100.0  # times what 99.9 % of the numbers stay below
LONG_BAG, LONGER_THAN_P99 = 100, 20
CUT_SHARE = 0.3
REPEATED, ALL_REPEATED = 0.01, 0.9
LEAST_ROWS = 100  # for statements about shares


def judge(config: Experiment, report: CheckReport) -> list[Finding]:
    """The findings, part by part and field by field."""
    findings = [finding for name, part in report.parts.items() for finding in _labels(config, name, part, report)]
    findings += _columns(report)
    train = report.parts.get("train")
    if train is not None:
        for field in config.schema.fields:
            if field.name in train.fields:
                findings += _field(field, report)
    for vocabulary in config.schema.vocabularies:
        if vocabulary.name in report.vocabularies:
            findings += _vocabulary(vocabulary, report.vocabularies[vocabulary.name])
    findings += _repeats(report)
    return findings + list(_memory(report))


def _labels(config: Experiment, name: str, part: PartReport, report: CheckReport) -> Iterator[Finding]:
    if part.rejected:
        read = part.rejected + (part.rows or 0)
        yield Finding("error", name, f"{part.rejected:,} of {read:,} rows are bad; correct or remove them")
    if part.rows == 0 and not part.rejected:
        yield Finding("error", name, f"{part.source} holds no rows")
    if part.positives is None or part.label_rate is None or not part.rows:
        return
    fewer = min(part.positives, part.rows - part.positives)
    if fewer == 0:
        all_are = f"all {part.rows:,} labels are {int(part.positives > 0)}"
        stopping = config.training.early_stopping
        if name == "train":
            yield Finding("error", name, f'{all_are}, so there is nothing to learn; check column "{config.data.label}"')
        elif name == "valid" and stopping is not None and stopping.metric == "auc":
            yield Finding("error", name, f"{all_are}: early stopping by AUC would refuse; give rows of both classes")
        else:
            yield Finding("warning", name, f"{all_are}, and AUC is undefined")
    elif fewer < FEW_LABELS:
        yield Finding("warning", name, f"only {fewer} rows have the rarer label; whatever is measured will be chance")
    for file in part.files if len(part.files) > 1 else ():
        if _differs(file.positives, file.rows, part.label_rate, RATE_OF_FILE):
            rates = f"{percent(file.label_rate)} of {file.name}, {percent(part.label_rate)} of all"
            yield Finding("warning", name, f"the label rate of one file is another: {rates}; check how it was made")
    train = report.parts.get("train")
    if name != "train" and train is not None and train.label_rate is not None:
        if _differs(part.positives, part.rows, train.label_rate, RATE_OF_PART):
            rates = f"{percent(part.label_rate)}, and {percent(train.label_rate)} in train"
            yield Finding("warning", name, f"the label rate is {rates}; probabilities will be off by that factor")


def _differs(positives: int, rows: int, expected: float, factor: float) -> bool:
    """Whether a label rate is another by more than the factor, and not by chance."""
    if not 0 < expected < 1:
        return False
    sure = abs(positives - rows * expected) > SURE * math.sqrt(rows * expected * (1 - expected))
    return sure and not expected / factor <= positives / rows <= expected * factor


def _columns(report: CheckReport) -> Iterator[Finding]:
    for column in report.columns:
        if column.auc is not None and column.auc > LEAK_AUC:
            what = _named(column.field, column.column)
            text = f"{what} alone tells the label with AUC {column.auc:.4f}; most likely it is written after the label"
            yield Finding("error", column.field, f"{text}: remove it, or leave out what is not known in time")


def _field(field: Field, report: CheckReport) -> Iterator[Finding]:
    train = report.parts["train"].fields[field.name]
    if train.tokens == 0:
        yield Finding("warning", field.name, "is empty in every row of train; check the column, or remove the field")
        return
    yield from _constant(field, train)
    yield from _identifying(field, train, report.vocabularies[field.vocabulary_name])
    yield from _numbers(field, train)
    for word, share in train.nulls.items():
        if share >= SOME_NULLS:
            text = (
                f'the token "{word}" is {percent(share)} of the pairs; if it stands for nothing, leave the value empty'
            )
            yield Finding("warning" if share >= MANY_NULLS else "note", field.name, text)
    if train.most_pairs > LONG_BAG and train.most_pairs > LONGER_THAN_P99 * max(1, train.p99_pairs):
        text = f"one bag holds {train.most_pairs:,} pairs, and 99 % hold at most {train.p99_pairs:,}"
        yield Finding("note", field.name, f"{text}; such rows cost time, and weigh little once combined")
    for name in ("valid", "test"):
        part = report.parts.get(name)
        if part is not None and field.name in part.fields:
            yield from _against_train(field, name, part.fields[field.name], train)


def _constant(field: Field, train: FieldReport) -> Iterator[Finding]:
    if train.rows < 2:
        return
    if not field.is_value and train.oov == train.tokens:
        yield Finding("warning", field.name, "every token of train is OOV; lower min_count")
    elif not field.is_value and train.tokens == train.rows and train.most_pairs == 1 and train.distinct == 1:
        if not train.oov:
            yield Finding("warning", field.name, "holds the same token in every row of train; remove the field")
    for column, distinct in train.distinct_by_column.items():
        if not field.is_value and distinct == 1 and train.pairs_by_column[column] == train.rows:
            yield Finding("warning", field.name, f'column "{column}" holds the same token in every row of train')
    for column, spread in train.numbers.items():
        if field.is_value and spread.low == spread.high and spread.count == train.rows:
            text = f"{_named(field.name, column)} is {spread.low:g} in every row of train; remove it"
            yield Finding("warning", field.name, text)


def _identifying(field: Field, train: FieldReport, vocabulary: VocabularyReport) -> Iterator[Finding]:
    if field.is_value:
        return
    if train.distinct_by_column:
        counts = [(c, d, train.pairs_by_column[c]) for c, d in train.distinct_by_column.items()]
    else:
        # Exact for a field with a vocabulary of its own; where it is shared, no more than this.
        distinct = train.distinct + min(train.oov, vocabulary.cut or 0)
        hashed = isinstance(field.vocabulary, Vocabulary) and field.vocabulary.hash_buckets
        counts = [(field.name, _before_hashing(distinct, hashed) if hashed else distinct, train.tokens)]
    for column, distinct, pairs in counts:
        if pairs >= LEAST_ROWS and distinct >= IDENTIFYING * pairs:
            what = _named(field.name, column)
            text = f"{what} has {distinct:,} distinct tokens in {pairs:,} pairs of train: it identifies the row"
            yield Finding("warning", field.name, f"{text}, and can be learned by heart only; remove it")


def _before_hashing(filled: int, buckets: int) -> int:
    """Distinct tokens that fill so many of the buckets (linear counting, Whang et al. 1990); 0 where nearly all are
    filled, which tells nothing."""
    return round(-buckets * math.log(1 - filled / buckets)) if filled < 0.9 * buckets else 0


def _numbers(field: Field, train: FieldReport) -> Iterator[Finding]:
    for column, spread in train.numbers.items():
        largest = max(abs(spread.low), abs(spread.high))
        if spread.count < LEAST_ROWS or not (spread.far_share > 0 or largest > LARGE * spread.below):
            continue
        what = _named(field.name, column) if field.is_value else "the weights"
        text = f"{what} reach{'es' if field.is_value else ''} from {spread.low:.6g} to {spread.high:.6g}"
        usual = f"99.9 % lie within {spread.below:.3g} of 0" if largest > spread.below else f"mean {spread.mean:.3g}"
        far = f", {percent(spread.far_share)} lie more than 10 deviations from the mean" if spread.far_share else ""
        remedy = "add clip, log1p or quantile_bucket" if field.is_value else "clip them, or take their logarithm"
        yield Finding("warning", field.name, f"{text}; {usual}{far}: few rows will rule the tables; {remedy}")


def _against_train(field: Field, name: str, part: FieldReport, train: FieldReport) -> Iterator[Finding]:
    if abs(part.empty_share - train.empty_share) > EMPTY_CHANGES:
        shares = f"{percent(part.empty_share)} of {name} are empty, and {percent(train.empty_share)} of train"
        yield Finding("warning", field.name, f"{shares}; check how the two were made")
    if part.oov_share >= SOME_OOV and part.tokens:
        text = f"{percent(part.oov_share)} of the tokens in {name} are OOV, and {percent(train.oov_share)} in train"
        yield Finding("warning" if part.oov_share >= MUCH_OOV else "note", field.name, text)


def _vocabulary(vocabulary: Vocabulary, report: VocabularyReport) -> Iterator[Finding]:
    if report.cut and report.cut_share is not None and report.cut_share > CUT_SHARE:
        keys = [f"min_count = {vocabulary.min_count}"] if vocabulary.min_count > 1 else []
        keys += [f"max_size = {vocabulary.max_size}"] if vocabulary.max_size is not None else []
        text = f"{' and '.join(keys)} cut{'s' if len(keys) == 1 else ''} {report.cut:,} of {report.distinct:,} tokens"
        yield Finding("warning", vocabulary.name, f"{text}, {percent(report.cut_share)} of the occurrences")


def _repeats(report: CheckReport) -> Iterator[Finding]:
    for name, repeats in report.repeats.items():
        excess = repeats.share - repeats.train_share
        if repeats.share < REPEATED:
            continue
        text = f"{percent(repeats.share)} of the rows are also in train, field by field"
        within = f"{percent(repeats.train_share)} of train's rows repeat another row of train"
        if excess < REPEATED:
            yield Finding("note", name, f"{text}; {within}, so rows are alike by nature")
        elif repeats.share >= ALL_REPEATED and excess >= MUCH_OOV:
            yield Finding("error", name, f"{text}: it measures what was learned by heart; give other rows")
        else:
            yield Finding("warning", name, f"{text}, while {within}; metrics will be too good, check the split")


def _memory(report: CheckReport) -> Iterator[Finding]:
    memory = report.memory
    if memory is None or memory.free is None or memory.tables > memory.free:
        return  # where tables do not fit, training's own sentence is there already
    if memory.tables + memory.best_copy > memory.free:
        text = f"the tables fit into the {memory.free / 1e9:.1f} GB that are free, the copy for early stopping does not"
        yield Finding("warning", "training", text)
    if memory.tables + memory.examples > memory.free:
        text = f"the encoded rows ({memory.examples / 1e9:.1f} GB) will be read from disk again in each epoch"
        yield Finding("note", "training", text)


def _named(field: str, column: str) -> str:
    return f'column "{column}"' if column not in ("weights", field) else "it" if column == field else "the weights"
