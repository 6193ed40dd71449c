"""Proposal: all that an experiment file for the rows will say, found in a sample of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from manyhot.data import Encoder, as_source
from manyhot.errors import BadRowsError, DataError, ManyhotError, on_one_line
from manyhot.schema import Reading, Schema

from ._columns import Column, describe
from ._fields import FieldProposal, VocabularyProposal, choose
from ._label import Derivation, Label, choose_label, derive_label
from ._sample import Sample, read_sample
from ._siblings import find_siblings, query

__all__ = ["Proposal", "propose"]


@dataclass(frozen=True)
class Proposal:
    """All that an experiment file will say.

    data: paths or a query, as given. folder: where they start. reading: how they are read.
    derivation: how SQL makes the label of them. sample: the rows looked at, with the label.
    left_out: column -> reason. parts: "valid" and "test" where there are files for them.
    time: a column of moments, by which rows can be split. warnings: sentences for the user.
    """

    data: tuple[str, ...]
    folder: Path
    reading: Reading
    derivation: Derivation | None
    sample: Sample
    label: Label
    columns: tuple[Column, ...]
    fields: tuple[FieldProposal, ...]
    vocabularies: tuple[VocabularyProposal, ...]
    left_out: dict[str, str]
    parts: dict[str, str]
    time: str | None
    warnings: tuple[str, ...]

    @property
    def schema(self) -> Schema:
        """As the experiment file will give it."""
        return Schema(
            label=self.label.column,
            fields=tuple(proposed.field for proposed in self.fields),
            vocabularies=tuple(proposed.vocabulary for proposed in self.vocabularies),
        )


def propose(data: Sequence[str], folder: Path, *, label: str | None = None, valid: str | None = None) -> Proposal:
    """Reads the first rows and says what to train on them.

    data: paths, globs, or one SQL query. folder: where relative ones start. label: the column, where it is known.

    Raises DataError where there are no rows, no label, or nothing to learn from.
    """
    sample = read_sample(data, folder)
    columns, reading = _describe(sample), sample.reading
    chosen, derivation = choose_label(columns, label), None
    if chosen is None:
        derivation = derive_label(columns, label)
        if derivation is None:
            raise DataError(
                f"{sample.name}: no column holds just 0 and 1 in every row, so none can be the label; make one by SQL: "
                f"{query('*, ... AS label', data, reading)!r}"
            )
        sql = query(derivation.select, data, reading)
        sample = _derived(sample, sql, folder)
        columns = _describe(sample)
        chosen = choose_label(columns, derivation.name)
        if chosen is None:
            raise DataError(f"{sql}: the label has gaps; add WHERE ... IS NOT NULL, and start init with this query")
        chosen = replace(chosen, why=f"made of {on_one_line(derivation.column)} by SQL")
    becomes = choose(sample, columns, chosen, made_of=derivation.column if derivation is not None else None)
    times = [c.name for c in columns if c.kind == "time" and c.is_in_order_of_time]
    proposal = Proposal(
        data=tuple(data),
        folder=folder,
        reading=reading,
        derivation=derivation,
        sample=sample,
        label=chosen,
        columns=tuple(columns),
        fields=becomes.fields,
        vocabularies=becomes.vocabularies,
        left_out=becomes.left_out,
        parts=_parts(data, folder, sample, derivation, valid),
        time=times[0] if times else None,
        warnings=(),
    )
    return replace(proposal, warnings=tuple(map(on_one_line, _warnings(proposal))))


def _derived(sample: Sample, sql: str, folder: Path) -> Sample:
    try:
        return read_sample([sql], folder)
    except ManyhotError as error:
        raise DataError(
            f'{sample.name}: no column is a label of 0/1; SQL can make one, as in train = "{sql}", but reading that '
            f"failed: {error}"
        ) from None


def _parts(
    data: Sequence[str], folder: Path, sample: Sample, derivation: Derivation | None, valid: str | None
) -> dict[str, str]:
    if valid is not None:
        return {"valid": valid}
    return {} if derivation is not None else find_siblings(data, folder, sample)


def _describe(sample: Sample) -> list[Column]:
    return [describe(name, sample.table[name].chunk(0)) for name in sample.table.column_names]


def _warnings(proposal: Proposal) -> list[str]:
    sample, label, found = proposal.sample, proposal.label, []
    if label.share in (0.0, 1.0):
        found.append(f"{label.column} is always {int(label.share)} in the sample; training needs both")
    if sample.num_unnamed:
        found.append(f"{sample.num_unnamed} columns have no name (an index that pandas wrote?); they are left out")
    found += [f"{name} {why}; it is left out" for name, why in proposal.left_out.items() if "tells the label" in why]
    bad_rows = [sample.bad_rows] if sample.bad_rows else []
    try:
        Encoder.fit(proposal.schema, as_source(sample.table))
    except BadRowsError as error:
        bad_rows.append(str(error))
    found += [f"training will refuse such rows: {_in_one_line(sentence)}" for sentence in bad_rows]
    return found


def _in_one_line(sentence: str) -> str:
    """How many rows are bad, and the first of them."""
    summary, _, rows = sentence.partition("\n")
    return f"{summary.partition(';')[0]}, the first at {rows.splitlines()[0].strip()}" if rows else sentence
