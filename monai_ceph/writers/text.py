"""Format numbers and columns for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from monai_ceph.evaluation.settings import Settings
from monai_ceph.metrics.interval import Bounds
from monai_ceph.wording import count

WIDTH = len("100.00")
"""Minimum width of a number, which aligns decimal points in left-aligned columns."""


def format_number(value: float, decimals: int, bounds: Bounds | None = None, sign: Literal["", "+"] = "") -> str:
    """Return a number with its interval in brackets; an unknown number is "-".

    Args:
        value: the number; NaN if unknown.
        decimals: decimals of the number; its bounds have one less.
        bounds: its interval; None or NaN if there is none.
        sign: "+" also shows the sign of positive numbers.

    >>> format_number(0.925, 3, (0.84, 1.02))
    ' 0.925 [0.84, 1.02]'
    """
    text = f"{'-' if math.isnan(value) else f'{value:{sign}.{decimals}f}':>{WIDTH}}"
    if bounds is None or math.isnan(bounds[0]):
        return text
    low, high = (f"{bound:{sign}.{decimals - 1}f}" for bound in bounds)
    return f"{text} [{low}, {high}]"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines with left-aligned columns.

    >>> aligned([["name", "n"], ["a", "12"]])
    ['name  n', 'a     12']
    """
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def settings_lines(settings: Settings) -> list[str]:
    """Return the lines above a table that state the settings of an evaluation."""
    spacing = "each film's own"
    if settings.spacing_mm is not None:
        spacing = " x ".join(f"{mm:g}" for mm in settings.spacing_mm) + " mm"
    lines = [f"protocol     {settings.protocol}; scheme {settings.scheme}; spacing {spacing}"]
    left_out = [
        f"film {name}" if films == (name,) else f"{name} ({count(len(films), 'film')})"
        for name, films in settings.excluded_films.items()
    ]
    left_out += [f"landmark {symbol}" for symbol in settings.excluded_landmarks]
    return [*lines, f"left out     {', '.join(left_out)}"] if left_out else lines
