"""Plot the spread and bias of the predictions around each landmark of the mean shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from monai_ceph.plots import style
from monai_ceph.wording import count
from monai_ceph.writers.label_places import around, place_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HELD = 0.95
FEWEST = 3
"""Fewest films for an ellipse: with two films the covariance is degenerate."""
SCALE_BAR_MM = 10.0
_BEYOND_MM = 25.0  # larger ellipses are cut off at the figure's edge; otherwise the shape would be tiny


def error_ellipses(
    offsets_mm: np.ndarray, points_mm: np.ndarray, symbols: Sequence[str], magnification: float = 2.0
) -> Figure:
    """Plot for each landmark the ellipse that holds 95 % of its errors if they are normal, and a line to their mean.

    Ellipses are drawn at the landmarks' places in the mean shape of the references, see :func:`mean_shape`; x points
    right and y down, as on a film.

    Args:
        offsets_mm: (F, N, 2), (x, y), predicted minus reference, mm; NaN if either is unknown.
        points_mm: (F, N, 2), (x, y), reference points, mm; NaN if unknown.
        symbols: N landmark symbols.
        magnification: scale of the errors relative to the shape; scale bars show both.
    Returns:
        The figure; save it with :func:`monai_ceph.plots.save_plot`.
    Raises:
        ValueError: the arrays do not have the shape (F, N, 2), differ in F, or hold no reference point.
        ImportError: matplotlib is missing.

    >>> import numpy as np
    >>> points_mm = np.array([[[0.0, 0.0], [60.0, 10.0]]] * 5)
    >>> figure = error_ellipses(np.random.default_rng(0).normal(0, 1, (5, 2, 2)), points_mm, ["S", "N"])
    """
    offsets = style.as_landmarks(offsets_mm, symbols, "(films, landmarks, 2)")
    points = style.as_landmarks(points_mm, symbols, "(films, landmarks, 2)")
    if len(offsets) != len(points):
        raise ValueError(f"Expected offsets and points of the same films, got {len(offsets)} and {len(points)} films.")
    centres = mean_shape(points)
    marks = [
        _mark(symbol, centre, errors[np.isfinite(errors).all(-1)] * magnification)
        for symbol, centre, errors in zip(symbols, centres, offsets.swapaxes(0, 1), strict=True)
        if np.isfinite(centre).all()
    ]
    if not marks:
        raise ValueError("Expected at least one reference point, got none.")
    low, high = _extent(marks)

    figure = style.new_figure(min(9.0, 0.9 + style.WIDTH_IN * (high - low)[1] / (high - low)[0]))
    axes = figure.add_subplot()
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal")
    axes.set_axis_off()
    for mark in marks:
        axes.fill(*mark.outline.T, facecolor=style.SKY, alpha=0.35, edgecolor="none", zorder=2)
        axes.plot(*mark.outline.T, color=style.BLUE, linewidth=1.1, zorder=3)
        axes.plot(*np.stack([mark.centre, mark.mean]).T, color=style.RED, linewidth=1.5, zorder=4)
        axes.plot(*mark.mean, "o", color=style.RED, markersize=3.2, zorder=5)
        axes.plot(*mark.centre, "+", color=style.INK, markersize=6, markeredgewidth=0.9, zorder=6)
    _label(axes, marks, low, high)
    _scale_bars(axes, low, high, magnification)
    few = [mark.symbol for mark in marks if not len(mark.outline)]
    lacking = f"no ellipse, as known on fewer than {FEWEST} films: {', '.join(few)}" if few else ""
    style.title(
        figure,
        f"Errors around each landmark, {count(len(offsets), 'film')}",
        f"ellipse: {100 * HELD:g} % of the errors, if normal; dot: their mean; cross: the reference, in the mean shape "
        f"of the films shifted onto each other\n{lacking}".strip(),
    )
    return figure


class _Mark(NamedTuple):
    """Drawing of one landmark: place, mean of the errors (NaN if none), and ellipse (empty if too few errors)."""

    symbol: str
    centre: np.ndarray
    mean: np.ndarray
    outline: np.ndarray


def _mark(symbol: str, centre: np.ndarray, errors: np.ndarray) -> _Mark:
    mean = centre + errors.mean(0) if len(errors) else np.full(2, np.nan)
    outline = mean + ellipse(np.cov(errors.T)) if len(errors) >= FEWEST else np.empty((0, 2))
    return _Mark(symbol, centre, mean, outline)


def mean_shape(points_mm: np.ndarray, rounds: int = 100) -> np.ndarray:
    """Return the mean shape after shifting every film to fit the others best.

    Films are neither rotated nor scaled, since errors are in the film's axes and mm. If every film has every landmark,
    the result is the mean of the points minus their film's centroid. With missing landmarks, centroids would depend on
    what is missing; so shifts and places are fitted alternately, which converges to the least-squares solution of
    ``point = place + shift``.

    Args:
        points_mm: (F, N, 2), (x, y), mm; NaN if unknown.
        rounds: number of alternations.
    Returns:
        (N, 2), mm, relative to the centroid; NaN for a landmark that no film has.

    >>> import numpy as np
    >>> mean_shape(np.array([[[0.0, 0.0], [2.0, 0.0]], [[5.0, 5.0], [9.0, 5.0]]])).tolist()
    [[-1.5, 0.0], [1.5, 0.0]]
    """
    known = np.isfinite(points_mm).all(-1)[..., None]
    points = np.where(known, points_mm, 0.0)
    per_film, per_landmark = np.maximum(known.sum(1), 1), known.sum(0)
    shift = points.sum(1) / per_film
    for _ in range(rounds):
        with np.errstate(invalid="ignore"):
            shape = (known * (points - shift[:, None])).sum(0) / per_landmark
        shift = (known * (points - np.nan_to_num(shape))).sum(1) / per_film
    return shape


def ellipse(covariance: np.ndarray, corners: int = 90) -> np.ndarray:
    """Return the outline of the region around the origin that holds 95 % of a normal distribution.

    The semi-axes are the standard deviations along the principal axes times ``sqrt(-2 ln 0.05)`` = 2.45, the square
    root of the 95 % quantile of the chi-squared distribution with two degrees of freedom.

    Args:
        covariance: (2, 2), mm².
        corners: number of corners.
    Returns:
        (corners + 1, 2), (x, y), mm; the first point is repeated at the end.
    """
    variances, directions = np.linalg.eigh(covariance)
    half_axes = np.sqrt(-2 * math.log(1 - HELD) * np.maximum(variances, 0))
    angle = np.linspace(0, 2 * np.pi, corners + 1)
    outline: np.ndarray = (np.stack([np.cos(angle), np.sin(angle)], -1) * half_axes) @ directions.T
    return outline


def _extent(marks: Sequence[_Mark]) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest (x, y) to show."""
    centres = np.stack([mark.centre for mark in marks])
    drawn = np.concatenate([centres, *(mark.outline for mark in marks)])
    low = np.maximum(drawn.min(0), centres.min(0) - _BEYOND_MM)
    high = np.minimum(drawn.max(0), centres.max(0) + _BEYOND_MM)
    # Leave room for labels and, at the bottom, for the scale bars.
    return low - np.array([4, 6]), high + np.array([9, 14])


