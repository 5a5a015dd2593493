"""Draw the chart of models: error against the time that a film takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.models.registry import MODELS
from benchmarks.report_results import Row
from benchmarks.report_tables import OURS
from monai_ceph.plots.style import BLUE, FAINT, INK, ORANGE, SMALL_PT, TEXT_PT, new_figure, plain, title
from monai_ceph.writers.label_places import place_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def chart(rows: Sequence[Row]) -> Figure:
    """Draw mean radial error and its interval over the time that a film takes, on logarithmic axes."""
    figure = new_figure(4.8)
    axes = figure.add_subplot()
    milliseconds, error, low, high = (
        np.array([float(row[name]) for row in rows]) for name in ("ms_per_film", "mre_mm", "mre_low", "mre_high")
    )
    for k, row in enumerate(rows):
        axes.errorbar(
            milliseconds[k],
            error[k],
            yerr=[[error[k] - low[k]], [high[k] - error[k]]],
            fmt="o",
            markersize=7,
            capsize=3,
            color=_colour(row),
            zorder=3 if row["model"] == OURS else 2,
        )
    axes.set_xscale("log")
    axes.set_xlim(milliseconds.min() / 1.6, milliseconds.max() * 2.2)
    axes.set_yscale("log")
    axes.set_ylim(low.min() / 1.3, high.max() * 1.3)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
    plain(axes, grid="y")
    axes.tick_params(which="minor", length=3.5, pad=3.5, labelsize=TEXT_PT, labelcolor=INK, color=FAINT)
    axes.set_xlabel("ms a film, from the file to the points", fontsize=TEXT_PT, color=INK)
    axes.set_ylabel("mean radial error (mm)", fontsize=TEXT_PT, color=INK)
    title(figure, "Error and time", "Lower left is better. Bars: 95 % intervals, a bootstrap over films.")
    figure.draw_without_rendering()  # lays the axes out, so that places in points are known
    _label(axes, rows, np.stack([milliseconds, error], -1), np.stack([low, high], -1))
    return figure


def _label(axes: Axes, rows: Sequence[Row], points: np.ndarray, bars: np.ndarray) -> None:
    """Put each model's label beside its point, clear of points, bars and other labels."""

    width, height = axes.bbox.width * 72 / axes.figure.dpi, axes.bbox.height * 72 / axes.figure.dpi

    def to_pt(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        place = axes.transData.transform(np.stack([x, y], -1)) - axes.bbox.min
        return place * 72 / axes.figure.dpi * [1, -1] + [0, height]

    anchors = to_pt(points[:, 0], points[:, 1])
    bottom, top = (to_pt(points[:, 0], bars[:, k])[:, 1] for k in (0, 1))
    taken = [(x - 5, min(y - 5, t), x + 5, max(y + 5, b)) for (x, y), t, b in zip(anchors, top, bottom, strict=True)]
    labels = [MODELS[row["model"]].label for row in rows]
    sizes = [(0.56 * SMALL_PT * len(text) + 6, 1.3 * SMALL_PT) for text in labels]
    places = place_labels(anchors, sizes, taken, (width, height), 7.0)
    for row, text, (left, upper, right, lower) in zip(rows, labels, places, strict=True):
        x, y = (left + right) / 2 / width, 1 - (upper + lower) / 2 / height
        axes.text(x, y, text, transform=axes.transAxes, fontsize=SMALL_PT, color=_colour(row), ha="center", va="center")


def _colour(row: Row) -> str:
    if row["model"] == OURS:
        return BLUE
    return ORANGE if row["source"].startswith("landmarker") else INK


SETS = {
    "held out": (BLUE, "o-"),
    "other clinic": (ORANGE, "s--"),
    "other clinic, offsets removed": (INK, "^:"),
}
"""Sets of films in the chart of uncertainty -> colour and line."""


def uncertainty_chart(bins: Sequence[Row], coverage: Sequence[Row], bundle: str) -> Figure:
    """Draw observed over expected error, and observed over nominal coverage, for one bundle."""
    figure = new_figure(4.2)
    left, right = figure.subplots(1, 2)
    for films, (colour, style) in SETS.items():
        points = [row for row in bins if (row["bundle"], row["films"]) == (bundle, films)]
        expected, error = (np.array([float(row[name]) for row in points]) for name in ("expected_mm", "error_mm"))
        left.plot(expected, error, style, color=colour, markersize=4.5, linewidth=1.2, label=films)
        [row] = [
            row
            for row in coverage
            if (row["bundle"], row["films"], row["measure"]) == (bundle, films, "expected error")
        ]
        nominal = [50, 80, 90, 95]
        right.plot(
            nominal,
            [float(row[f"cover_{level}"]) for level in nominal],
            style,
            color=colour,
            markersize=4.5,
            linewidth=1.2,
        )
    limit = max(left.get_xlim()[1], left.get_ylim()[1])
    for axes, ends in ((left, (0, limit)), (right, (20, 100))):
        axes.plot(ends, ends, color=FAINT, linewidth=0.8, zorder=1)
        axes.set_xlim(ends)
        axes.set_ylim(ends)
        axes.set_aspect("equal")
        plain(axes, grid="y")
    left.set_xlabel("expected error (mm)", fontsize=TEXT_PT, color=INK)
    left.set_ylabel("observed mean error (mm)", fontsize=TEXT_PT, color=INK)
    right.set_xlabel("nominal coverage (%)", fontsize=TEXT_PT, color=INK)
    right.set_ylabel("points inside the circle (%)", fontsize=TEXT_PT, color=INK)
    left.legend(fontsize=SMALL_PT, frameon=False, loc="upper left")
    title(figure, "Expected and observed error", "Each mark on the left is a tenth of the points, by expected error.")
    return figure
