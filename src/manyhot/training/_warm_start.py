"""Tables that start as those of another model: `init_from`, as FNN starts from an FM (Zhang et al. 2016)."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from pathlib import Path

import numpy as np

from manyhot.data import Encoder, FittedVocabulary
from manyhot.errors import ConfigError
from manyhot.kernels import Int32s, Tokens
from manyhot.model_file import load_model, read_settings
from manyhot.nn import BuildHead, Model
from manyhot.schema import ModelConfig, Schema

__all__ = ["check_start", "take_rows"]

_FRESH = -1


def check_start(path: str, model: ModelConfig, schema: Schema, heads: Container[str] = ()) -> None:
    """Before any row is read: raises ModelFileError where there is no whole model file, and ConfigError where its rows
    cannot be those of this model, or where it has custom heads beside the given."""
    other, other_schema = read_settings(Path(path))
    where = f'training: init_from = "{path}"'
    for head in other.custom_heads:
        if head not in heads:
            raise ConfigError(
                f'{where}: it has a head of its user\'s own, "{head}", without which it cannot be read; train a model '
                "with that head in Python, or take another file"
            )
    if other.has_latent and model.has_latent:
        if other.is_field_aware != model.is_field_aware or (
            model.is_field_aware and [f.name for f in other_schema.fields] != [f.name for f in schema.fields]
        ):
            raise ConfigError(
                f"{where}: latent rows for each field start from those of a model of the same fields alone, and others "
                "from others; take another file"
            )
        if other.embedding_dim != model.embedding_dim:
            raise ConfigError(
                f"{where}: its latent rows have {other.embedding_dim} numbers and those of this model "
                f"{model.embedding_dim}; set embedding_dim = {other.embedding_dim}"
            )
    theirs, ours = ([v.name for v in each.vocabularies] for each in (other_schema, schema))
    if not set(theirs) & set(ours):
        raise ConfigError(
            f"{where}: none of its vocabularies ({', '.join(theirs)}) has the name of one here ({', '.join(ours)}); "
            "rows are taken over by the names of vocabularies"
        )


def take_rows(network: Model, encoder: Encoder, path: str, heads: Mapping[str, BuildHead]) -> str:
    """Sets the rows of tokens that the model file knows to what they are there, latent where both models have it;
    gives how many rows of each vocabulary those are, in words. The file has passed `check_start`."""
    other = load_model(Path(path), heads=heads)
    tables, old_tables = network.tables, other.network.tables
    taken = []
    for name, vocabulary in encoder.vocabularies.items():
        old_rows = np.full(vocabulary.size, _FRESH, np.int32)
        if name in other.encoder.vocabularies and _same_trees(encoder, other.encoder, name):
            columns, old_columns = (of.schema.columns_of(name) for of in (encoder, other.encoder))
            old_rows = _old_rows(vocabulary, other.encoder.vocabularies[name], columns, old_columns)
            known = old_rows != _FRESH
            tables.linear(name)[known] = old_tables.linear(name)[old_rows[known]]
            if tables.dim and old_tables.dim:
                tables.latent(name)[known] = old_tables.latent(name)[old_rows[known]]
        taken.append(f"{name} {np.count_nonzero(old_rows != _FRESH):,} of {len(old_rows):,}")
    what = "rows" if tables.dim and old_tables.dim else "linear weights"
    return f"{what} taken over from {path}: {', '.join(taken)}"


def _same_trees(new: Encoder, old: Encoder, vocabulary: str) -> bool:
    """Leaves are numbers, which mean the same where the trees are the same; so do those of tokens always."""
    ours, theirs = new.trees_of(vocabulary), old.trees_of(vocabulary)
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[key], theirs[key]) for key in ours)


def _old_rows(
    new: FittedVocabulary, old: FittedVocabulary, columns: Sequence[str], old_columns: Sequence[str]
) -> Int32s:
    """For each row of the new vocabulary that of the same token in the old one, int32 [V]; -1 where it has none.
    columns, old_columns: what gives tokens to each."""
    rows = np.full(new.size, _FRESH, np.int32)
    rows[0] = 0  # OOV
    buckets = new.vocabulary.hash_buckets
    if buckets is None:
        ids = old.known_ids(_tokens(new))
        rows[1 : 1 + len(ids)] = np.where(ids > 0, ids, _FRESH)
    elif buckets == old.vocabulary.hash_buckets:
        rows[:] = np.arange(new.size)
    shared = new.vocabulary.oov_buckets
    if shared is not None and shared == old.vocabulary.oov_buckets:
        rows[-shared:] = np.arange(old.size - shared, old.size)
    if new.vocabulary.oov == old.vocabulary.oov == "column":
        for place, column in enumerate(columns):
            if column in old_columns:
                rows[place - len(columns)] = old.size - len(old_columns) + old_columns.index(column)
    return rows


def _tokens(vocabulary: FittedVocabulary) -> Tokens:
    """In the order of their ids, from id 1."""
    if vocabulary.vocabulary.identity is None:
        return vocabulary.tokens
    numbers = np.arange(vocabulary.vocabulary.identity).astype(np.bytes_)
    starts = np.arange(len(numbers), dtype=np.int64) * numbers.itemsize
    return Tokens(numbers.view(np.uint8), starts, np.strings.str_len(numbers).astype(np.int32))
