"""Share films among the processes that ``torchrun`` started."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

Item = TypeVar("Item")

PATIENCE = timedelta(days=7)
"""How long a process that is done waits for the others."""


@dataclass(frozen=True)
class Ranks:
    """One of several processes that do one job; all of them call the same methods in the same order."""

    rank: int = 0
    count: int = 1

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return this process's items, every count-th, so that all processes have about as much work."""
        return items[self.rank :: self.count]

    def sum(self, *numbers: int) -> list[int]:
        """Sum each number over the processes; return when all processes have called this.

        Raises:
            OSError: another process has ended before.
        """
        if self.count == 1:
            return list(numbers)
        import torch
        import torch.distributed as dist

        total = torch.tensor(numbers, dtype=torch.int64)
        try:
            dist.all_reduce(total)
        except RuntimeError as error:
            raise OSError(
                "another process of this run has ended early, see its message; finished films are kept, and the same "
                "command continues with the others."
            ) from error
        return total.tolist()

    def wait(self) -> None:
        """Return when all processes have called this. Raises as :meth:`sum`."""
        self.sum(0)


@contextmanager
def ranks() -> Iterator[Ranks]:
    """Return the processes of this run according to torchrun's environment variables; a single one without them.

    They communicate through gloo on any device, because they only exchange a few numbers.
    """
    count = int(os.environ.get("WORLD_SIZE", 1))
    if count == 1:
        yield Ranks()
        return
    import torch.distributed as dist

    dist.init_process_group("gloo", timeout=PATIENCE)
    try:
        yield Ranks(dist.get_rank(), count)
    finally:
        dist.destroy_process_group()
