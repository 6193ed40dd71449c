"""What is worth saying of fields, columns and vocabularies. docs/check.md explains the thresholds."""

from __future__ import annotations

import math
from collections.abc import Iterator

from manyhot.schema import Field, Schema, Vocabulary

from ._findings import Finding, Severity
from ._report import CheckReport, VocabularyReport
from ._tally import WEIGHTS, FieldReport
from ._words import percent

__all__ = ["judge_fields"]

LEAK_AUC = 0.98
IDENTIFYING = 0.95  # distinct tokens for each pair
EMPTINESS = 0.2  # of the bags, more or fewer than in train
MUCH_OOV, SOME_OOV, NEW_OOV = 0.5, 0.2, 0.1  # shares of the tokens; the last: beyond train's
MUCH_CUT, SOME_CUT = 0.5, 0.2  # shares of the occurrences
MANY_NULLS, SOME_NULLS = 0.01, 0.001  # shares of the pairs
LARGE = 100.0  # times what 99.9 % of the numbers stay below
LONG_BAG, LONGER_THAN_P99 = 100, 20
LEAST_PAIRS = 100  # for statements about shares and numbers


def judge_fields(schema: Schema, report: CheckReport) -> Iterator[Finding]:
    """Leaks first, then field by field, then vocabulary by vocabulary."""
    yield from _leaks(report)
    train = report.parts.get("train")
    for field in schema.fields:
        if train is not None and field.name in train.fields:
            yield from _field(field, train.fields[field.name], report)
    for vocabulary in schema.vocabularies:
        if vocabulary.name in report.vocabularies:
            yield from _cut(vocabulary, report.vocabularies[vocabulary.name])


def _leaks(report: CheckReport) -> Iterator[Finding]:
    for column in report.columns:
        if column.auc is not None and column.auc > LEAK_AUC:
            what = _named(column.field, column.column)
            text = f"{what} alone tell{_s(column.column)} the label with AUC {column.auc:.4f}; most likely"
            text += " that was written after the label: leave out what is not known in time"
            yield Finding("error", "leak", column.field, text)


def _field(field: Field, train: FieldReport, report: CheckReport) -> Iterator[Finding]:
    name = field.name
    if train.tokens == 0:
        text = "is empty in every row of train; check the column, or remove the field"
        yield Finding("warning", "always_empty", name, text)
        return
    yield from _constant(field, train)
    yield from _identifying(field, train, report.vocabularies[field.vocabulary_name])
    yield from _numbers(field, train)
    for word, share in train.nulls.items():
        if share >= SOME_NULLS:
            text = f'the token "{word}" is {percent(share)} of the pairs; if it stands for nothing, leave the value out'
            yield Finding("warning" if share >= MANY_NULLS else "note", "null_words", name, text)
    if train.most_pairs > LONG_BAG and train.most_pairs > LONGER_THAN_P99 * max(1, train.p99_pairs):
        text = f"one bag holds {train.most_pairs:,} pairs, and 99 % of them at most {train.p99_pairs:,}"
        yield Finding("note", "long_bags", name, text)
    for part_name in ("valid", "test"):
        part = report.parts.get(part_name)
        if part is not None and name in part.fields:
            yield from _against_train(field, part_name, part.fields[name], train)


def _constant(field: Field, train: FieldReport) -> Iterator[Finding]:
    name, always = field.name, "in every row of train; remove it"
    if field.is_value:
        for column, spread in train.numbers.items():
            if spread.low == spread.high and spread.count == train.rows > 1:
                text = f"{_named(name, column)} is {spread.low:g} {always}"
                yield Finding("warning", "constant", name, text)
    elif train.oov == train.tokens:
        yield Finding("warning", "oov", name, "every token of train is OOV; lower min_count or raise max_size")
    elif train.distinct_by_column:
        for column, distinct in train.distinct_by_column.items():
            if distinct == 1 and train.pairs_by_column[column] == train.rows > 1:
                yield Finding("warning", "constant", name, f"{_named(name, column)} holds the same token {always}")
    elif train.distinct == 1 and not train.oov and train.most_pairs == 1 and train.tokens == train.rows > 1:
        yield Finding("warning", "constant", name, f"holds the same token {always}")


