"""Plot a film with its landmarks, their regions and the lines of a tracing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from monai_ceph.analysis.tracing import trace
from monai_ceph.analysis.uncertainty import ellipse_points
from monai_ceph.plots.style import ORANGE, WIDTH_IN, YELLOW, new_figure
from monai_ceph.prediction import Prediction
from monai_ceph.writers.overlay import place_labels, to_gray8

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST_SIDE = 1400
"""Pixels of the picture's longest side: 280 dots per inch on a page, and a file that can be sent by mail."""
_SYMBOL_PT = 6.5
"""Size of the symbols on a page, points; marks and lines grow with it."""
_DASHES = {"S-N": "-", "FH": (0, (8, 5)), "PP": (0, (10, 4, 2, 4)), "MP": (0, (3, 4))}
"""Planes differ in their dashes as well, for prints in black and white."""


def film_tracing(film: np.ndarray, prediction: Prediction) -> Figure:
    """Plot a film with its landmarks, the regions that hold the true points with 90 %, and the lines of a tracing.

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


def draw_tracing(
    axes: Axes, film: np.ndarray, prediction: Prediction, width_pt: float, symbol_pt: float = _SYMBOL_PT
) -> None:
    """Draw :func:`film_tracing` on axes.

    Args:
        axes: where to draw; its limits become those of the film.
        film, prediction: as in :func:`film_tracing`.
        width_pt: width of the axes, points.
        symbol_pt: size of the symbols' letters, points.
    """
    size = np.array(film.shape)
    stretch = 1.0 if prediction.spacing_mm is None else prediction.spacing_mm[1] / prediction.spacing_mm[0]
    axes.imshow(
        _small(film),
        cmap="gray",
        vmin=0,
        vmax=255,
        extent=(-0.5, size[0] - 0.5, size[1] - 0.5, -0.5),
        interpolation="none",
        aspect=stretch,
    )
    axes.set(xlim=(-0.5, size[0] - 0.5), ylim=(size[1] - 0.5, -0.5))
    axes.set_axis_off()
    px_per_pt, thick = size[0] / width_pt, symbol_pt / _SYMBOL_PT
    drawn = trace(prediction.points_px, prediction.scheme)
    for line in drawn:
        plane = line.line.kind == "plane"
        axes.plot(
            *line.ends_px.T,
            color=YELLOW if plane else "white",
            linewidth=thick * (1.0 if plane else 0.8),
            linestyle=_DASHES.get(line.line.label, "-"),
            path_effects=_outlined(thick),
            zorder=2,
        )
    _draw_regions(axes, prediction)
    points = np.asarray(prediction.points_px, dtype=np.float64)
    doubtful = np.array([status == "doubtful" for status in prediction.statuses])
    for chosen, marker in ((~doubtful, "+"), (doubtful, "s")):
        axes.plot(
            *points[chosen].T,
            linestyle="none",
            marker=marker,
            markersize=0.8 * symbol_pt,
            markerfacecolor="none",
            markeredgecolor=ORANGE,
            markeredgewidth=thick,
            path_effects=_outlined(thick),
            zorder=4,
        )
    _label(
        axes,
        prediction,
        [(line.line.label, line.ends_px[0]) for line in drawn if line.line.label],
        px_per_pt,
        symbol_pt,
    )


def _small(film: np.ndarray) -> np.ndarray:
    """Return a film as gray values, (Y, X) uint8, no larger than a page needs."""
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(to_gray8(film).T))
    scale = LONGEST_SIDE / max(picture.size)
    if scale < 1:
        picture = picture.resize(
            (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))), Image.Resampling.LANCZOS
        )
    return np.asarray(picture)


def _draw_regions(axes: Axes, prediction: Prediction) -> None:
    if prediction.covariance_mm2 is None or prediction.spacing_mm is None:
        return
    for point, covariance in zip(prediction.points_px, prediction.covariance_mm2, strict=True):
        if np.isfinite(point).all() and np.isfinite(covariance).all():
            outline = point + ellipse_points(covariance) / np.asarray(prediction.spacing_mm)
            axes.plot(
                *np.concatenate([outline, outline[:1]]).T,
                color="white",
                linewidth=0.6,
                path_effects=_outlined(0.7),
                zorder=3,
            )


def _label(
    axes: Axes, prediction: Prediction, lines: list[tuple[str, np.ndarray]], px_per_pt: float, symbol_pt: float
) -> None:
    points = np.asarray(prediction.points_px, dtype=np.float64)
    annotated = np.asarray(np.isfinite(points).all(-1))
    texts = [
        (symbol, ORANGE) for symbol, known in zip(prediction.scheme.symbols, annotated.tolist(), strict=True) if known
    ]
    texts += [(label, YELLOW) for label, _ in lines]
    if not texts:
        return
    size = (float(axes.get_xlim()[1]), float(axes.get_ylim()[0]))
    ends = [np.clip(end, 0, size) for _, end in lines]
    anchors = np.concatenate([points[annotated], *(end[None] for end in ends)])
    sizes = [((0.7 * len(text) + 0.3) * symbol_pt * px_per_pt, 1.25 * symbol_pt * px_per_pt) for text, _ in texts]
    reach = 0.45 * symbol_pt * px_per_pt
    taken = [(x - reach, y - reach, x + reach, y + reach) for x, y in points[annotated]]
    places = place_labels(anchors, sizes, taken, size, 0.7 * symbol_pt * px_per_pt)
    for (text, color), (left, top, right, bottom) in zip(texts, places, strict=True):
        axes.text(
            (left + right) / 2,
            (top + bottom) / 2,
            text,
            fontsize=symbol_pt,
            color=color,
            ha="center",
            va="center",
            weight="bold",
            parse_math=False,
            clip_on=True,
            path_effects=_outlined(1.0),
            zorder=5,
        )


def _outlined(width: float) -> list[Any]:
    """Return the effect that gives a line of this width, points, a dark outline."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=width + 1, foreground="black")]
