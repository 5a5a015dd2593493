"""Format numbers and columns for the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from monai_ceph.evaluation.settings import Settings
from monai_ceph.metrics.interval import Bounds
from monai_ceph.wording import count

if TYPE_CHECKING:
    from monai_ceph.metrics.interval import Interval
    from monai_ceph.metrics.summary import Statistics

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


def statistic_cells(
    statistics: Statistics, interval: Interval | None
) -> Iterator[tuple[str, float, Bounds | None, int]]:
    """Yield the statistics in the order of every table: key, value, bounds and decimals to show."""
    for key in ("mre", "sd", "median"):
        yield key, statistics[key], interval and interval[key], 3
    for rate, value in statistics["sdr_percent"].items():
        yield rate, value, interval and interval["sdr_percent"][rate], 2


def ruled(rows: Sequence[Sequence[str]], before: Sequence[int]) -> str:
    """Return a table with left-aligned columns, a rule before some of its rows, and one at its end.

    >>> print(ruled([["name", "n"], ["a", "12"]], before=(1,)))
    name  n
    --------
    a     12
    --------
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    rule = "-" * max(map(len, lines))
    return "\n".join([f"{rule}\n{line}" if k in before else line for k, line in enumerate(lines)] + [rule])


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
