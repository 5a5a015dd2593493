"""Plot how far the measurements of a face lie from their norms, as a wigglegram."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from monai_ceph.plots.style import FAINT, INK, SMALL_PT, label_axes, landmark_rows, new_figure, rows_height

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LIMIT = 4.0
"""End of the axis, SD from the norm; values beyond it are drawn as triangles at the edge."""


class Deviation(NamedTuple):
    """Hold how far a measurement lies from its norm, SD; NaN if unknown.

    Args:
        group: neighbours of one group, such as an analysis, are connected.
        name: of the measurement.
        z: the deviation.
        low, high: the ends of its interval.
    Example:
        >>> Deviation("Steiner", "SNA", -1.2).z
        -1.2
    """

    group: str
    name: str
    z: float
    low: float = math.nan
    high: float = math.nan


def wigglegram(deviations: Sequence[Deviation], title: str = "") -> Figure:
    """Plot one row per measurement: its deviation from the norm, and its interval as a bar.

    Bands show 1 and 2 SD. Filled dots lie at least 1 SD from the norm.

    Raises:
        ImportError: matplotlib is missing.

    >>> figure = wigglegram([Deviation("Steiner", "SNA", -1.2, -2.0, -0.4), Deviation("Steiner", "SNB", 0.3)])
    """
    figure = new_figure(rows_height(len(deviations)))
    axes = figure.add_subplot()
    landmark_rows(axes, [deviation.name for deviation in deviations])
    draw_wigglegram(axes, deviations)
    label_axes(axes, "SD from the norm")
    axes.tick_params(labelsize=SMALL_PT)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
    return figure


def draw_wigglegram(axes: Axes, deviations: Sequence[Deviation], rows: Sequence[float] | None = None) -> None:
    """Draw :func:`wigglegram` on axes.

    Args:
        axes: where to draw; the limits along y stay as they are.
        deviations: what to draw.
        rows: the place of each along y; by default 0, 1, 2...
    """
    places = list(range(len(deviations))) if rows is None else list(rows)
    for reach, gray in ((2, "#EFEFEF"), (1, "#DADADA")):
        axes.axvspan(-reach, reach, color=gray, linewidth=0, zorder=0)
    axes.axvline(0, color=FAINT, linewidth=0.7, zorder=1)
    axes.set_xlim(-LIMIT, LIMIT)
    axes.set_xticks(range(-int(LIMIT), int(LIMIT) + 1))
    for _, group in groupby(zip(deviations, places, strict=True), key=lambda pair: pair[0].group):
        members = list(group)
        # NaN interrupts the line where a deviation is unknown.
        inside = np.clip([deviation.z for deviation, _ in members], -LIMIT, LIMIT)
        axes.plot(inside, [y for _, y in members], color=INK, linewidth=0.7, zorder=2)
        for (deviation, y), x in zip(members, inside.tolist(), strict=True):
            _draw_deviation(axes, deviation, x, y)


def _draw_deviation(axes: Axes, deviation: Deviation, x: float, y: float) -> None:
    if not math.isnan(deviation.low):
        ends = np.clip([deviation.low, deviation.high], -LIMIT, LIMIT)
        axes.plot(ends, [y, y], color=INK, linewidth=1.6, alpha=0.45, solid_capstyle="butt", zorder=3)
    beyond = "<" if deviation.z < -LIMIT else ">" if deviation.z > LIMIT else "o"
    size, fill = 3.4 if beyond == "o" else 4.6, INK if round(abs(deviation.z), 1) >= 1 else "white"
    look: dict[str, Any] = {"markersize": size, "markerfacecolor": fill, "markeredgecolor": INK, "markeredgewidth": 0.8}
    axes.plot(x, y, beyond, clip_on=False, zorder=4, **look)
