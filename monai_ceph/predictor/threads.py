"""Work in other threads, in order and with a bounded number of items in memory."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def submit_ahead(
    pool: ThreadPoolExecutor, function: Callable[[Item], Result], items: Iterable[Item], depth: int
) -> Iterator[tuple[Item, Future[Result]]]:
    """Call a function in other threads, up to ``depth`` items ahead of the consumer; keep their order.

    Args:
        pool: the threads.
        function: what to call.
        items: taken one at a time, as there is room.
        depth: the largest number of items ahead.
    Yields:
        Each item and its future.
    """
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    for item in items:
        waiting.append((item, pool.submit(function, item)))
        if len(waiting) > depth:
            yield waiting.popleft()
    while waiting:
        yield waiting.popleft()


def submit_in_chunks(
    pool: ThreadPoolExecutor, function: Callable[[Item], Result], items: Iterable[Item], count: int
) -> Iterator[tuple[Item, Future[Result]]]:
    """Call a function in other threads on ``count`` items at once, and wait for all; keep their order.

    Arguments and yielded values are those of :func:`submit_ahead`, but no call runs while the consumer works.
    """
    left = iter(items)
    while chunk := list(islice(left, count)):
        futures = [pool.submit(function, item) for item in chunk]
        wait(futures)
        yield from zip(chunk, futures, strict=True)


def worker_count() -> int:
    """Return how many threads read and how many write: the number of this process's cores, up to a limit."""
    return min(max(2, core_count() // int(os.environ.get("LOCAL_WORLD_SIZE", 1))), 16)


def core_count() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def single_thread_workers(count: int) -> Iterator[ThreadPoolExecutor]:
    """Make a pool whose threads each compute with one torch thread; the caller keeps its number of torch threads."""
    torch = sys.modules.get("torch")  # which the onnx backend does without
    threads = torch.get_num_threads() if torch else 0  # to be asked is what fixes it for this thread
    try:
        with ThreadPoolExecutor(count, initializer=_single_thread) as pool:
            yield pool
    finally:
        if torch:
            torch.set_num_threads(threads)  # for threads to come


def _single_thread() -> None:
    """Give each reader one thread: idle teams beside the networks' own slow it down by a third."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
