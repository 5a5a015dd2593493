"""Write the report of one film: facts about it, its measurements and the points to check.

Both the PDF (:mod:`monai_ceph.plots.report_page`) and the HTML page take the texts of the report from here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from monai_ceph.analysis.measure import Measurements
from monai_ceph.prediction import Prediction
from monai_ceph.writers.html import render

TEMPLATE = "film_report.html"
HEADING = "Cephalometric report"
UNKNOWN = "\N{EN DASH}"
CHECKED = 5
"""How many points with the largest expected errors are named."""
MARKED = 3
"""The largest number of stars: one for each whole SD from the norm."""
LEGEND = (
    "Norm: mean ± SD; the documentation names population and source. z: SD from the mean of the norm. Bold with *, **, "
    "***: at least 1, 2, 3 SD from it. ?: one of its points is doubtful. 90 %: that interval holds the true value with "
    "90 %, as far as it is a matter of the points' errors."
)


@dataclass(frozen=True)
class FilmReport:
    """Hold what a report shows.

    Args:
        prediction: the landmarks of the film.
        measurements: its measurements.
        film_size: (X, Y), px.
        model: what predicted the landmarks, in words; it names version and weights.
        patient: name and other data of the patient, in words; empty unless the user asked for them.
    """

    prediction: Prediction
    measurements: Measurements
    film_size: tuple[int, int]
    model: str
    patient: str = ""


def film_report(prediction: Prediction, film_size: tuple[int, int], model: str, patient: str = "") -> FilmReport:
    """Measure a film's landmarks and return its report. Arguments as those of :class:`FilmReport`."""
    return FilmReport(prediction, prediction.measurements(), film_size, model, patient)


class Row(NamedTuple):
    """A measurement as text; cells without content are empty.

    ``number``, the value, and ``z`` to ``z_high``, its deviation and interval in SD from the norm, are NaN if unknown.
    """

    analysis: str
    name: str
    value: str
    interval: str
    margin: str
    norm: str
    z_text: str
    stars: str
    meaning: str
    remark: str
    number: float
    z: float
    z_low: float
    z_high: float


def rows(measurements: Measurements) -> list[Row]:
    """Return the measurements as rows of text, in order.

    A value gets a star for each whole SD of distance from the mean of its norm, at most :data:`MARKED`; z is rounded to
    one decimal before, as it is shown.
    """
    table = []
    for k, (measurement, value, z) in enumerate(
        zip(measurements.measurements, measurements.values.tolist(), measurements.z.tolist(), strict=True)
    ):
        low, high = float(measurements.low90[k]), float(measurements.high90[k])
        class_, unit = measurements.classes[k], {"deg": "\N{DEGREE SIGN}"}.get(measurement.unit, f" {measurement.unit}")
        norm, sd = "", math.nan
        if measurement.norm is not None:
            norm = number(measurement.norm.mean)
            if measurement.norm.sd is not None:
                sd = measurement.norm.sd
                norm += f" ± {number(sd)}"
        known = not math.isnan(value)
        table.append(
            Row(
                measurement.analysis,
                measurement.name,
                f"{number(value)}{unit}" if known else UNKNOWN,
                "" if math.isnan(low) else f"{number(low)} to {number(high)}",
                "" if math.isnan(low) else f"±{number((high - low) / 2)}",
                norm,
                "" if math.isnan(z) else number(z, sign=True),
                "" if math.isnan(z) else "*" * min(MARKED, math.floor(abs(round(z, 1)))),
                "" if class_ is None else class_.meaning,
                measurements.remarks[k],
                value,
                z,
                z + (low - value) / sd,
                z + (high - value) / sd,
            )
        )
    return table


def facts(report: FilmReport) -> list[tuple[str, str]]:
    """Return facts about the film and how it was measured, as names and texts."""
    prediction = report.prediction
    given = [("Patient", report.patient)] if report.patient else []
    return [
        *given,
        ("Film", f"{prediction.image}, {report.film_size[0]} \N{MULTIPLICATION SIGN} {report.film_size[1]} px"),
        ("Pixel size", pixel_size(prediction)),
        ("Model", report.model),
        ("Site file", prediction.site or "none"),
    ]


