"""Compare two films of one patient, superimposed on S-N: changes of measurements and points, as text and files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from monai_ceph.analysis.measure import Measurements
from monai_ceph.analysis.superimposition import to_sn_frame
from monai_ceph.formats.csv_text import csv_text, number_cell
from monai_ceph.prediction import Prediction
from monai_ceph.writers.film_report import number, pixel_size, sentence
from monai_ceph.writers.html import render

TEMPLATE = "superimposition.html"
HEADING = "Superimposition on S-N"
COLUMNS = ("kind", "analysis", "name", "unit", "a", "b", "change", "margin90", "forward_mm", "down_mm")
ODD_GROWTH = 0.05
"""Share by which the lengths of S-N may differ before a remark is made."""
LEGEND = (
    "Change: B minus A. ±: that interval holds the true change with 90 %, as far as it is a matter of the points' "
    "errors; changes beyond it are bold. Points: in the frame of S-N, forward along S-N and down from it."
)


@dataclass(frozen=True)
class Superimposition:
    """Two films superimposed on S-N and registered at S.

    Args:
        a, b: the landmarks of the earlier and of the later film.
        measured_a, measured_b: their measurements.
        points_a, points_b: (N, 2), (x, y), in the frame of S-N; mm if ``in_mm``, else in hundredths of S-N.
        in_mm: whether the pixel size of both films is known.
        remarks: what to know about the comparison, sentences without a full stop.
        source: where the points come from, in words.
    """

    a: Prediction
    b: Prediction
    measured_a: Measurements
    measured_b: Measurements
    points_a: np.ndarray
    points_b: np.ndarray
    in_mm: bool
    remarks: tuple[str, ...] = ()
    source: str = ""


class Change(NamedTuple):
    """Hold how a measurement changed; NaN where unknown. ``margin`` is half of the 90 % interval of the change."""

    analysis: str
    name: str
    unit: str
    a: float
    b: float
    change: float
    margin: float

    @property
    def clear(self) -> bool:
        """Whether the change is larger than its margin."""
        return abs(self.change) > self.margin


class Move(NamedTuple):
    """Hold how a point moved, mm; NaN where unknown."""

    landmark: str
    forward: float
    down: float
    distance: float


def superimpose(a: Prediction, b: Prediction) -> Superimposition:
    """Superimpose two films of one patient on S-N.

    Either may be mirrored, turned, or of another pixel size. If that of a film is unknown, both are scaled to the same
    length of S-N, and changes are given for angles and ratios alone.

    Args:
        a, b: the landmarks of the earlier and of the later film, of one scheme.
    Raises:
        ValueError: the schemes differ, or S, N or all others of a film are unknown; the message names the film.

    >>> from monai_ceph.landmarks import ISBI19
    >>> from monai_ceph.phantoms.mean_shape import MEAN_MM
    >>> a = Prediction("a.png", ISBI19, MEAN_MM * 10, np.ones(19), (0.1, 0.1), "user")
    >>> b = Prediction("b.png", ISBI19, MEAN_MM * [-5, 5] + 900, np.ones(19), (0.2, 0.2), "user")
    >>> round(max(move.distance for move in moves(superimpose(a, b))), 6)
    0.0
    """
    if a.scheme.symbols != b.scheme.symbols:
        raise ValueError(
            f"'{a.image}' and '{b.image}' have different landmarks, of the schemes '{a.scheme.name}' and "
            f"'{b.scheme.name}'; films can only be superimposed with the same."
        )
    in_mm = a.spacing_mm is not None and b.spacing_mm is not None
    frames, measured = [], []
    for prediction in (a, b):
        spacing = np.asarray(prediction.spacing_mm or (1.0, 1.0))
        try:
            points = to_sn_frame(np.asarray(prediction.points_px) * spacing, prediction.scheme)
        except ValueError as error:
            raise ValueError(f"'{prediction.image}': {error}") from error
        frames.append(points if in_mm else 100 * points / points[prediction.scheme.index("N"), 0])
        measured.append(prediction.measurements())
    remarks = [
        f"{name} ({prediction.image}): {remark}"
        for name, prediction in (("A", a), ("B", b))
        for remark in prediction.remarks
    ]
    if in_mm:
        length_a, length_b = (float(points[a.scheme.index("N"), 0]) for points in frames)
        if abs(length_b / length_a - 1) > ODD_GROWTH:
            remarks.insert(
                0,
                f"S-N is {number(length_a)} mm on A and {number(length_b)} mm on B, more than "
                f"{100 * ODD_GROWTH:g} % apart: check the pixel size of both films, unless a child has grown",
            )
    else:
        unknown = " and ".join(name for name, prediction in (("A", a), ("B", b)) if prediction.spacing_mm is None)
        remarks.insert(
            0,
            f"the pixel size of {unknown} is unknown, so both are drawn with the same length of S-N, as if it had not "
            "grown, and changes in mm are left empty; --spacing gives it",
        )
    return Superimposition(a, b, measured[0], measured[1], frames[0], frames[1], in_mm, tuple(remarks))


def changes(pair: Superimposition) -> list[Change]:
    """Return how the measurements changed, in order. Errors of both films count as independent."""
    margins = [(measured.high90 - measured.low90) / 2 for measured in (pair.measured_a, pair.measured_b)]
    return [
        Change(measurement.analysis, measurement.name, measurement.unit, a, b, b - a, margin)
        for measurement, a, b, margin in zip(
            pair.measured_a.measurements,
            pair.measured_a.values.tolist(),
            pair.measured_b.values.tolist(),
            np.hypot(*margins).tolist(),
            strict=True,
        )
    ]


def moves(pair: Superimposition) -> list[Move]:
    """Return how the points moved, in the frame of S-N; NaN where a film lacks one or its pixel size is unknown."""
    moved = pair.points_b - pair.points_a if pair.in_mm else np.full(pair.points_a.shape, np.nan)
    return [
        Move(symbol, forward, down, math.hypot(forward, down))
        for symbol, (forward, down) in zip(pair.a.scheme.symbols, moved.tolist(), strict=True)
    ]


def facts(pair: Superimposition) -> list[tuple[str, str]]:
    """Return which films are compared, their pixel sizes and where the points come from: names and texts."""
    films = [
        (name, f"{prediction.image}, pixel size {pixel_size(prediction)}")
        for name, prediction in (("A", pair.a), ("B", pair.b))
    ]
    return [*films, ("Points", pair.source)] if pair.source else films


def changes_csv(pair: Superimposition) -> str:
    """Return all changes as a table with :data:`COLUMNS`, separated by commas; a number that is unknown is empty.

    A row has the kind ``measurement`` or ``point``; the change of a point is its distance.
    """
    rows = []
    for change in changes(pair):
        numbers = (change.a, change.b, change.change, change.margin, math.nan, math.nan)
        rows.append(["measurement", change.analysis, change.name, change.unit, *(number_cell(n, 3) for n in numbers)])
    for move in moves(pair):
        numbers = (math.nan, math.nan, move.distance, math.nan, move.forward, move.down)
        rows.append(["point", "", move.landmark, "mm", *(number_cell(n, 3) for n in numbers)])
    return csv_text(COLUMNS, rows)


def html_superimposition(pair: Superimposition, films_svg: Sequence[str], tracing_svg: str) -> str:
    """Return the comparison as one self-contained HTML page.

    Args:
        pair: what to show; its texts are escaped.
        films_svg: pictures of both films, ``<svg>`` elements, which are trusted.
        tracing_svg: the picture of both tracings, of the same kind.
    Raises:
        ImportError: Jinja2 is missing; the message names the extra.
    """
    return render(
        TEMPLATE,
        heading=HEADING,
        title=f"{pair.a.image}, {pair.b.image}",
        facts=facts(pair),
        remarks=[sentence(remark) for remark in pair.remarks],
        films=films_svg,
        tracing=tracing_svg,
        changes=changes(pair),
        moves=moves(pair),
        legend=LEGEND,
        shown=shown,
    )


def shown(value: float, sign: bool = False) -> str:
    """Return a number with one decimal; nothing for NaN."""
    return "" if math.isnan(value) else number(value, sign=sign)
