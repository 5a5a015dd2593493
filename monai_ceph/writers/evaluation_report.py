"""Write an evaluation as one self-contained HTML page for screens, phones and paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from monai_ceph.atomic import write_text
from monai_ceph.evaluation.evaluation import Evaluation
from monai_ceph.metrics.interval import Bounds, Interval
from monai_ceph.metrics.reference_scores import ReferenceScores
from monai_ceph.metrics.summary import Statistics
from monai_ceph.writers.evaluation_files import interval_method
from monai_ceph.writers.html import render
from monai_ceph.writers.text import statistic_cells

TEMPLATE = "evaluation_report.html"
WORST = 10
UNKNOWN = "\N{EN DASH}"
COLUMNS = ("n", "missing", "MRE (mm)", "SD (mm)", "median (mm)", "SDR 2 mm (%)", "2.5 mm (%)", "3 mm (%)", "4 mm (%)")
"""The statistics in the order of every table."""


class Picture(NamedTuple):
    """A picture of the page: an ``<svg>`` element, which is trusted, and its caption as plain text."""

    svg: str
    caption: str


class Cell(NamedTuple):
    """A formatted number and its interval; the interval may be empty."""

    value: str
    interval: str = ""


class WorstFilm(NamedTuple):
    """A film's mean error over the landmarks found (NaN if none), its largest error and its missing landmarks."""

    film: str
    mean_mm: float
    largest_mm: float
    symbol: str
    missing: int


class WorstPoint(NamedTuple):
    """A landmark on one film: its error and its offset from the reference along x and y, mm."""

    film: str
    symbol: str
    error_mm: float
    dx_mm: float
    dy_mm: float


def html_report(evaluation: Evaluation, pictures: Sequence[Picture] = ()) -> str:
    """Return the page as HTML.

    The page loads nothing from other servers: styles and pictures are embedded, and its content security policy forbids
    everything else.

    Args:
        evaluation: shown completely: settings, statistics and intervals overall and per landmark, the largest errors,
            missing landmarks, remarks.
        pictures: pictures to show.
    Raises:
        ImportError: Jinja2 is missing; the message names the extra.
    """
    return render(
        TEMPLATE,
        extra="evaluate",
        heading="Landmark evaluation",
        title=evaluation.predictions or "predictions",
        evaluation=evaluation,
        overall=[(scores, _cells(*scores.rows[0][1:])) for scores in evaluation.all_scores],
        scores=[
            {
                "comparison": scores,
                "headline": dict(zip(COLUMNS, _cells(*scores.rows[0][1:]), strict=True)),
                "rows": [(name, _cells(statistics, interval)) for name, statistics, interval in scores.rows],
                "films": worst_films(scores),
                "points": worst_points(scores),
            }
            for scores in evaluation.scores
        ],
        columns=COLUMNS,
        pictures=[(picture.svg, picture.caption) for picture in pictures],
        method=interval_method(evaluation),
        number=_number,
        worst=WORST,
    )


def write_report(path: str | Path, evaluation: Evaluation, pictures: Sequence[Picture] = ()) -> None:
    """Write :func:`html_report` to a file, completely or not at all.

    Raises:
        ImportError: Jinja2 is missing; the message names the extra.
        OSError: the file cannot be written.
    """
    write_text(path, html_report(evaluation, pictures))


def worst_films(scores: ReferenceScores, limit: int = WORST) -> list[WorstFilm]:
    """Return the worst films: first those without any landmark found, then by decreasing mean error."""
    films = []
    for film, errors in zip(scores.films, scores.errors_mm, strict=True):
        worst = int(np.argmax(np.where(np.isfinite(errors), errors, -np.inf)))
        known = np.isfinite(errors[worst])
        films.append(
            WorstFilm(
                film,
                float(errors[np.isfinite(errors)].mean()) if known else math.nan,
                float(errors[worst]) if known else math.nan,
                scores.symbols[worst] if known else "",
                int(np.isinf(errors).sum()),
            )
        )
    return sorted(films, key=lambda film: math.inf if math.isnan(film.mean_mm) else film.mean_mm, reverse=True)[:limit]


def worst_points(scores: ReferenceScores, limit: int = WORST) -> list[WorstPoint]:
    """Return the landmarks with the largest errors among those found."""
    errors = np.where(np.isfinite(scores.errors_mm), scores.errors_mm, -1.0)
    order = np.argsort(-errors, axis=None, kind="stable")[:limit]
    places = zip(*np.unravel_index(order, errors.shape), strict=True)
    return [
        WorstPoint(
            scores.films[film],
            scores.symbols[landmark],
            float(errors[film, landmark]),
            *map(float, scores.offsets_mm[film, landmark]),
        )
        for film, landmark in places
        if errors[film, landmark] >= 0
    ]


def _cells(statistics: Statistics, interval: Interval | None) -> list[Cell]:
    counts = [Cell(str(statistics["n"])), Cell(str(statistics["missing"]))]
    return counts + [
        _cell(value, bounds, decimals) for _, value, bounds, decimals in statistic_cells(statistics, interval)
    ]


def _cell(value: float, bounds: Bounds | None, decimals: int) -> Cell:
    """Format a value as the terminal does; the bounds have one digit less."""
    if bounds is None or math.isnan(bounds[0]):
        return Cell(_number(value, decimals))
    return Cell(_number(value, decimals), "\N{EN DASH}".join(_number(bound, decimals - 1) for bound in bounds))


def _number(value: float, decimals: int = 2) -> str:
    return UNKNOWN if math.isnan(value) else f"{value:.{decimals}f}".replace("-", "\N{MINUS SIGN}")
