"""Plot the heatmaps of both stages and the landmarks of films, as in the paper's Fig. 3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from monai_ceph.plots.style import FAINT, INK, SKY, SMALL_PT, TEXT_PT, WIDTH_IN, YELLOW, new_figure
from monai_ceph.writers.overlay import to_gray8

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

LONGEST_PX = 480
"""Longest side of a drawn film, px. Panels are small, and an SVG stores every pixel."""


@dataclass(frozen=True)
class FilmHeatmaps:
    """Hold one film with its channel-compressed heatmaps, see :func:`monai_ceph.inferers.compressed_heatmaps`.

    Args:
        name: label of the film's row.
        film: (X, Y), any gray values.
        global_heatmap: (Xg, Yg), 0 to 1, of the whole film at any scale.
        merged_heatmap: (Xm, Ym), 0 to 1, of the whole film at any scale.
        predicted: (N, 2), (x, y), pixels of ``film``; NaN if a landmark was not found.
        reference: (N, 2), (x, y), pixels of ``film``; NaN if unknown.

    >>> film, points = np.zeros((40, 50)), np.array([[10.0, 20.0]])
    >>> FilmHeatmaps("film.png", film, film, film, points, points).name
    'film.png'
    """

    name: str
    film: np.ndarray
    global_heatmap: np.ndarray
    merged_heatmap: np.ndarray
    predicted: np.ndarray
    reference: np.ndarray


def heatmap_panels(films: Sequence[FilmHeatmaps]) -> Figure:
    """Plot one row per film: (a) global and (b) merged heatmaps on the film, (c) predicted and reference points.

    Raises:
        ValueError: there is no film, or an array has another shape than :class:`FilmHeatmaps` says; the message names
            the film.
        ImportError: matplotlib is missing.
    Source:
        Zhong et al. 2019, figure 3 (whose films are columns).

    >>> import numpy as np
    >>> film, points = np.random.default_rng(0).random((40, 50)), np.array([[10.0, 20.0]])
    >>> figure = heatmap_panels([FilmHeatmaps("a.png", film, film, film, points, points + 1)])
    """
    if not films:
        raise ValueError("Expected at least one film, got none.")
    for film in films:
        _check(film)
    ratios = [film.film.shape[1] / film.film.shape[0] for film in films]
    figure = new_figure(0.85 + WIDTH_IN / 3.1 * sum(ratios))
    grid = figure.add_gridspec(len(films) + 1, 3, height_ratios=[*ratios, 0.04])
    colors = _transparent_to_yellow()
    headings = ("(a) global heatmaps", "(b) merged local heatmaps", "(c) landmarks")
    for k, film in enumerate(films):
        row = [figure.add_subplot(grid[k, column]) for column in range(3)]
        for axes, heading in zip(row, headings, strict=True):
            _show_film(axes, film.film)
            if k == 0:
                axes.set_title(heading, fontsize=TEXT_PT, color=INK, loc="left")
        for axes, heatmap in zip(row, (film.global_heatmap, film.merged_heatmap), strict=False):
            values, extent = np.asarray(heatmap, dtype=np.float64).T, _extent(film.film)
            drawn = axes.imshow(values, cmap=colors, vmin=0, vmax=1, extent=extent, interpolation="bilinear")
        marks = _show_points(row[2], film)
        row[0].set_ylabel(film.name, fontsize=SMALL_PT, color=FAINT, parse_math=False)
    bar = figure.colorbar(drawn, cax=figure.add_subplot(grid[-1, :2]), orientation="horizontal")
    bar.set_label("probability, relative to each landmark's largest", fontsize=SMALL_PT, color=FAINT)
    bar.ax.tick_params(labelsize=SMALL_PT, labelcolor=FAINT, color=FAINT)
    bar.ax.set_facecolor("black")
    bar.outline.set_visible(False)
    corner = figure.add_subplot(grid[-1, 2])
    corner.set_axis_off()
    # A dark background, because the marks' colours are chosen for films.
    dark: dict[str, Any] = {"facecolor": INK, "labelcolor": "white", "framealpha": 1}
    corner.legend(handles=marks, loc="upper center", ncols=2, fontsize=SMALL_PT, **dark)
    return figure


def _check(film: FilmHeatmaps) -> None:
    for name in ("film", "global_heatmap", "merged_heatmap"):
        if np.ndim(getattr(film, name)) != 2:
            raise ValueError(f"'{film.name}': expected {name} of shape (X, Y), got {np.shape(getattr(film, name))}.")
    shapes = np.shape(film.predicted), np.shape(film.reference)
    if shapes[0] != shapes[1] or len(shapes[0]) != 2 or shapes[0][1] != 2:
        raise ValueError(
            f"'{film.name}': expected predicted and reference points (N, 2), got {shapes[0]} and {shapes[1]}."
        )


def _extent(film: np.ndarray) -> tuple[float, float, float, float]:
    """Return the film's edges, which are at half-integers since pixel centres are at integers."""
    return (-0.5, film.shape[0] - 0.5, film.shape[1] - 0.5, -0.5)


def _show_film(axes: Axes, film: np.ndarray) -> None:
    step = -(-max(film.shape) // LONGEST_PX)
    # matplotlib expects rows first, so the film and the heatmaps are transposed.
    axes.imshow(to_gray8(film)[::step, ::step].T, cmap="gray", vmin=0, vmax=255, extent=_extent(film))
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _show_points(axes: Axes, film: FilmHeatmaps) -> list[Line2D]:
    """Draw reference points as circles and predictions as crosses; return one mark of each for the legend."""
    circle: dict[str, Any] = {"marker": "o", "color": SKY, "markerfacecolor": "none", "markersize": 5.5}
    cross: dict[str, Any] = {"marker": "+", "color": YELLOW, "markersize": 6}
    marks = (("reference", film.reference, circle), ("predicted", film.predicted, cross))
    return [
        line
        for name, points, look in marks
        for line in axes.plot(*np.asarray(points).T, linestyle="none", markeredgewidth=1.3, label=name, **look)
    ]


def _transparent_to_yellow() -> Colormap:
    """Return a colour map from transparent over orange to light yellow; low probabilities show the film."""
    from matplotlib.colors import LinearSegmentedColormap

    stops = [(0.0, (0.85, 0.2, 0.0, 0.0)), (0.5, (1.0, 0.45, 0.0, 0.8)), (1.0, (1.0, 0.95, 0.5, 1.0))]
    return LinearSegmentedColormap.from_list("heat", stops)
