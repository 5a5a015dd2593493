"""Plot two films of one patient superimposed on S-N, and lay out their comparison on a page."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from monai_ceph.analysis.tracing import trace
from monai_ceph.atomic import write_text
from monai_ceph.plots.film_tracing import film_tracing
from monai_ceph.plots.page import BOTTOM_MM, MARGIN_MM, PAGE_MM, TOP_MM, foot, new_page, place, place_film, text
from monai_ceph.plots.save import as_svg, save_pdf
from monai_ceph.plots.style import FAINT, INK, WIDTH_IN, new_figure, write_labels
from monai_ceph.writers.film_report import sentence
from monai_ceph.writers.label_places import around, place_labels
from monai_ceph.writers.superimposition import (
    HEADING,
    LEGEND,
    Change,
    Superimposition,
    changes,
    changes_csv,
    facts,
    html_superimposition,
    moves,
    shown,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PICTURE_MM = (60.0, 75.0)
_TABLE_TOP_MM = 122.0
_COLUMN_MM, _GAP_MM = 65.0, 4.0
_ROOM_FOR_LINES = 6
"""Number of lines of notes that fit at full size; more are written smaller."""


def superimposed_tracings(pair: Superimposition) -> Figure:
    """Plot both tracings in the frame of S-N: A dashed and open, B solid and filled; the face looks to the right.

    Raises:
        ImportError: matplotlib is missing.

    >>> from monai_ceph.landmarks import ISBI19
    >>> from monai_ceph.phantoms.mean_shape import MEAN_MM
    >>> from monai_ceph.prediction import Prediction
    >>> from monai_ceph.writers.superimposition import superimpose
    >>> a = Prediction("a.png", ISBI19, MEAN_MM, np.ones(19), (1.0, 1.0), "user")
    >>> figure = superimposed_tracings(superimpose(a, a))
    """
    figure = new_figure(WIDTH_IN)
    figure.set_layout_engine("none")
    draw_superimposed(figure.add_axes((0, 0, 1, 1)), pair, WIDTH_IN * 72, symbol_pt=9)
    return figure


def draw_superimposed(axes: Axes, pair: Superimposition, width_pt: float, symbol_pt: float) -> None:
    """Draw :func:`superimposed_tracings` on axes that are ``width_pt`` points wide."""
    for points, dashes, fill, color in ((pair.points_a, (0, (4, 2)), "white", FAINT), (pair.points_b, "-", INK, INK)):
        for drawn in trace(points, pair.a.scheme):
            axes.plot(*drawn.ends_px.T, color=color, linewidth=symbol_pt / 7, linestyle=dashes, zorder=2)
        axes.plot(*points.T, "o", markersize=symbol_pt / 2.2, markerfacecolor=fill, markeredgecolor=color, zorder=3)
    known = np.concatenate([points[np.isfinite(points).all(-1)] for points in (pair.points_a, pair.points_b)])
    middle, reach = (known.max(0) + known.min(0)) / 2, 0.56 * float(np.ptp(known, axis=0).max())
    low = middle - reach
    axes.set(xlim=(low[0], low[0] + 2 * reach), ylim=(low[1] + 2 * reach, low[1]), aspect="equal")
    axes.set_axis_off()
    present = np.isfinite(pair.points_b).all(-1).tolist()
    symbols = [symbol for symbol, shown in zip(pair.a.scheme.symbols, present, strict=True) if shown]
    letter = symbol_pt * 2 * reach / width_pt
    sizes = [((0.7 * len(symbol) + 0.3) * letter, 1.2 * letter) for symbol in symbols]
    taken = [around(point, 0.35 * letter) for point in known - low]
    places = place_labels(pair.points_b[present] - low, sizes, taken, (2 * reach, 2 * reach), 0.6 * letter)
    write_labels(axes, symbols, places + np.tile(low, 2), fontsize=symbol_pt, color=INK, zorder=4)


def superimposition_page(film_a: np.ndarray, film_b: np.ndarray, pair: Superimposition) -> Figure:
    """Lay out the comparison of two films on one A4 page, portrait.

    Args:
        film_a, film_b: (X, Y), any gray values.
        pair: what to show.
    Raises:
        ImportError: matplotlib is missing; the message names the extra.
    """
    figure = new_page(HEADING)
    lefts = [MARGIN_MM + k * (_PICTURE_MM[0] + _GAP_MM) for k in range(3)]
    for left, name, film, prediction in zip(lefts, "AB", (film_a, film_b), (pair.a, pair.b), strict=False):
        height = place_film(figure, left, _PICTURE_MM, film, prediction, symbol_pt=4.5)
        text(figure, left, TOP_MM + height + 1, name, size=8, weight="bold")
    side = PAGE_MM[0] - MARGIN_MM - lefts[2]
    draw_superimposed(place(figure, lefts[2], TOP_MM, side, side), pair, side / 25.4 * 72, symbol_pt=5.5)
    text(figure, lefts[2], TOP_MM + side + 1, "dashed, open: A; solid, filled: B", size=6.5, color=FAINT)
    notes = [f"{name}: {words}" for name, words in facts(pair)] + [sentence(remark) for remark in pair.remarks]
    lines = [line for note in notes for line in textwrap.wrap(note, 135)]
    letters = 7 * min(1.0, _ROOM_FOR_LINES / len(lines))
    text(figure, MARGIN_MM, TOP_MM + _PICTURE_MM[1] + 6, "\n".join(lines), size=letters, linespacing=1.3)
    _draw_changes(figure, changes(pair))
    _draw_moves(figure, pair)
    foot(figure, LEGEND)
    return figure


def write_superimposition(folder: str | Path, film_a: np.ndarray, film_b: np.ndarray, pair: Superimposition) -> None:
    """Write ``superimposition.pdf``, ``.html`` and ``.csv``, each completely or not at all.

    Args:
        folder: where to write; it must exist.
        film_a, film_b, pair: as in :func:`superimposition_page`.
    Raises:
        ImportError: matplotlib or Jinja2 is missing; the message names the extra.
        OSError: a file cannot be written.

    >>> from monai_ceph.landmarks import ISBI19
    >>> from monai_ceph.phantoms import draw_phantom
    >>> from monai_ceph.prediction import Prediction
    >>> from monai_ceph.writers.superimposition import superimpose
    >>> films = [draw_phantom(seed, (194, 240), 1.0) for seed in (0, 1)]
    >>> earlier, later = (Prediction("a.png", ISBI19, f.points_px, np.ones(19), (1.0, 1.0), "user") for f in films)
    >>> write_superimposition(".", films[0].image, films[1].image, superimpose(earlier, later))
    >>> sorted(path.name for path in Path().glob("superimposition.*"))
    ['superimposition.csv', 'superimposition.html', 'superimposition.pdf']
    """
    folder = Path(folder)
    save_pdf(superimposition_page(film_a, film_b, pair), folder / "superimposition.pdf", HEADING)
    films = [as_svg(film_tracing(film, prediction)) for film, prediction in ((film_a, pair.a), (film_b, pair.b))]
    write_text(folder / "superimposition.html", html_superimposition(pair, films, as_svg(superimposed_tracings(pair))))
    write_text(folder / "superimposition.csv", changes_csv(pair))


def _draw_changes(figure: Figure, table: Sequence[Change]) -> None:
    """Draw the changes of measurements in two columns; an analysis may continue in the second column."""
    lines: list[tuple[str, Change | None]] = []
    for analysis, group in groupby(table, key=lambda change: change.analysis):
        lines.append((analysis, None))
        lines += [(change.name, change) for change in group]
    half = -(-len(lines) // 2)
    for k, part in enumerate((lines[:half], lines[half:])):
        rows = [["", "A", "B", "B\N{MINUS SIGN}A", "±"]]
        for name, change in part:
            if change is None:
                rows.append([name])
            else:
                unit = {"deg": "\N{DEGREE SIGN}"}.get(change.unit, change.unit)
                numbers = [shown(change.a), shown(change.b), shown(change.change, sign=True), shown(change.margin)]
                rows.append([f"  {name} ({unit})", *numbers])
        bold = [False, *(change is None or change.clear for _, change in part)]
        left = MARGIN_MM + k * (_COLUMN_MM + _GAP_MM)
        _draw_lines(figure, left, _COLUMN_MM, (0, 41, 49.5, 58.5, _COLUMN_MM), rows, bold, half)


def _draw_moves(figure: Figure, pair: Superimposition) -> None:
    left = MARGIN_MM + 2 * (_COLUMN_MM + _GAP_MM)
    width = PAGE_MM[0] - MARGIN_MM - left
    rows = [["mm", "forward", "down", "distance"]]
    for move in moves(pair):
        rows.append([move.landmark, shown(move.forward, sign=True), shown(move.down, sign=True), shown(move.distance)])
    _draw_lines(figure, left, width, (0, 24, 36, width), rows, [False] * len(rows))


def _draw_lines(
    figure: Figure,
    left: float,
    width: float,
    stops: Sequence[float],
    rows: Sequence[Sequence[str]],
    bold: Sequence[bool],
    row_count: int = 0,
) -> None:
    """Draw a table whose first column is aligned left at its stop, and the others right."""
    height = BOTTOM_MM - _TABLE_TOP_MM
    step = height / (max(row_count, 33) + 1)
    size = min(7.0, 0.62 * step / 25.4 * 72)
    axes = place(figure, left, _TABLE_TOP_MM, width, height)
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    for k, (cells, strong) in enumerate(zip(rows, bold, strict=True)):
        style: dict[str, Any] = {"va": "center", "parse_math": False, "weight": "bold" if strong else "normal"}
        for x, cell in zip(stops, cells, strict=False):
            room = min(1.0, 24 / len(cell)) if x == 0 and len(stops) > 4 and cell else 1.0
            color, align = INK if k else FAINT, "right" if x else "left"
            axes.text(x, (k + 0.5) * step, cell, fontsize=size * room, color=color, ha=align, **style)
    axes.plot([0, width], [step, step], color=INK, linewidth=0.6)
