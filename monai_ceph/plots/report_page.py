"""Lay the report of one film out on a page of paper."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from monai_ceph.plots.film_tracing import SYMBOL_PT
from monai_ceph.plots.page import BOTTOM_MM, MARGIN_MM, PAGE_MM, TOP_MM, foot, new_page, place, place_film, text
from monai_ceph.plots.style import FAINT, INK
from monai_ceph.plots.wigglegram import LIMIT, Deviation, draw_wigglegram
from monai_ceph.writers.film_report import (
    HEADING,
    LEGEND,
    FilmReport,
    Row,
    caption,
    facts,
    rows,
    sentence,
    to_check,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FILM_MM = (102.0, 118.5)
"""The largest width and height of the film's picture."""
TABLE_TOP_MM = 147.0
LINE_MM = 3.6
_FEWEST_ROWS = 30
"""Fewest rows to divide the height by, so that a short table has no tall rows."""


def report_page(film: np.ndarray, report: FilmReport) -> Figure:
    """Lay out the report of one film on one A4 page, portrait: film, facts, measurements and wigglegram.

    Args:
        film: (X, Y), any gray values.
        report: what to show.
    Returns:
        The page; :func:`monai_ceph.plots.save.save_pdf` writes it.
    Raises:
        ImportError: matplotlib is missing; the message names the extra.
    """
    figure = new_page(HEADING)
    picture_mm = place_film(figure, MARGIN_MM, FILM_MM, film, report.prediction, SYMBOL_PT)
    _draw_facts(figure, report, MARGIN_MM + FILM_MM[0] + 5)
    marks = "\n".join(textwrap.wrap(caption(report.prediction), 84))
    text(figure, MARGIN_MM, TOP_MM + picture_mm + 1.2, marks, size=6, color=FAINT)
    _draw_table(figure, rows(report.measurements))
    foot(figure, LEGEND)
    return figure


def _draw_facts(figure: Figure, report: FilmReport, left: float) -> None:
    blocks: list[tuple[str, Sequence[tuple[str, str]]]] = [
        ("Film and model", facts(report)),
        ("Points to check", to_check(report.prediction)),
        ("Remarks", [("", sentence(remark)) for remark in report.prediction.remarks]),
    ]
    top = TOP_MM
    for heading, entries in blocks:
        if not entries:
            continue
        text(figure, left, top, heading, size=9, weight="bold")
        top += 5
        for name, words in entries:
            if name:
                text(figure, left, top, name, size=6.5, color=FAINT)
                top += 3.1
            lines = textwrap.wrap(words, 56, break_long_words=True) or [""]
            text(figure, left, top, "\n".join(lines), linespacing=1.25)
            top += LINE_MM * len(lines) + 0.7
        top += 2.5


# Where the columns of the table are, mm from its left edge: the edge of their text, and how it is aligned.
_CELLS = {
    "value": (41.5, "right"),
    "stars": (41.9, "left"),
    "margin": (53.0, "right"),
    "norm": (67.3, "right"),
    "z_text": (75.0, "right"),
}
_HEADINGS = {"value": "value", "margin": "90 %", "norm": "norm", "z_text": "z"}
_CHART_MM = (77.0, 92.0)
_WIDTH_MM = 92.0
_ROOM_FOR_NAME, _LONGEST_NAME = 21, 30
"""Longest name, in characters, at full size and on one line at a smaller size; a longer one takes two lines."""


def _draw_table(figure: Figure, table: Sequence[Row]) -> None:
    """Draw the measurements in two columns of about the same length, and keep each analysis in one column."""
    groups = [list(members) for _, members in groupby(table, key=lambda row: row.analysis)]
    lengths = np.cumsum([len(group) + 1 for group in groups])
    first = int(np.argmin(np.maximum(lengths, lengths[-1] - lengths))) + 1
    longest = max(lengths[first - 1], lengths[-1] - lengths[first - 1])
    step = (BOTTOM_MM - TABLE_TOP_MM) / max(longest + 1, _FEWEST_ROWS)
    right = PAGE_MM[0] - MARGIN_MM - _WIDTH_MM
    for left, part in ((MARGIN_MM, groups[:first]), (right, groups[first:])):
        if part:
            _draw_column(figure, part, left, step)


def _draw_column(figure: Figure, groups: Sequence[Sequence[Row]], left: float, step: float) -> None:
    size = min(7.0, 0.62 * step / 25.4 * 72)
    height = step * (1 + sum(len(group) + 1 for group in groups))
    axes = place(figure, left, TABLE_TOP_MM, _WIDTH_MM, height)
    axes.set(xlim=(0, _WIDTH_MM), ylim=(height, 0))
    axes.set_axis_off()
    for column, heading in _HEADINGS.items():
        x, side = _CELLS[column]
        axes.text(x, step / 2, heading, fontsize=0.85 * size, color=FAINT, ha=side, va="center")
    scale = f"\N{MINUS SIGN}{LIMIT:g} SD +{LIMIT:g}"
    axes.text(sum(_CHART_MM) / 2, step / 2, scale, fontsize=0.85 * size, color=FAINT, ha="center", va="center")
    chart_left, chart_right = _CHART_MM
    chart = place(figure, left + chart_left, TABLE_TOP_MM + step, chart_right - chart_left, height - step)
    chart.set_ylim(height, step)
    chart.set_axis_off()
    y, deviations, places = 1.5 * step, [], []
    for group in groups:
        axes.plot([0, _WIDTH_MM], [y - step / 2] * 2, color=INK, linewidth=0.5)
        axes.text(0, y, group[0].analysis, fontsize=size, color=INK, va="center", weight="bold", parse_math=False)
        for row in group:
            y += step
            _draw_row(axes, row, y, size)
            deviations.append(Deviation(row.analysis, row.name, row.z, row.z_low, row.z_high))
            places.append(y)
        y += step
    draw_wigglegram(chart, deviations, places)


def _draw_row(axes: Axes, row: Row, y: float, size: float) -> None:
    measured = not math.isnan(row.number)
    name = (f"{row.name}: {row.meaning}" if row.meaning else row.name) + (" ?" if measured and row.remark else "")
    lines = textwrap.wrap(name, _LONGEST_NAME)
    weight = "bold" if row.stars else "normal"
    style: dict[str, Any] = {"color": INK, "va": "center", "parse_math": False}
    small = min(1.0, _ROOM_FOR_NAME / len(name)) if len(lines) == 1 else 0.7
    axes.text(1.5, y, "\n".join(lines), fontsize=small * size, weight=weight, linespacing=1, **style)
    for column, (x, side) in _CELLS.items():
        cell = getattr(row, column)
        if cell and (measured or column == "value"):
            bold = weight if column in ("value", "stars", "z_text") else "normal"
            axes.text(x, y, cell, fontsize=size, ha=side, weight=bold, **style)
    if row.remark and not measured:  # where a measured row has its numbers
        axes.text(_CELLS["stars"][0], y, row.remark, fontsize=0.85 * size, **style | {"color": FAINT})
