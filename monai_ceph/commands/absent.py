"""Imports that a command can do without."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def as_if_absent(names: Sequence[str]) -> Iterator[None]:
    """Inside, packages that are not yet imported cannot be, as if they were not installed.

    ``import monai`` imports all of MONAI, and with it whatever MONAI can work with but need not: two thirds of its
    time. What is imported inside stays without those packages for good, so this is for a process that does one thing.
    """
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None is Python's own mark for this
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
