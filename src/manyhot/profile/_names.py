"""What column names say: identifiers, amounts, times, labels, and names of the same thing."""

from __future__ import annotations

import re

__all__ = ["are_kin", "label_score", "names_a_quantity", "names_a_rating", "names_a_time", "names_an_id", "words_of"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_IDS = _words(
    "id ids uid pid code type key hash zip zipcode postcode sku isbn user item ad advertiser customer campaign brand "
    "shop store seller product movie film app city country region state device site category cate genre channel "
    "publisher occupation gender sex song artist video author query page url domain ip os browser model network "
    "carrier creative slot position segment cluster group level class"
)
_QUANTITIES = _words(
    "count cnt counts num number price amount age days hours minutes seconds rate ratio score length size ctr cvr "
    "height width duration total sum avg mean max min clicks views impressions visits balance income salary quantity "
    "qty distance weight weights revenue cost bid spend temperature percent pct"
)
_TIMES = _words("time times timestamp date datetime ts dt day hour stamp at created updated month")
_RATINGS = _words("rating ratings stars score grade rate")
_LABELS = {
    "label": 10, "labels": 9, "click": 9, "clicked": 9, "clk": 9, "target": 8, "y": 7, "conversion": 7, "converted": 7,
    "purchase": 7, "purchased": 7, "bought": 7, "buy": 6, "order": 5, "ordered": 6, "install": 6, "installed": 5,
    "like": 6, "likes": 6, "liked": 6, "attributed": 6, "response": 6, "outcome": 6, "positive": 6, "class": 4,
}  # fmt: skip
_NEGATIONS = ("non", "not", "no", "un", "dis")
# Words that say how a value is kept, not what it names.
_EMPTY = _words("id ids list code type tag the of in is to name key hash num no new last first all")
_NOT_IDS = ("paid", "bid", "grid", "valid", "void", "rapid", "solid", "fluid", "said", "covid")


def words_of(name: str) -> list[str]:
    """ "tag_brandList2" -> tag, brand, list, 2, in lower case."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return [word.lower() for word in re.findall(r"[^\W\d_]+|\d+", spaced)]


def names_an_id(name: str) -> bool:
    """user_id, movieId, segid, brand, device_type."""
    words = words_of(name)
    if not words:
        return False
    last = words[-1]
    return last in _IDS or (last.endswith("id") and len(last) > 2 and not last.endswith(_NOT_IDS))


def names_a_quantity(name: str) -> bool:
    """price, num_visits, age."""
    words = words_of(name)
    return bool(words) and (words[-1] in _QUANTITIES or words[0] in ("num", "count", "total", "avg", "cnt"))


def names_a_time(name: str) -> bool:
    """time_stamp, created_at, hour."""
    return bool(_TIMES & set(words_of(name)))


def names_a_rating(name: str) -> bool:
    """rating, stars."""
    return bool(_RATINGS & set(words_of(name)))


def label_score(name: str) -> int:
    """How much a name sounds like the label: 0 not at all, below 0 like its opposite."""
    words = words_of(name)
    best = max((_LABELS.get(word, 0) for word in words), default=0)
    if len(words) > 1 and words[0] in _NEGATIONS:
        return -1
    if not best:
        opposite = any(
            word.startswith(negation) and _LABELS.get(word.removeprefix(negation), 0)
            for word in words
            for negation in _NEGATIONS
        )
        return -1 if opposite else 0
    return best - len([word for word in words if word not in _LABELS and word != "is"])


def are_kin(name: str, other: str) -> bool:
    """Whether two names share a word that names something, or the first four letters of one."""
    ours, theirs = ({word for word in words_of(n) if word not in _EMPTY and len(word) >= 4} for n in (name, other))
    return any(a.startswith(b) or b.startswith(a) for a in ours for b in theirs)
