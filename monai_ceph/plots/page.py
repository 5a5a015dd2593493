"""Lay out pictures and text on an A4 page in portrait; positions are in mm from its left and top edge."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from monai_ceph import __version__
from monai_ceph.plots.film_tracing import draw_tracing
from monai_ceph.plots.style import FAINT, INK, new_figure
from monai_ceph.prediction import Prediction
from monai_ceph.writers.html import NOTICE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAGE_MM = (210.0, 297.0)
"""A4."""
MARGIN_MM = 11.0
TOP_MM = 21.0
"""Where the contents begin, below the heading."""
BOTTOM_MM = PAGE_MM[1] - 16
"""Where the contents end, above the legend."""


def new_page(heading: str) -> Figure:
    """Return a page with a heading and :data:`NOTICE`."""
    figure = new_figure(1.0)
    figure.set_layout_engine("none")
    figure.set_size_inches(PAGE_MM[0] / 25.4, PAGE_MM[1] / 25.4)
    text(figure, MARGIN_MM, 11, heading, size=14, weight="bold")
    text(figure, PAGE_MM[0] - MARGIN_MM, 12.5, NOTICE, size=8.5, weight="bold", ha="right")
    rule = place(figure, MARGIN_MM, 18.5, PAGE_MM[0] - 2 * MARGIN_MM, 0.3)
    rule.set_axis_off()
    rule.axhline(0.5, color=INK, linewidth=1)
    return figure


def foot(figure: Figure, legend: str) -> None:
    """Write the legend and the last line of a page."""
    text(figure, MARGIN_MM, PAGE_MM[1] - 14.5, "\n".join(textwrap.wrap(legend, 165)), size=5.8, color=FAINT)
    text(figure, MARGIN_MM, PAGE_MM[1] - 8, f"{NOTICE}. Written by monai_ceph {__version__}.", size=6, color=FAINT)


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Return new axes at a place on the page."""
    across, down = PAGE_MM
    return figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))


def text(
    figure: Figure, left: float, top: float, words: str, size: float = 7.5, color: str = INK, **style: Any
) -> None:
    """Write text at a place on the page; a `$` in it starts no formula."""
    style = {"fontsize": size, "color": color, "va": "top", "parse_math": False, **style}
    figure.text(left / PAGE_MM[0], 1 - top / PAGE_MM[1], words, **style)


def place_film(
    figure: Figure,
    left: float,
    room_mm: tuple[float, float],
    film: np.ndarray,
    prediction: Prediction,
    symbol_pt: float,
) -> float:
    """Draw a film's tracing below the heading, as large as there is room, and return its height, mm.

    Args:
        figure: the page.
        left: left edge of the picture.
        room_mm: the largest width and height.
        film, prediction, symbol_pt: as in :func:`monai_ceph.plots.film_tracing.draw_tracing`.
    """
    size = np.array(film.shape) * (prediction.spacing_mm or (1.0, 1.0))
    width, height = size * min(room_mm / size)
    draw_tracing(place(figure, left, TOP_MM, width, height), film, prediction, width / 25.4 * 72, symbol_pt)
    return float(height)
