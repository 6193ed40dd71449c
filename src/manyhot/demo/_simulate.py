"""A simulated app-store log whose click probabilities are known, so that the best possible AUC is known.

Users have a hidden taste z ~ N(0, I), apps a vector a near their category's; z.a is how well an app suits a user.
Popularity is Zipf. What a user has installed, opens and has uninstalled was drawn by popularity and taste. A click on
the candidate app depends on how well it suits the taste *that the lists show* (what a user opens and keeps, less half
of what was thrown out, weighted means), on the app's quality, and on category by age and hour, and city. Everything
that decides the probability is thus in the row, and the AUC of the true probabilities is the best that any model can
reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["Log", "simulate"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NUM_APPS, NUM_CATEGORIES, NUM_CITIES, TASTE_DIM = 5_000, 25, 50, 6
_CITIES = ("north", "south", "east", "west", "bay", "hill", "river", "lake", "forest", "harbour")


@dataclass(frozen=True)
class Log:
    """rows: the impressions; probabilities float64 [rows]: of a click, as drawn from."""

    rows: pa.Table
    probabilities: Floats


def simulate(num_impressions: int = 300_000, seed: int = 1, num_users: int = 20_000) -> Log:
    """The log, the same for the same seed.

    Columns: clicked, candidate, active_apps, installed_apps and uninstalled_apps (list<struct<token, weight>>),
    category, city, hour, age.
    """
    rng = np.random.default_rng(seed)
    categories = rng.choice(NUM_CATEGORIES, NUM_APPS, p=_zipf(NUM_CATEGORIES, 0.7))
    centres = rng.normal(size=(NUM_CATEGORIES, TASTE_DIM))
    vectors = (0.9 * centres[categories] + 0.4 * rng.normal(size=(NUM_APPS, TASTE_DIM))) / np.sqrt(TASTE_DIM)
    popularity = _zipf(NUM_APPS, 1.0)
    quality = rng.normal(size=NUM_APPS)
    tastes = rng.normal(size=(num_users, TASTE_DIM))
    ages = rng.integers(16, 75, num_users)
    cities = rng.choice(NUM_CITIES, num_users, p=_zipf(NUM_CITIES, 0.8))

    lists = _app_lists(rng, tastes, vectors, popularity)

    users = rng.integers(0, num_users, num_impressions)
    candidates = rng.choice(NUM_APPS, num_impressions, p=popularity)
    hours = rng.integers(0, 24, num_impressions)
    candidate_categories = categories[candidates]
    logits = (
        -1.6
        + 1.6 * (_shown_taste(lists, vectors)[users] * vectors[candidates]).sum(1)
        + 0.2 * quality[candidates]
        + 0.4 * rng.normal(size=(NUM_CATEGORIES, 6))[candidate_categories, (ages[users] - 16) // 10]
        + 0.3 * rng.normal(size=(NUM_CATEGORIES, 24))[candidate_categories, hours]
        + 0.2 * rng.normal(size=NUM_CITIES)[cities[users]]
    )
    probabilities = 1 / (1 + np.exp(-logits))
    clicked = rng.random(num_impressions) < probabilities

    names = np.array([f"app{i:04d}" for i in range(NUM_APPS)])
    columns = {
        "clicked": pa.array(clicked),
        "candidate": pa.array(names[candidates]),
        **{
            name: _list_column(names, apps, weights, lengths, users) for name, (apps, weights, lengths) in lists.items()
        },
        "category": pa.array(np.array([f"category{i:02d}" for i in range(NUM_CATEGORIES)])[candidate_categories]),
        "city": pa.array(np.array([f"{_CITIES[i % 10]}-{i // 10 + 1}" for i in range(NUM_CITIES)])[cities[users]]),
        "hour": pa.array(hours),
        "age": pa.array(ages[users]),
    }
    return Log(pa.table(columns), probabilities)


def _app_lists(
    rng: np.random.Generator, tastes: Floats, vectors: Floats, popularity: Floats
) -> dict[str, tuple[Ints, Floats, Ints]]:
    """name -> (apps [users, most], weights [users, most], lengths [users]) of each user's three lists."""
    num_users = len(tastes)
    installed, installed_lengths = np.empty((num_users, 60), np.int64), np.minimum(8 + rng.poisson(20, num_users), 60)
    uninstalled, uninstalled_lengths = np.empty((num_users, 6), np.int64), np.minimum(rng.poisson(1.0, num_users), 6)
    for first in range(0, num_users, 1000):  # a matrix of users by apps, a thousand users at a time
        part = slice(first, first + 1000)
        suits = 1.5 * tastes[part] @ vectors.T
        installed[part] = _draw(rng, np.log(popularity) + suits, 60)
        uninstalled[part] = _draw(rng, np.log(popularity) - suits, 6)
    suits = (tastes[:, None] * vectors[installed]).sum(2)
    # How long an app has been kept and how much it is used grow with how well it suits, with noise.
    kept = np.clip(0.5 + 0.2 * suits + 0.25 * rng.normal(size=suits.shape), 0.05, 1.0)
    used = 1 / (1 + np.exp(-(2 * suits + rng.normal(size=suits.shape))))
    used[np.arange(60)[None] >= installed_lengths[:, None]] = -1
    active_lengths = np.minimum(2 + rng.poisson(4, num_users), installed_lengths)
    most_used = np.argsort(-used, axis=1, kind="stable")[:, :30]
    active_lengths = np.minimum(active_lengths, 30)
    return {
        "active_apps": (
            np.take_along_axis(installed, most_used, 1),
            np.maximum(np.take_along_axis(used, most_used, 1), 0.01),
            active_lengths,
        ),
        "installed_apps": (installed, kept, installed_lengths),
        "uninstalled_apps": (uninstalled, rng.uniform(0.1, 1.0, uninstalled.shape), uninstalled_lengths),
    }


