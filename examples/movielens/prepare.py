"""Turns MovieLens ratings into rows with histories: would this user like this film (4 stars or more)?

    python examples/movielens/prepare.py FOLDER OUT

FOLDER holds ratings.csv and movies.csv (or .gz) of any MovieLens release in CSV. Each rating becomes a row with the
film, its genres, and two bags of films the same user rated *before* that moment: liked (4 stars or more) and disliked
(2.5 or less), the weight growing with the distance from 3 stars, the last 50 of each. Rows are split by time: the
first 80 % train, the next 10 % valid, the last 10 % test. Writes OUT/{train,valid,test}.parquet.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

LAST = 50
PAIR = pa.struct([("token", pa.string()), ("weight", pa.float32())])


def main(folder: str, out: str) -> None:
    ratings = read(folder, "ratings").sort_by(
        [("timestamp", "ascending"), ("userId", "ascending"), ("movieId", "ascending")]
    )
    films = read(folder, "movies")
    genres = dict(zip(films["movieId"].to_pylist(), films["genres"].to_pylist(), strict=True))
    liked, disliked = histories(ratings)
    movies = ratings["movieId"].to_pylist()
    rows = pa.table(
        {
            "likes": pa.array([rating >= 4 for rating in ratings["rating"].to_pylist()]),
            "user": ratings["userId"],
            "movie": ratings["movieId"],
            "genres": pa.array([None if genres[m] == "(no genres listed)" else genres[m] for m in movies], pa.string()),
            "liked": pa.array(liked, pa.list_(PAIR)),
            "disliked": pa.array(disliked, pa.list_(PAIR)),
        }
    )
    target = Path(out)
    target.mkdir(parents=True, exist_ok=True)
    count = rows.num_rows
    for name, first, last in (("train", 0, 8), ("valid", 8, 9), ("test", 9, 10)):
        part = rows.slice(count * first // 10, count * last // 10 - count * first // 10)
        pq.write_table(part, target / f"{name}.parquet")
        print(f"{name}: {part.num_rows:,} rows in {target / name}.parquet")


def histories(ratings: pa.Table) -> tuple[list[list[tuple[str, float]]], list[list[tuple[str, float]]]]:
    """For each rating the user's liked and disliked films of strictly earlier moments."""
    past: dict[int, tuple[list[tuple[str, float]], list[tuple[str, float]]]] = defaultdict(lambda: ([], []))
    waiting: dict[int, list[tuple[int, str, float]]] = defaultdict(list)  # rated at the user's latest moment
    liked, disliked = [], []
    for user, movie, rating, moment in zip(*(ratings[c].to_pylist() for c in ratings.column_names), strict=True):
        earlier = [entry for entry in waiting[user] if entry[0] < moment]
        for _, film, stars in earlier:
            side = 0 if stars >= 4 else 1 if stars <= 2.5 else None
            if side is not None:
                past[user][side].append((film, abs(stars - 3) / 2))
        waiting[user] = [*(entry for entry in waiting[user] if entry[0] >= moment), (moment, str(movie), rating)]
        liked.append(past[user][0][-LAST:])
        disliked.append(past[user][1][-LAST:])
    return liked, disliked


def read(folder: str, name: str) -> pa.Table:
    found = sorted(Path(folder).glob(f"{name}.csv*"))
    if not found:
        sys.exit(f"{folder}: holds no {name}.csv")
    columns = ["userId", "movieId", "rating", "timestamp"] if name == "ratings" else ["movieId", "genres"]
    return pacsv.read_csv(found[0], convert_options=pacsv.ConvertOptions(include_columns=columns))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
