"""What all figures share: colours, type sizes, and rows that hold one landmark each. Needs matplotlib.

Everything is drawn through matplotlib's objects, never through pyplot: no window, no global state, safe in threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette stays apart for every kind of colour vision.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
YELLOW = "#F0E442"
INK, FAINT, GRID = "#222222", "#6B6B6B", "#E2E2E2"

WIDTH_IN = 8.0
"""All figures have one width, so that 9 pt are readable where a page shows them 800 px wide."""
TEXT_PT, SMALL_PT = 9.0, 8.0
ROW_IN = 0.25


def new_figure(height_in: float) -> Figure:
    """An empty white figure of :data:`WIDTH_IN`.

    Raises:
        ImportError: matplotlib is missing; the message names the extra.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("Figures need matplotlib; install it with: pip install 'monai-ceph[evaluate]'") from error
    return Figure(figsize=(WIDTH_IN, height_in), facecolor="white", layout="constrained")


def rows_height(rows: int) -> float:
    """Height in inches of a figure with a row a landmark."""
    return 1.35 + ROW_IN * rows


def plain(axes: Axes, *, grid: Literal["x", "y"] = "x") -> None:
    """Takes the frame off, keeps a faint grid along one axis, and sets the type size."""
    for side in ("top", "right", "left" if grid == "x" else "top"):
        axes.spines[side].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(FAINT)
    axes.tick_params(labelsize=TEXT_PT, labelcolor=INK, color=FAINT)
    axes.grid(axis=grid, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def landmark_rows(axes: Axes, symbols: Sequence[str]) -> None:
    """One row a landmark, the first at the top, named at the left."""
    axes.set_yticks(range(len(symbols)), labels=symbols, parse_math=False)  # a symbol is no formula, whatever it holds
    axes.set_ylim(len(symbols) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def column(axes: Axes, x: float, title: str, cells: Sequence[str], color: str = INK) -> None:
    """A column of text beside the rows of :func:`landmark_rows`.

    Args:
        x: its right edge, as a share of the axes' width: 1.1 is a little to the right of them.
        cells: one a row.
    """
    placed: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right", "fontsize": SMALL_PT}
    axes.text(x, -0.75, title, va="bottom", color=FAINT, **placed)
    for row, cell in enumerate(cells):
        axes.text(x, row, cell, va="center", color=color, **placed)


def title(figure: Figure, text: str, note: str = "") -> None:
    """What the figure shows, at the top left; how to read it, at the bottom left."""
    figure.suptitle(text, x=0.01, ha="left", fontsize=11, color=INK)
    if note:
        figure.supxlabel(note, x=0.01, ha="left", fontsize=SMALL_PT, color=FAINT)


def as_landmarks(values: np.ndarray, symbols: Sequence[str], shape: str) -> np.ndarray:
    """The values as float64, if there are as many as symbols.

    Args:
        values: of the shape named.
        symbols: the N landmarks'.
        shape: ``"(films, landmarks)"`` or ``"(films, landmarks, 2)"``.
    Raises:
        ValueError: another shape; the message says both.
    """
    array = np.asarray(values, dtype=np.float64)
    expected = [len(symbols), 2][: shape.count(",")]
    if array.ndim != 1 + len(expected) or list(array.shape[1:]) != expected:
        raise ValueError(f"Expected {shape} for {len(symbols)} landmarks, got an array of shape {array.shape}.")
    return array
