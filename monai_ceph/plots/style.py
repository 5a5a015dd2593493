"""Colours, type sizes and the row layout that all plots share.

Plots use matplotlib's objects and never pyplot, so they open no window, have no global state and are thread-safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from monai_ceph.writers.label_places import Box

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette, which can be told apart with any kind of colour vision.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
YELLOW = "#F0E442"
INK, FAINT, GRID = "#222222", "#6B6B6B", "#E2E2E2"

WIDTH_IN = 8.0
"""Width of all plots. Text of 9 pt is readable on a page that shows them 800 px wide."""
TEXT_PT, SMALL_PT = 9.0, 8.0
ROW_IN = 0.25


def new_figure(height_in: float) -> Figure:
    """Return an empty white figure that is :data:`WIDTH_IN` wide.

    Raises:
        ImportError: matplotlib is missing; the message names the extra.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("Plots need matplotlib; install it with: pip install 'monai-ceph[evaluate]'") from error
    return Figure(figsize=(WIDTH_IN, height_in), facecolor="white", layout="constrained")


def rows_height(rows: int) -> float:
    """Return the height in inches of a figure with this many rows."""
    return 1.35 + ROW_IN * rows


def plain(axes: Axes, *, grid: Literal["x", "y"] = "x") -> None:
    """Remove the frame, draw a faint grid along one axis, and set the type size."""
    for side in ("top", "right", "left" if grid == "x" else "top"):
        axes.spines[side].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(FAINT)
    axes.tick_params(labelsize=TEXT_PT, labelcolor=INK, color=FAINT)
    axes.grid(axis=grid, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def landmark_rows(axes: Axes, symbols: Sequence[str]) -> None:
    """Set up :func:`plain` axes with one row per landmark, the first at the top, labelled on the left."""
    plain(axes)
    axes.set_yticks(range(len(symbols)), labels=symbols, parse_math=False)  # symbols may contain dollar signs
    axes.set_ylim(len(symbols) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def label_axes(axes: Axes, x: str = "", y: str = "") -> None:
    """Label the axes; an empty text gives no label."""
    axes.set_xlabel(x, fontsize=TEXT_PT, color=INK)
    axes.set_ylabel(y, fontsize=TEXT_PT, color=INK)


def write_labels(axes: Axes, labels: Sequence[str], boxes: Sequence[Box] | np.ndarray, **look: Any) -> None:
    """Write each label into the middle of its box, see :func:`monai_ceph.writers.label_places.place_labels`."""
    look = {"ha": "center", "va": "center", "parse_math": False, **look}
    for label, (left, top, right, bottom) in zip(labels, boxes, strict=True):
        axes.text((left + right) / 2, (top + bottom) / 2, label, **look)


def column(axes: Axes, x: float, title: str, cells: Sequence[str], color: str = INK) -> None:
    """Write a column of text beside the rows of :func:`landmark_rows`.

    Args:
        axes: the axes with the rows.
        x: right edge of the column as a fraction of the axes' width; 1.1 is slightly to the right of the axes.
        title: heading of the column.
        cells: one text per row.
        color: colour of the cells.
    """
    placed: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right", "fontsize": SMALL_PT}
    axes.text(x, -0.75, title, va="bottom", color=FAINT, **placed)
    for row, cell in enumerate(cells):
        axes.text(x, row, cell, va="center", color=color, **placed)


def title(figure: Figure, text: str, note: str = "") -> None:
    """Write the title at the top left, and a note on how to read the plot at the bottom left."""
    figure.suptitle(text, x=0.01, ha="left", fontsize=11, color=INK)
    if note:
        figure.supxlabel(note, x=0.01, ha="left", fontsize=SMALL_PT, color=FAINT)


def as_landmarks(values: np.ndarray, symbols: Sequence[str], shape: str) -> np.ndarray:
    """Return the values as float64 after checking their shape.

    Args:
        values: array of the given shape.
        symbols: N landmark symbols.
        shape: ``"(films, landmarks)"`` or ``"(films, landmarks, 2)"``.
    Raises:
        ValueError: the shape differs; the message shows both.
    """
    array = np.asarray(values, dtype=np.float64)
    expected = [len(symbols), 2][: shape.count(",")]
    if array.ndim != 1 + len(expected) or list(array.shape[1:]) != expected:
        raise ValueError(f"Expected {shape} for {len(symbols)} landmarks, got an array of shape {array.shape}.")
    return array