def _label(axes: Axes, marks: Sequence[_Mark], low: np.ndarray, high: np.ndarray) -> None:
    """Place each symbol at the upper right of its ellipse, or where there is room."""
    mm_per_pt = float((high - low)[0]) / (72 * style.WIDTH_IN)
    # Without an ellipse, label the cross.
    outlines = [mark.outline if len(mark.outline) else mark.centre[None] for mark in marks]
    corners = np.stack([outline[np.argmax(outline @ [1, -1])] for outline in outlines])
    anchors = corners.clip(low + 3, high - 3) - low
    crosses = [around(mark.centre - low, 1) for mark in marks]
    sizes = [(0.64 * style.TEXT_PT * len(mark.symbol) * mm_per_pt, 1.15 * style.TEXT_PT * mm_per_pt) for mark in marks]
    places = place_labels(anchors, sizes, crosses, tuple(high - low), 3.0 * mm_per_pt) + np.tile(low, 2)
    symbols = [mark.symbol for mark in marks]
    style.write_labels(axes, symbols, places, fontsize=style.TEXT_PT, color=style.INK, zorder=7)


def _scale_bars(axes: Axes, low: np.ndarray, high: np.ndarray, magnification: float) -> None:
    """Draw a scale bar for the shape and, if the scale differs, one for the errors."""
    bars = [("", 1.0)] if magnification == 1 else [(" of the shape", 1.0), (" of error", magnification)]
    x, y = low[0] + 1, high[1] - 2
    for name, scale in bars:
        length = SCALE_BAR_MM * scale
        axes.plot([x, x + length], [y, y], color=style.FAINT, linewidth=2, solid_capstyle="butt")
        axes.text(x, y - 1, f"{SCALE_BAR_MM:g} mm{name}", fontsize=style.SMALL_PT, color=style.FAINT, va="bottom")
        x += length + 15
