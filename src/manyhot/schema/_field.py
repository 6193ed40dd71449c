"""Field: a named bag of (feature, weight) pairs, and the columns that feed it."""

from __future__ import annotations

from typing import Literal

from manyhot.errors import ConfigError

from ._config import Config, first_twice
from ._gbdt import GBDT
from ._transforms import Step, parse_steps
from ._vocabulary import Vocabulary

__all__ = ["Combiner", "Field", "Separators"]

Combiner = Literal["sum", "mean", "sqrtn"]


class Separators(Config, frozen=True, kw_only=True):
    """How a bag is written as text. pair: between pairs. weight: between token and weight, None where there are no
    weights.

    A token may contain the weight separator: a pair is split at the last one.
    """

    pair: str = ","
    weight: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for key, value in (("pair", self.pair), ("weight", self.weight)):
            if value is not None and len(value.encode()) != 1:
                raise ConfigError(f'separators: {key} = "{value}" must be one ASCII character')
        if self.pair == self.weight:
            raise ConfigError(f'separators: pair and weight are both "{self.pair}"; they must differ')


class _Leading(Config, frozen=True):
    name: str
    vocabulary: Vocabulary | str | None = None


class Field(_Leading, frozen=True, kw_only=True):
    """A field: in one example a bag of 0..n (feature, weight) pairs.

    name: unique in a schema; also the column that feeds the field unless `column` or `columns` says otherwise.
    vocabulary: the Vocabulary (or its name); fields naming the same one share its tables. None: one of its own.
    combiner: "sum", "mean" or "sqrtn"; None is sqrtn for tokens and sum for numeric values
        (a single number divided by itself would always be 1) and for leaves (each tree counts as a field of its own).
    column: the column that feeds it: a scalar (string, int, bool, date), a list, a list of structs (token, weight), a
        map, or text with `separators`.
    columns: several columns in one bag; a token becomes "column/token", a numeric value gets the token "column".
    cross: two or three other fields of the schema, in place of columns: the bag holds every combination of one pair of
        each, its token their tokens joined, its weight their product.
    gbdt: in place of columns boosted trees, fitted on the training rows; the bag holds the leaf of each tree.
    weights: a column of weights parallel to `column`.
    separators: the column is text holding a bag, as in "wechat:0.9,weibo:0.5".
    numeric: the column is a number: a list of transforms (may be empty), or one such list for each column.
    missing: what a bag without pairs is (null, "", or an empty list): "empty"; "oov", the pair (OOV, 1); or "token",
        the pair ("<missing>", 1), whose token is learned like any other.
    max_pairs: a bag of more keeps those of the largest |weight|, of equal ones the first.

    Raises ConfigError for combinations that cannot be meant.
    """

    combiner: Combiner | None = None
    column: str | None = None
    columns: tuple[str, ...] | None = None
    cross: tuple[str, ...] | None = None
    gbdt: GBDT | None = None
    weights: str | None = None
    separators: Separators | None = None
    numeric: tuple[str, ...] | dict[str, tuple[str, ...]] | None = None
    missing: Literal["empty", "oov", "token"] = "empty"
    max_pairs: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        where = f'field "{self.name}"'
        if not self.name:
            raise ConfigError("a field needs a name that is not empty")
        if self.column is not None and self.columns is not None:
            raise ConfigError(f"{where}: column and columns exclude each other; keep one of them")
        if self.columns is not None and not self.columns:
            raise ConfigError(f"{where}: columns is empty; name at least one column")
        twice = first_twice(self.input_columns)
        if twice is not None:
            raise ConfigError(f'{where}: column "{twice}" is named twice')
        if self.weights is not None:
            self._check_weights(where)
        if self.max_pairs is not None and not 1 <= self.max_pairs < 2**31:
            raise ConfigError(f"{where}: max_pairs = {self.max_pairs} must lie between 1 and 2^31 - 1")
        if self.cross is not None:
            self._check_cross(where)
        if self.gbdt is not None:
            self._check_gbdt(where)
        if self.numeric is not None:
            self._check_numeric(where)

    def _check_cross(self, where: str) -> None:
        assert self.cross is not None
        for key in ("column", "columns", "weights", "separators", "numeric"):
            if getattr(self, key) is not None:
                raise ConfigError(
                    f"{where}: a cross reads fields, not columns, so it has no {key}; remove one of the two"
                )
        if self.missing != "empty":
            raise ConfigError(f"{where}: a cross of an empty bag is empty; set missing in the fields it crosses")
        if len(self.cross) not in (2, 3):
            raise ConfigError(f"{where}: cross must name two or three fields, not {len(self.cross)}")
        twice = first_twice(self.cross)
        if twice is not None:
            raise ConfigError(f'{where}: cross names field "{twice}" twice')

    def _check_gbdt(self, where: str) -> None:
        for key in ("column", "columns", "cross", "weights", "separators", "numeric", "max_pairs"):
            if getattr(self, key) is not None:
                raise ConfigError(f"{where}: gbdt names its own columns and has no {key}; remove one of the two")
        if self.missing != "empty":
            raise ConfigError(f"{where}: trees have a branch for what is missing; remove missing")

    def _check_weights(self, where: str) -> None:
        if self.columns is not None:
            raise ConfigError(f"{where}: weights belongs to one column; use column instead of columns")
        if self.separators is not None:
            raise ConfigError(
                f"{where}: text with separators holds its own weights; "
                "use separators = { weight = ... } or a list column with weights"
            )
        if self.weights in self.input_columns:
            raise ConfigError(f'{where}: weights names the column of the tokens, "{self.weights}"')

    def _check_numeric(self, where: str) -> None:
        for key in ("weights", "separators", "max_pairs"):
            if getattr(self, key) is not None:
                raise ConfigError(f"{where}: a numeric field has no {key}; remove one of the two")
        if isinstance(self.numeric, dict):
            missing, extra = set(self.input_columns) - set(self.numeric), set(self.numeric) - set(self.input_columns)
            if missing or extra:
                name = min(missing or extra)
                what = "has no transforms" if missing else "is not one of the field's columns"
                raise ConfigError(f'{where}: numeric: column "{name}" {what}; give one list for each column')
        kinds = set()
        for column in self.input_columns:
            steps = self.steps(column)
            kinds.add(bool(steps) and steps[-1].is_bucket)
        if len(kinds) > 1:
            raise ConfigError(f"{where}: some columns end in a bucket and some in a value; make two fields of them")
        if kinds == {False} and len(self.input_columns) == 1 and self.combiner in ("mean", "sqrtn"):
            raise ConfigError(
                f'{where}: combiner "{self.combiner}" divides a single number by itself, which leaves 1; use "sum"'
            )
        if kinds == {False} and self.missing != "empty":
            raise ConfigError(f'{where}: missing = "{self.missing}" is for tokens; a missing number is an empty bag')

    @property
    def input_columns(self) -> tuple[str, ...]:
        """The columns of tokens or numbers, in order (the weights column is not among them); none of a cross or of
        trees, whose tokens come of no single column."""
        if self.cross is not None or self.gbdt is not None:
            return ()
        return self.columns if self.columns is not None else (self.column or self.name,)

    @property
    def columns_read(self) -> tuple[str, ...]:
        """Every column that the field reads itself."""
        weights = () if self.weights is None else (self.weights,)
        return (*self.input_columns, *weights, *(self.gbdt.input_columns if self.gbdt is not None else ()))

    def steps(self, column: str) -> tuple[Step, ...]:
        """The parsed transforms of one numeric column."""
        texts = self.numeric[column] if isinstance(self.numeric, dict) else self.numeric
        return parse_steps(texts or (), f'field "{self.name}", column "{column}"')

    @property
    def is_value(self) -> bool:
        """Whether pairs are (column name, number) and not (token, weight)."""
        if self.numeric is None:
            return False
        steps = self.steps(self.input_columns[0])
        return not (steps and steps[-1].is_bucket)

    @property
    def has_fitted_buckets(self) -> bool:
        """Whether pairs are (bucket, 1) and the bucket of a number is known only when a step has been fitted."""
        if self.numeric is None or self.is_value:
            return False
        return any(step.is_fitted for column in self.input_columns for step in self.steps(column))

    @property
    def effective_combiner(self) -> Combiner:
        """The combiner with the default filled in."""
        return self.combiner or ("sum" if self.is_value or self.gbdt is not None else "sqrtn")

    @property
    def vocabulary_name(self) -> str:
        """The name of the vocabulary; the field's own where none was given."""
        if self.vocabulary is None:
            return self.name
        return self.vocabulary if isinstance(self.vocabulary, str) else self.vocabulary.name