def _identifying(field: Field, train: FieldReport, vocabulary: VocabularyReport) -> Iterator[Finding]:
    if field.numeric is not None:
        return
    if train.distinct_by_column:
        counts = [(c, d, train.pairs_by_column[c]) for c, d in train.distinct_by_column.items()]
    else:
        # Exact for a field with a vocabulary of its own; where others share it, no more than this.
        distinct = train.distinct + min(train.oov, vocabulary.cut or 0)
        buckets = field.vocabulary.hash_buckets if isinstance(field.vocabulary, Vocabulary) else None
        counts = [(field.name, _before_hashing(distinct, buckets) if buckets else distinct, train.tokens)]
    for column, distinct, pairs in counts:
        if pairs >= LEAST_PAIRS and distinct >= IDENTIFYING * pairs:
            text = f"{_named(field.name, column)} has {distinct:,} distinct tokens in {pairs:,} pairs of train"
            text += ": it identifies the row, and can only be learned by heart; remove it"
            yield Finding("warning", "identifies_rows", field.name, text)


def _before_hashing(filled: int, buckets: int) -> int:
    """Distinct tokens that fill so many of the buckets (linear counting, Whang et al. 1990); 0 where nearly all are
    filled, which tells nothing."""
    return round(-buckets * math.log(1 - filled / buckets)) if filled < 0.9 * buckets else 0


def _numbers(field: Field, train: FieldReport) -> Iterator[Finding]:
    for column, spread in train.numbers.items():
        largest = max(abs(spread.low), abs(spread.high))
        if spread.count < LEAST_PAIRS or not (spread.far_share > 0 or largest > LARGE * spread.below):
            continue
        what = _named(field.name, column) if field.is_value else "the weights"
        text = f"{what} go{'es' if field.is_value else ''} from {spread.low:.6g} to {spread.high:.6g}"
        if spread.far_share:
            text += f", and {percent(spread.far_share)} lie more than 10 deviations from the mean of {spread.mean:.3g}"
        else:
            text += f", and 99.9 % lie within {spread.below:.3g} of 0"
        remedy = "add clip, log1p or quantile_bucket" if field.is_value else "clip them, or take their logarithm"
        yield Finding("warning", "far_numbers", field.name, f"{text}; few rows will rule the weights: {remedy}")


def _against_train(field: Field, name: str, part: FieldReport, train: FieldReport) -> Iterator[Finding]:
    if abs(part.empty_share - train.empty_share) > EMPTINESS:
        text = (
            f"{percent(part.empty_share)} of the bags of {name} are empty, and {percent(train.empty_share)} of train's"
        )
        yield Finding("warning", "emptiness", field.name, f"{text}; check how the two were made")
    if part.oov_share >= SOME_OOV and part.oov_share >= train.oov_share + NEW_OOV:
        text = f"{percent(part.oov_share)} of the tokens of {name} are OOV, and {percent(train.oov_share)} of train's"
        yield Finding("warning" if part.oov_share >= MUCH_OOV else "note", "oov", field.name, text)


def _cut(vocabulary: Vocabulary, report: VocabularyReport) -> Iterator[Finding]:
    if not report.cut or report.cut_share is None or report.cut_share < SOME_CUT:
        return
    keys = [f"min_count = {vocabulary.min_count}"] if vocabulary.min_count > 1 else []
    keys += [f"max_size = {vocabulary.max_size}"] if vocabulary.max_size is not None else []
    cut = f"cut{_s('') if len(keys) == 1 else ''} {report.cut:,} of {report.distinct:,} tokens"
    text = f"{' and '.join(keys)} {cut}, {percent(report.cut_share)} of the occurrences"
    severity: Severity = "warning" if report.cut_share >= MUCH_CUT else "note"
    yield Finding(severity, "cut_tokens", vocabulary.name, text)


def _named(field: str, column: str) -> str:
    """The column where it is not named as the field is, which the finding names already."""
    return "the weights" if column == WEIGHTS else "it" if column == field else f'column "{column}"'


def _s(column: str) -> str:
    return "" if column == WEIGHTS else "s"
