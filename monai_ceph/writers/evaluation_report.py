"""An evaluation as one HTML page for people: read on a screen, a telephone or paper, and sent as one file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from monai_ceph import __version__
from monai_ceph.atomic import write_text
from monai_ceph.evaluation.evaluation import Evaluation
from monai_ceph.metrics.interval import Bounds, Interval, method
from monai_ceph.metrics.reference_scores import ReferenceScores
from monai_ceph.metrics.summary import Statistics

TEMPLATE = "evaluation_report.html"
WORST = 10
UNKNOWN = "\N{EN DASH}"
COLUMNS = ("n", "missing", "MRE (mm)", "SD (mm)", "median (mm)", "SDR 2 mm (%)", "2.5 mm (%)", "3 mm (%)", "4 mm (%)")
"""The statistics of a comparison, in the order in which every table has them."""


class Picture(NamedTuple):
    """A figure of the page: an ``<svg>`` element, which is trusted, and the plain text beneath it."""

    svg: str
    caption: str


class Cell(NamedTuple):
    """A number as it is printed, with its interval or nothing."""

    value: str
    interval: str = ""


class WorstFilm(NamedTuple):
    """A film by its mean error over the landmarks found (NaN for none), its largest error and how many it lacks."""

    film: str
    mean_mm: float
    largest_mm: float
    symbol: str
    missing: int


class WorstPoint(NamedTuple):
    """A landmark on one film: its error, and the offset from the reference along x and y, mm."""

    film: str
    symbol: str
    error_mm: float
    dx_mm: float
    dy_mm: float


def html_report(evaluation: Evaluation, pictures: Sequence[Picture] = ()) -> str:
    """The page. It asks nothing of any server: styles and pictures are in it, and its policy forbids all else.

    Args:
        evaluation: all of it is shown: how it came about, statistics and intervals overall and per landmark, what lies
            farthest off, what is missing, remarks.
        pictures: statistics to show.
    Raises:
        ImportError: Jinja2 is missing; the message names the extra.
    """
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise ImportError("The HTML report needs Jinja2: pip install 'monai-ceph[evaluate]'.") from error
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(resources.files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8"))
    return template.render(
        evaluation=evaluation,
        overall=[(one, _cells(*one.rows[0][1:])) for one in evaluation.all_scores],
        scores=[
            {
                "comparison": one,
                "headline": dict(zip(COLUMNS, _cells(*one.rows[0][1:]), strict=True)),
                "rows": [(name, _cells(statistics, interval)) for name, statistics, interval in one.rows],
                "films": worst_films(one),
                "points": worst_points(one),
            }
            for one in evaluation.scores
        ],
        columns=COLUMNS,
        pictures=[(Markup(picture.svg), picture.caption) for picture in pictures],
        method=method(max(len(one.films) for one in evaluation.all_scores))
        if all(one.intervals is not None for one in evaluation.all_scores)
        else "",
        number=_number,
        worst=WORST,
        version=__version__,
    )


def write_report(path: str | Path, evaluation: Evaluation, pictures: Sequence[Picture] = ()) -> None:
    """Writes :func:`html_report`, whole or not at all. Raises as it, and OSError."""
    write_text(path, html_report(evaluation, pictures))


def worst_films(comparison: ReferenceScores, limit: int = WORST) -> list[WorstFilm]:
    """The films that are farthest off: those of which nothing was found, then by their mean error."""
    films = []
    for film, errors in zip(comparison.films, comparison.errors_mm, strict=True):
        found = np.where(np.isfinite(errors), errors, -np.inf)
        most = int(np.argmax(found))
        known = np.isfinite(errors[most])
        films.append(
            WorstFilm(
                film,
                float(errors[np.isfinite(errors)].mean()) if known else math.nan,
                float(errors[most]) if known else math.nan,
                comparison.symbols[most] if known else "",
                int(np.isinf(errors).sum()),
            )
        )
    return sorted(films, key=lambda one: math.inf if math.isnan(one.mean_mm) else one.mean_mm, reverse=True)[:limit]


def worst_points(comparison: ReferenceScores, limit: int = WORST) -> list[WorstPoint]:
    """The largest errors of landmarks that were found."""
    errors = np.where(np.isfinite(comparison.errors_mm), comparison.errors_mm, -1.0)
    order = np.argsort(-errors, axis=None, kind="stable")[:limit]
    places = zip(*np.unravel_index(order, errors.shape), strict=True)
    return [
        WorstPoint(
            comparison.films[film],
            comparison.symbols[landmark],
            float(errors[film, landmark]),
            *map(float, comparison.offsets_mm[film, landmark]),
        )
        for film, landmark in places
        if errors[film, landmark] >= 0
    ]


def _cells(statistics: Statistics, interval: Interval | None) -> list[Cell]:
    cells = [Cell(str(statistics["n"])), Cell(str(statistics["missing"]))]
    for key in ("mre", "sd", "median"):
        cells.append(_cell(statistics[key], interval and interval[key], 3))  # type: ignore[literal-required]
    for rate, value in statistics["sdr_percent"].items():
        cells.append(_cell(value, interval and interval["sdr_percent"][rate], 2))
    return cells


def _cell(value: float, bounds: Bounds | None, decimals: int) -> Cell:
    """As the terminal shows it: the bounds with a digit less than the number."""
    if bounds is None or math.isnan(bounds[0]):
        return Cell(_number(value, decimals))
    return Cell(_number(value, decimals), "\N{EN DASH}".join(_number(bound, decimals - 1) for bound in bounds))


def _number(value: float, decimals: int = 2) -> str:
    return UNKNOWN if math.isnan(value) else f"{value:.{decimals}f}".replace("-", "\N{MINUS SIGN}")
