from __future__ import annotations

import re
import sys
from dataclasses import replace

import numpy as np
import pytest

from monai_ceph.analysis import Measurement, Norm, measure
from monai_ceph.landmarks import ISBI19
from monai_ceph.writers.film_report import facts, html_film_report, rows, to_check
from tests.reports import HOSTILE, POINTS_PX, SPACING_MM, prediction, report
from tests.writers.test_evaluation_report import Page

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'
CHIN = Measurement("chin", "mine", "mm", "distance", ("Pog", "Me"))


def test_rows_say_value_interval_norm_and_deviation() -> None:
    value = float(measure(POINTS_PX, SPACING_MM, ISBI19, [CHIN]).values[0])
    norm = Norm(value + 5.0, 2.0, "adults", "a book")
    covariance = np.broadcast_to(np.eye(2), (19, 2, 2))
    [row] = rows(measure(POINTS_PX, SPACING_MM, ISBI19, [replace(CHIN, norm=norm)], covariance))
    # Two points with an SD of 1 mm each along their connection: 1.645 * sqrt(2).
    assert (row.value, row.margin) == (f"{value:.1f} mm", "±2.3")
    assert row.interval == f"{value - 2.326:.1f} to {value + 2.326:.1f}"
    assert (row.norm, row.z_text, row.stars) == (f"{value + 5:.1f} ± 2.0", "\N{MINUS SIGN}2.5", "**")
    assert (row.z_low, row.z_high) == pytest.approx((-2.5 - 1.163, -2.5 + 1.163), abs=1e-3)


@pytest.mark.parametrize(
    ("z", "stars"), [(0.94, ""), (1.0, "*"), (1.96, "**"), (-2.2, "**"), (3.0, "***"), (-9.0, "***")]
)
def test_a_value_has_a_star_for_each_sd_from_its_norm(z: float, stars: str) -> None:
    value = float(measure(POINTS_PX, SPACING_MM, ISBI19, [CHIN]).values[0])
    norm = Norm(value - z, 1.0, "adults", "a book")
    [row] = rows(measure(POINTS_PX, SPACING_MM, ISBI19, [replace(CHIN, norm=norm)]))
    assert row.stars == stars


def test_rows_without_spacing_points_or_norm_say_so() -> None:
    angles = [
        Measurement("jaw", "mine", "deg", "angle", ("Ar", "Go", "Me")),
        Measurement("SNA", "mine", "deg", "angle", ("S", "N", "A")),
    ]
    length, angle, known = rows(measure(prediction(without="Go").points_px, None, ISBI19, [CHIN, *angles]))
    assert (length.value, length.remark, length.z_text) == ("\N{EN DASH}", "pixel spacing unknown", "")
    assert (angle.value, angle.remark, angle.stars) == ("\N{EN DASH}", "no point Go", "")
    assert known.value.endswith("\N{DEGREE SIGN}") and (known.interval, known.norm, known.remark) == ("", "", "")
    assert "nan" not in str([row[:9] for row in rows(report(spacing_mm=None, without="Go S").measurements)])


def test_facts_say_where_the_pixel_size_came_from() -> None:
    assert dict(facts(report()))["Pixel size"] == "2 mm (given by the user)"
    other = dict(facts(report(spacing_mm=(0.1, 0.2), spacing_source="file: ImagerPixelSpacing")))
    assert other["Pixel size"] == "0.1 \N{MULTIPLICATION SIGN} 0.2 mm (file: ImagerPixelSpacing)"
    unknown = dict(facts(report(spacing_mm=None, spacing_source="unknown")))
    assert unknown["Pixel size"] == "unknown, so no lengths are given; --spacing gives it"
    assert dict(facts(report()))["Film"] == "film.png, 100 \N{MULTIPLICATION SIGN} 110 px"


def test_the_patient_is_named_only_if_given() -> None:
    assert "Patient" not in dict(facts(report()))
    assert dict(facts(replace(report(), patient="Doe, Jane")))["Patient"] == "Doe, Jane"


def test_points_to_check_begin_with_those_in_doubt() -> None:
    status = ["found"] * 19
    status[3], status[9], status[16] = "doubtful", "missing", "outside"
    listed = to_check(prediction(without="Go PNS", status=tuple(status)))
    assert listed[:3] == [("Doubtful", "Po"), ("Outside the film", "PNS"), ("Not found", "Go")]
    # The confidence grows along the scheme; Po is named above.
    assert listed[3] == ("Lowest confidence", "S 0.50, N 0.53, Or 0.55, A 0.60, B 0.62")


def test_nothing_is_listed_where_nothing_is_known() -> None:
    assert to_check(prediction(confidence=np.full(19, np.nan))) == []


def test_page_has_every_measurement_and_remark() -> None:
    made = report(remarks=("the face looks to the left",))
    page = Page(html_film_report(made, SVG, SVG))
    [table] = page.tables
    names = [row[0] for row in table[1:] if len(row) > 1]
    assert names == [one.name for one in made.measurements.measurements]
    for part in ("The face looks to the left.", "weights 0123456789ab", "Research only", "2 mm (given by the user)"):
        assert part in page.text
    assert page.text.count("Wigglegram") == 1
    assert "Wigglegram" not in html_film_report(made, SVG, "")


def test_page_loads_and_executes_nothing() -> None:
    hostile = replace(report(image=HOSTILE, remarks=(HOSTILE,), site=HOSTILE), model=HOSTILE, patient=HOSTILE)
    text = html_film_report(hostile, SVG, SVG)
    page = Page(text)
    assert page.text.count(HOSTILE) == 6  # five facts with the title, and the remark
    assert not {"script", "link", "iframe", "img", "a"} & {tag for tag, _ in page.tags}
    assert not [value for _, attributes in page.tags for key, value in attributes.items() if key in ("src", "href")]
    assert re.findall(r"url\(|@import", text) == []
    [policy] = [attributes["content"] for tag, attributes in page.tags if "http-equiv" in attributes]
    assert policy.startswith("default-src 'none'")


def test_error_without_jinja_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"needs Jinja2.*monai-ceph\[report\]"):
        html_film_report(report(), SVG, SVG)
