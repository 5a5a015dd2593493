"""The size of a film's pixels, as users, files and configs give it. Apart from geometry, because it needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def check_spacing(spacing_mm: float | Sequence[float] | Any, where: str) -> tuple[float, float]:
    """A pixel spacing as (along x, along y), or a clear error.

    Args:
        spacing_mm: one number for square pixels, or two, in a sequence, array or tensor.
        where: what the number was given for, for the message.
    Raises:
        ValueError: not one or two finite positive numbers.
    """
    # As an array first: a text such as "12" is no pair of numbers, a 0-d array is one number.
    given = np.asarray(spacing_mm)
    values = given.astype(np.float64).ravel().tolist() if given.dtype.kind in "iuf" else []
    if len(values) == 1:
        values *= 2
    if len(values) != 2 or not all(0 < v < float("inf") for v in values):
        raise ValueError(
            f"{where}: pixel spacing must be one or two positive numbers in mm, got {spacing_mm!r}; "
            "give the size of one film pixel, e.g. 0.1."
        )
    return values[0], values[1]
