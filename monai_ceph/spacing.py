"""Check pixel spacings, as users, files and configurations give them, and the film size that follows.

Separate from ``geometry``, because it does not need torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import torch

LARGEST_PX = 16_384
"""Longest side of a scaled film, 3 m at 0.2 mm: a spacing in the wrong unit is rejected before it fills the memory."""


def check_spacing(spacing_mm: ArrayLike | torch.Tensor, where: str) -> tuple[float, float]:
    """Return a pixel spacing as (along x, along y), mm.

    Args:
        spacing_mm: one number for square pixels, or two, in a sequence, array or tensor.
        where: what the spacing belongs to, for the error message.
    Raises:
        ValueError: the spacing is not one or two finite positive numbers.
    Example:
        >>> from monai_ceph.spacing import check_spacing
        >>> check_spacing(0.1, "film.png"), check_spacing([0.1, 0.2], "film.png")
        ((0.1, 0.1), (0.1, 0.2))
    """
    numbers = spacing_mm.tolist() if hasattr(spacing_mm, "tolist") else spacing_mm
    try:
        # As an array: a string such as "12" is not a pair of numbers, and a 0-d array is one number.
        array = np.asarray(numbers)
    except ValueError:  # lists of different lengths
        array = np.empty(0)
    values = array.astype(np.float64).ravel().tolist() if array.dtype.kind in "iuf" else []
    if len(values) == 1:
        values *= 2
    if len(values) != 2 or not all(0 < v < float("inf") for v in values):
        raise ValueError(
            f"{where}: pixel spacing must be one or two positive numbers in mm, got {numbers!r}; "
            "give the size of one film pixel, e.g. 0.1."
        )
    return values[0], values[1]


def ruler_spacing(first_px: Sequence[float], second_px: Sequence[float], length_mm: float) -> float:
    """Return the size of a square pixel, mm, from two marks of a ruler in the film.

    Args:
        first_px, second_px: (x, y), pixels of the film.
        length_mm: the length between them on the ruler.
    Raises:
        ValueError: the length is not positive, or the marks are less than 20 px apart, where a slip of one pixel is
            more than a few percent.

    >>> round(ruler_spacing((100, 50), (100, 128.8), 10), 4)
    0.1269
    """
    apart = float(np.hypot(second_px[0] - first_px[0], second_px[1] - first_px[1]))
    if not 0 < length_mm < float("inf"):
        raise ValueError(f"Expected a length above 0 mm between the marks, got {length_mm:g}.")
    if not apart >= 20:
        raise ValueError(f"Expected marks that lie at least 20 px apart, got {apart:.1f} px; take marks further apart.")
    return length_mm / apart


def check_extent(size: Sequence[int], spacing_mm: Sequence[float], working_mm: float, name: str) -> None:
    """Check that a film's spacing gives it a plausible size.

    Args:
        size: (X, Y), px.
        spacing_mm: (along x, along y), of one such pixel.
        working_mm: the spacing that the film will be scaled to.
        name: the film's name, for the error message.
    Raises:
        ValueError: the scaled film would have more than :data:`LARGEST_PX` pixels a side.
    Example:
        >>> from monai_ceph.spacing import check_extent
        >>> check_extent((1935, 2400), (0.1, 0.1), 0.2, "film.png")
        >>> check_extent((1935, 2400), (100, 100), 0.2, "film.png")
        Traceback (most recent call last):
        ValueError: film.png: with this pixel spacing the film is 194 x 240 m large; is it in mm?
    """
    x, y = (n * mm for n, mm in zip(size, spacing_mm, strict=True))
    if max(x, y) > LARGEST_PX * working_mm:
        raise ValueError(
            f"{name}: with this pixel spacing the film is {x / 1000:.3g} x {y / 1000:.3g} m large; is it in mm?"
        )


def check_film_size(film_size: Sequence[int], patch_size: int) -> None:
    """Check that a film is not smaller than a patch.

    Args:
        film_size: (..., X, Y), px at the local stage's scale.
        patch_size: side of a patch, px.
    Raises:
        ValueError: it is smaller.
    Example:
        >>> from monai_ceph.spacing import check_film_size
        >>> check_film_size((1, 1, 968, 968), patch_size=125)
    """
    if min(film_size[-2:]) < patch_size:
        raise ValueError(
            f"The film is {film_size[-2]} x {film_size[-1]} px at the local stage's scale, smaller than a patch of "
            f"{patch_size} px. Is its pixel spacing right?"
        )
