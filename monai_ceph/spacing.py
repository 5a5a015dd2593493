"""The size of a film's pixels, as users, files and configs give it, and of the film that follows from it.

Apart from geometry, because it needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

LARGEST_PX = 16_384
"""Longest side of a scaled film, 3 m at 0.2 mm: a spacing in the wrong unit is refused before it fills the memory."""


def check_spacing(spacing_mm: float | Sequence[float] | Any, where: str) -> tuple[float, float]:
    """A pixel spacing as (along x, along y), or a clear error.

    Args:
        spacing_mm: one number for square pixels, or two, in a sequence, array or tensor.
        where: what the number was given for, for the message.
    Raises:
        ValueError: not one or two finite positive numbers.
    """
    given = spacing_mm.tolist() if hasattr(spacing_mm, "tolist") else spacing_mm
    try:
        # As an array: a text such as "12" is no pair of numbers, and a 0-d array was one number.
        array = np.asarray(given)
    except ValueError:  # lists of different lengths
        array = np.empty(0)
    values = array.astype(np.float64).ravel().tolist() if array.dtype.kind in "iuf" else []
    if len(values) == 1:
        values *= 2
    if len(values) != 2 or not all(0 < v < float("inf") for v in values):
        raise ValueError(
            f"{where}: pixel spacing must be one or two positive numbers in mm, got {given!r}; "
            "give the size of one film pixel, e.g. 0.1."
        )
    return values[0], values[1]


def check_extent(size: Sequence[int], spacing_mm: Sequence[float], working_mm: float, name: str) -> None:
    """Raises ValueError, naming the film, if scaling it to the working spacing would make it larger than any film.

    Args:
        size: (X, Y), px. spacing_mm: (along x, along y), of one such pixel.
    """
    x, y = (n * mm for n, mm in zip(size, spacing_mm, strict=True))
    if max(x, y) > LARGEST_PX * working_mm:
        raise ValueError(
            f"{name}: with this pixel spacing the film is {x / 1000:.3g} x {y / 1000:.3g} m large; is it in mm?"
        )


def check_film_size(film_size: Sequence[int], patch_size: int) -> None:
    """Raises ValueError if a film, (..., X, Y) at local scale, is smaller than a patch."""
    if min(film_size[-2:]) < patch_size:
        raise ValueError(
            f"The film is {film_size[-2]} x {film_size[-1]} px at the local stage's scale, smaller than a patch of "
            f"{patch_size} px. Is its pixel spacing right?"
        )
