"""The experiment file that init writes: a line a decision, the reason beside it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from manyhot.data import is_sql
from manyhot.errors import on_one_line

from ._fields import FieldProposal, VocabularyProposal
from ._overlap import Overlap
from ._propose import Proposal
from ._siblings import query
from ._words import percent

__all__ = ["to_toml"]

Line = tuple[str, str]  # what TOML reads, and the comment
_WIDTH = 120
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_TRAINING: list[Line] = [
    ("[training]", ""),
    ("", "Nothing needs to stand here: batches by the number of rows, adam, and valid says when to stop."),
]


def to_toml(proposal: Proposal, path: Path) -> str:
    """The text of the experiment file that will stand at `path`; relative paths count from its folder."""
    sample = proposal.sample
    rows = f"all {sample.num_rows:,} rows" if sample.is_whole else f"the first {sample.num_rows:,} rows"
    blocks: list[list[Line]] = [
        [("", f"Written by manyhot init after a look at {rows}. Read it, then: manyhot train {path.name}")],
        _data(proposal, path.parent),
        [line for vocabulary in proposal.vocabularies for line in _vocabulary(vocabulary)],
        [line for field in proposal.fields for line in _field(field)],
        _left_out(proposal),
        _model(proposal),
        _TRAINING,
    ]
    return "\n\n".join(_aligned(block) for block in blocks if block) + "\n"


def _relative(path: str, start: Path, folder: Path) -> str:
    """A path that counts from `start` as an experiment file in `folder` has to write it."""
    if is_sql(path) or "://" in path or Path(path).is_absolute():
        return path
    return os.path.relpath(start / path, folder)


def _data(proposal: Proposal, folder: Path) -> list[Line]:
    sample, label = proposal.sample, proposal.label
    train = [_relative(path, proposal.folder, folder) for path in proposal.data]
    if proposal.derivation is not None:
        train = [query(proposal.derivation.select, train, proposal.reading)]
    lines: list[Line] = [("[data]", ""), (f"train = {_value(train[0] if len(train) == 1 else train)}", "")]
    lines += [
        (f"{part} = {_value(_relative(path, proposal.folder, folder))}", "") for part, path in proposal.parts.items()
    ]
    if "valid" not in proposal.parts:
        lines += _split(proposal)
    share = f"{percent(label.share)} of the rows are 1"
    why = proposal.derivation.why if proposal.derivation is not None else f"{label.why}; {share}"
    lines.append((f"label = {_value(label.column)}", why))
    if sample.reading.format is not None:
        lines.append((f"format = {_value(sample.reading.format)}", ""))
    if sample.reading.delimiter is not None:
        lines.append((f"delimiter = {_value(sample.reading.delimiter)}", ""))
    if sample.reading.columns is not None:
        why = "these are Criteo's columns" if sample.has_names else "the names are made up, give better ones"
        lines += [("", f"The first line is a row; {why}."), *_list("columns", sample.reading.columns)]
    if not sample.reading.quote:
        lines.append(("quote = false", ""))
    return lines


def _list(key: str, values: Iterable[str]) -> Iterable[Line]:
    """A list over as many lines as it needs."""
    line = f"{key} = ["
    for value in values:
        if len(line) + len(_value(value)) + 3 > _WIDTH:
            yield line, ""
            line = "   "
        line += f"{'' if line.endswith('[') else ' '}{_value(value)},"
    yield f"{line.removesuffix(',')}]", ""


def _split(proposal: Proposal) -> list[Line]:
    """Rows to look at, kept apart from those learned from."""
    if proposal.time is not None:
        return [
            ('split = { by = "time", valid = 0.1 }', "the last tenth of the time is kept apart"),
            (f"time = {_value(proposal.time)}", ""),
        ]
    return [('split = { by = "fraction", valid = 0.1 }', "no column of times was found: a tenth, by chance")]


def _vocabulary(proposed: VocabularyProposal) -> Iterable[Line]:
    vocabulary = proposed.vocabulary
    fewer = vocabulary.min_count > 1
    yield f"[vocabularies.{_key(vocabulary.name)}]", "" if fewer else proposed.why
    for overlap in proposed.overlaps:
        yield "", _shared(overlap)
    if fewer:
        yield f"min_count = {vocabulary.min_count}", proposed.why


def _shared(overlap: Overlap) -> str:
    chance = f"; {percent(overlap.by_chance)} by chance" if overlap.by_chance >= 0.005 else ""
    return (
        f"shared: {percent(overlap.of_tokens)} of the tokens of {overlap.smaller}, {percent(overlap.of_occurrences)} "
        f"of their occurrences, are in {overlap.larger} too{chance}"
    )


def _field(proposed: FieldProposal) -> Iterable[Line]:
    field = proposed.field
    yield f"[fields.{_key(field.name)}]", proposed.comment
    if isinstance(field.vocabulary, str):
        yield f"vocabulary = {_value(field.vocabulary)}", ""
    if field.separators is not None:
        weight = f", weight = {_value(field.separators.weight)}" if field.separators.weight else ""
        yield f"separators = {{ pair = {_value(field.separators.pair)}{weight} }}", ""
    if field.weights is not None:
        yield f"weights = {_value(field.weights)}", "lists as long as those of the tokens"
    if field.numeric is not None:
        yield f"numeric = {_value(field.numeric)}", ""
    if field.missing == "oov":
        yield 'missing = "oov"', ""


def _left_out(proposal: Proposal) -> list[Line]:
    if not proposal.left_out:
        return []
    width = max(len(name) for name in proposal.left_out)
    return [("", "Left out:"), *(("", f"  {name:{width}}  {why}") for name, why in proposal.left_out.items())]


def _model(proposal: Proposal) -> list[Line]:
    large = not proposal.sample.is_whole
    units = "[400, 400]" if large else "[64, 32]"
    return [
        ("[model]", ""),
        ('name = "deepfm"', ""),
        (f"embedding_dim = {16 if large else 8}", ""),
        (f"hidden_units = {units}", "" if large else "small: so are the data"),
    ]


def _aligned(block: Iterable[Line]) -> str:
    """Comments of a block in one column, those that do not fit above their line.

    They hold names and values of strangers' files: a line break in one would begin a line that TOML reads.
    """
    block = [(code, on_one_line(comment)) for code, comment in block]
    column = max((len(code) for code, comment in block if comment and len(code) <= 60), default=0) + 2
    lines: list[str] = []
    for code, comment in block:
        if not comment or not code:
            lines.append(code or f"# {comment}")
        elif len(code) < column and column + len(comment) + 2 <= _WIDTH:
            lines.append(f"{code:{column}}# {comment}")
        else:
            lines += [f"# {comment}", code]
    return "\n".join(lines)


def _key(name: str) -> str:
    """A TOML key."""
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: object) -> str:
    """A TOML value: JSON's texts and lists are TOML's, too. Whatever cannot be seen is escaped, some of it by TOML's
    rules, the rest because who reads the file would not notice it or because a terminal would obey it."""
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in json.dumps(value, ensure_ascii=False))