def _shown_taste(lists: dict[str, tuple[Ints, Floats, Ints]], vectors: Floats) -> Floats:
    """[users, TASTE_DIM], each dimension of mean 0 and variance 1."""
    shown = np.zeros((len(lists["active_apps"][2]), TASTE_DIM))
    for name, sign in (("active_apps", 1.0), ("installed_apps", 1.0), ("uninstalled_apps", -0.5)):
        apps, weights, lengths = lists[name]
        inside = np.where(np.arange(apps.shape[1])[None] < lengths[:, None], weights, 0)
        total = np.einsum("uk,ukd->ud", inside, vectors[apps])
        shown += sign * total / np.maximum(inside.sum(1, keepdims=True), 1e-9)
    standardised: Floats = (shown - shown.mean(0)) / shown.std(0)
    return standardised


def _draw(rng: np.random.Generator, log_weights: Floats, count: int) -> Ints:
    """`count` different columns a row, one after another with probability by weight.

    The first arrivals of exponential clocks (Efraimidis & Spirakis 2006).
    """
    arrivals = rng.standard_exponential(log_weights.shape, np.float32) * np.exp(-log_weights.astype(np.float32))
    first = np.argpartition(arrivals, count, axis=1)[:, :count]
    drawn: Ints = np.take_along_axis(first, np.argsort(np.take_along_axis(arrivals, first, 1), axis=1), 1)
    return drawn


def _list_column(names: npt.NDArray[np.str_], apps: Ints, weights: Floats, lengths: Ints, users: Ints) -> pa.Array:
    """Each impression's list, list<struct<token, weight>>; weights to two digits, as logs have them."""
    offsets = np.concatenate([[0], np.cumsum(lengths[users])]).astype(np.int32)
    column = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths[users])
    row = np.repeat(users, lengths[users])
    tokens = pa.DictionaryArray.from_arrays(pa.array(apps[row, column]), pa.array(names)).cast(pa.string())
    rounded = pa.array(np.round(weights[row, column], 2).astype(np.float32))
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays([tokens, rounded], ["token", "weight"]))


def _zipf(count: int, exponent: float) -> Floats:
    weights: Floats = 1 / np.arange(1, count + 1) ** exponent
    normalised: Floats = weights / weights.sum()
    return normalised
