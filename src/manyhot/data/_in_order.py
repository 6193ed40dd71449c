"""Work on batches several at a time, with results in the order of the batches."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import Generic, TypeVar

__all__ = ["available_threads", "in_order"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_threads() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(function: Callable[[Item], Result], items: Iterable[Item], num_threads: int) -> Iterator[Result]:
    """function(item) of each item in order, on num_threads threads; num_threads + 1 items are under way at most.

    Errors come where they would on one thread: one of drawing an item after the results of the items before it. The
    caller's thread draws the items, so that reading goes on while the threads work; it does a single item itself.
    """
    source = _Drawn(items)
    drawn = iter(source)
    first = list(islice(drawn, 2))
    if num_threads == 1 or len(first) < 2:
        yield from map(function, chain(first, drawn))
    else:
        waiting: deque[Future[Result]] = deque()
        with ThreadPoolExecutor(num_threads, "manyhot-encode") as pool:
            try:
                for item in chain(_emptying(first), drawn):
                    waiting.append(pool.submit(function, item))
                    if len(waiting) > num_threads:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()
    if source.error is not None:
        raise source.error


class _Drawn(Generic[Item]):
    """The items up to an error, which is kept for later."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = items
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[Item]:
        try:
            yield from self.items
        except Exception as error:  # noqa: BLE001  raised when its turn comes
            self.error = error


def _emptying(items: list[Item]) -> Iterator[Item]:
    while items:
        yield items.pop(0)
