"""Plot a film with its landmarks, their regions and the lines of a tracing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from monai_ceph.analysis.tracing import trace
from monai_ceph.analysis.uncertainty import ellipse_points
from monai_ceph.plots.style import ORANGE, WIDTH_IN, YELLOW, new_figure, write_labels
from monai_ceph.prediction import Prediction
from monai_ceph.writers.label_places import around, place_labels
from monai_ceph.writers.overlay import gray_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST_SIDE = 1400
"""Pixels of the picture's longest side: 280 dots per inch on a page, and a file that can be sent by mail."""
SYMBOL_PT = 6.5
"""Size of the symbols on a page, points; marks and lines grow with it."""
_DASHES = {"S-N": "-", "FH": (0, (8, 5)), "PP": (0, (10, 4, 2, 4)), "MP": (0, (3, 4))}
"""Planes differ in their dashes as well, for prints in black and white."""


def film_tracing(film: np.ndarray, prediction: Prediction) -> Figure:
    """Plot a film with its landmarks, regions that contain the true points with a probability of 90 %, and a tracing.

    A found landmark has a cross, a doubtful one a square. All marks are bright with a dark outline, so that they can be
    seen on bone and on air, in colour and without.

    Args:
        film: (X, Y), any gray values.
        prediction: points in this film's pixels.
    Raises:
        ValueError: the film is not (X, Y).
        ImportError: matplotlib is missing.

    >>> import numpy as np
    >>> from monai_ceph.landmarks import ISBI19
    >>> points_px = np.random.default_rng(0).uniform(10, 50, (19, 2))
    >>> prediction = Prediction("a.png", ISBI19, points_px, np.ones(19), (0.1, 0.1), "user")
    >>> figure = film_tracing(np.zeros((60, 75)), prediction)
    """
    if np.ndim(film) != 2:
        raise ValueError(f"'{prediction.image}': expected a film of shape (X, Y), got {np.shape(film)}.")
    aspect = film.shape[1] / film.shape[0]
    figure = new_figure(WIDTH_IN * aspect)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    draw_tracing(axes, film, prediction, WIDTH_IN * 72, symbol_pt=10)
    return figure


def draw_tracing(axes: Axes, film: np.ndarray, prediction: Prediction, width_pt: float, symbol_pt: float) -> None:
    """Draw :func:`film_tracing` on axes.

    Args:
        axes: where to draw; its limits become those of the film.
        film, prediction: as in :func:`film_tracing`.
        width_pt: width of the axes, points.
        symbol_pt: size of the symbols' letters, points.
    """
    size = np.array(film.shape)
    stretch = 1.0 if prediction.spacing_mm is None else prediction.spacing_mm[1] / prediction.spacing_mm[0]
    picture = np.asarray(gray_picture(film, min(1.0, LONGEST_SIDE / max(size))))
    extent = (-0.5, size[0] - 0.5, size[1] - 0.5, -0.5)
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="none", aspect=stretch)
    axes.set(xlim=extent[:2], ylim=extent[2:])
    axes.set_axis_off()
    px_per_pt, thick = size[0] / width_pt, symbol_pt / SYMBOL_PT
    drawn = trace(prediction.points_px, prediction.scheme)
    for line in drawn:
        color, width = (YELLOW, thick) if line.line.kind == "plane" else ("white", 0.8 * thick)
        dashes, outlined = _DASHES.get(line.line.label, "-"), _outlined(thick)
        axes.plot(*line.ends_px.T, color=color, linewidth=width, linestyle=dashes, path_effects=outlined, zorder=2)
    _draw_regions(axes, prediction)
    points = np.asarray(prediction.points_px, dtype=np.float64)
    doubtful = np.array([status == "doubtful" for status in prediction.statuses])
    marks: dict[str, Any] = {"markersize": 0.8 * symbol_pt, "markeredgecolor": ORANGE, "markeredgewidth": thick}
    marks |= {"linestyle": "none", "markerfacecolor": "none", "path_effects": _outlined(thick), "zorder": 4}
    for chosen, marker in ((~doubtful, "+"), (doubtful, "s")):
        axes.plot(*points[chosen].T, marker=marker, **marks)
    named = [(line.line.label, line.ends_px[0]) for line in drawn if line.line.label]
    _label(axes, prediction, named, px_per_pt, symbol_pt)


def _draw_regions(axes: Axes, prediction: Prediction) -> None:
    if prediction.covariance_mm2 is None or prediction.spacing_mm is None:
        return
    for point, covariance in zip(prediction.points_px, prediction.covariance_mm2, strict=True):
        if np.isfinite(point).all() and np.isfinite(covariance).all():
            outline = point + ellipse_points(covariance) / np.asarray(prediction.spacing_mm)
            closed = np.concatenate([outline, outline[:1]])
            axes.plot(*closed.T, color="white", linewidth=0.6, path_effects=_outlined(0.7), zorder=3)


def _label(
    axes: Axes, prediction: Prediction, lines: list[tuple[str, np.ndarray]], px_per_pt: float, symbol_pt: float
) -> None:
    points = np.asarray(prediction.points_px, dtype=np.float64)
    known = np.asarray(np.isfinite(points).all(-1))
    symbols = [symbol for symbol, is_known in zip(prediction.scheme.symbols, known.tolist(), strict=True) if is_known]
    labels = [*symbols, *(label for label, _ in lines)]
    size = (float(axes.get_xlim()[1]), float(axes.get_ylim()[0]))
    ends = np.reshape([np.clip(end, 0, size) for _, end in lines], (-1, 2))
    anchors = np.concatenate([points[known], ends])
    letter = symbol_pt * px_per_pt
    sizes = [((0.7 * len(label) + 0.3) * letter, 1.25 * letter) for label in labels]
    taken = [around(point, 0.45 * letter) for point in points[known]]
    places = place_labels(anchors, sizes, taken, size, 0.7 * letter)
    look = {"fontsize": symbol_pt, "weight": "bold", "clip_on": True, "path_effects": _outlined(1.0), "zorder": 5}
    write_labels(axes, symbols, places[: len(symbols)], color=ORANGE, **look)
    write_labels(axes, labels[len(symbols) :], places[len(symbols) :], color=YELLOW, **look)


def _outlined(width: float) -> list[Any]:
    """Return the effect that gives a line of this width, points, a dark outline."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=width + 1, foreground="black")]