def pixel_size(prediction: Prediction) -> str:
    """Return the size of a film's pixel and where it came from, or what its absence means."""
    if prediction.spacing_mm is None:
        return "unknown, so no lengths are given; --spacing gives it"
    x, y = prediction.spacing_mm
    size = f"{x:.4g} mm" if x == y else f"{x:.4g} \N{MULTIPLICATION SIGN} {y:.4g} mm"
    source = {"user": "given by the user"}.get(prediction.spacing_source, prediction.spacing_source)
    return f"{size} ({source})"


def to_check(prediction: Prediction) -> list[tuple[str, str]]:
    """Return the points to check, as reasons and symbols.

    Those whose status is not "found" come first, then found ones with the largest expected errors or, if these are
    unknown, with the lowest confidence.
    """
    lists = [
        (heading, " ".join(symbols))
        for status, heading in (("doubtful", "Doubtful"), ("outside", "Outside the film"), ("missing", "Not found"))
        if (symbols := prediction.with_status(status))
    ]
    found = np.array([status == "found" for status in prediction.statuses])
    errors = prediction.expected_error_mm
    if errors is not None and np.isfinite(errors[found]).any():
        shown = _largest(np.where(found, errors, np.nan))
        listed = ", ".join(f"{prediction.scheme.symbols[k]} {errors[k]:.1f}" for k in shown)
        return [*lists, ("Largest expected error (mm)", listed)]
    shown = _largest(np.where(found, -prediction.confidence, np.nan))
    listed = ", ".join(f"{prediction.scheme.symbols[k]} {prediction.confidence[k]:.2f}" for k in shown)
    return [*lists, ("Lowest confidence", listed)] if listed else lists


def caption(prediction: Prediction) -> str:
    """Return what the marks in the picture of a film mean."""
    known = prediction.covariance_mm2 is not None and prediction.spacing_mm is not None
    ellipse = "Ellipse: holds the true point with 90 %. " if known else ""
    return (
        f"Cross: found. Square: doubtful. {ellipse}FH: Frankfort plane. PP: palatal plane. MP: mandibular plane, Go-Me."
    )


def _largest(values: np.ndarray) -> list[int]:
    known = np.flatnonzero(np.isfinite(values))
    return [int(k) for k in known[np.argsort(-values[known], kind="stable")][:CHECKED]]


def number(value: float, decimals: int = 1, sign: bool = False) -> str:
    """Format a number with a proper minus sign.

    >>> number(-0.04), number(2.0, sign=True)
    ('0.0', '+2.0')
    """
    text = f"{value:{'+' if sign else ''}.{decimals}f}"
    if not float(text):
        text = text.lstrip("+-")
    return text.replace("-", "\N{MINUS SIGN}")


def html_film_report(report: FilmReport, tracing_svg: str, wigglegram_svg: str) -> str:
    """Return the report as one self-contained HTML page.

    Args:
        report: what to show; its texts are escaped.
        tracing_svg, wigglegram_svg: the pictures, ``<svg>`` elements, which are trusted; the second may be empty.
    Raises:
        ImportError: Jinja2 is missing; the message names the extra.
    """
    return render(
        TEMPLATE,
        heading=HEADING,
        title=report.prediction.image,
        legend=LEGEND,
        caption=caption(report.prediction),
        facts=facts(report),
        remarks=[sentence(remark) for remark in report.prediction.remarks],
        checks=to_check(report.prediction),
        rows=rows(report.measurements),
        tracing=tracing_svg,
        wigglegram=wigglegram_svg,
    )


def sentence(text: str) -> str:
    """Return a remark with a capital letter and a full stop.

    >>> sentence("the face looks to the left")
    'The face looks to the left.'
    """
    return text[:1].upper() + text[1:].rstrip(".") + "."
