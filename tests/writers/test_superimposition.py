from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from monai_ceph.landmarks import ISBI19, Landmark, LandmarkScheme
from monai_ceph.prediction import Prediction
from monai_ceph.writers.superimposition import (
    COLUMNS,
    changes,
    changes_csv,
    facts,
    html_superimposition,
    moves,
    superimpose,
)
from tests.reports import HOSTILE, POINTS_PX, prediction
from tests.writers.test_evaluation_report import Page

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'
N, ME = ISBI19.index("N"), ISBI19.index("Me")


def grown(points_px: np.ndarray) -> np.ndarray:
    """Move the chin of a face on a film of 2 mm pixels by 3 mm along S-N and 4 mm away from it."""
    points = points_px.copy()
    along = points[N] - points[ISBI19.index("S")]
    forward = along / np.linalg.norm(along)
    down = np.array([-forward[1], forward[0]])
    down *= np.sign((points[ME] - points[N]) @ down)
    points[ME] += (3 * forward + 4 * down) / 2
    return points


def later(**changes_: object) -> Prediction:
    return prediction(**{"image": "b.png", "points_px": grown(POINTS_PX), **changes_})


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("pixel", [2.0, 0.5])
def test_a_moved_point_is_found_on_films_of_any_spacing_and_side(pixel: float, mirrored: bool) -> None:
    points = grown(POINTS_PX) * 2.0 / pixel
    points = points * [-1, 1] + [500, 0] if mirrored else points
    pair = superimpose(prediction(), later(points_px=points, spacing_mm=(pixel, pixel)))
    for move in moves(pair):
        expected = (3, 4, 5) if move.landmark == "Me" else (0, 0, 0)
        assert move[1:] == pytest.approx(expected, abs=1e-9), move
    assert pair.remarks == ()


def test_pixels_that_are_not_square_count_by_their_own_spacing() -> None:
    pair = superimpose(prediction(), later(points_px=grown(POINTS_PX) * [1, 4], spacing_mm=(2.0, 0.5)))
    assert moves(pair)[ME][1:] == pytest.approx((3, 4, 5), abs=1e-9)


def test_changes_of_measurements_and_their_margins() -> None:
    pair = superimpose(prediction(), later())
    plain = {(one.analysis, one.name): one for one in changes(pair)}
    for one in plain.values():
        assert one.change == pytest.approx(one.b - one.a, nan_ok=True)
    assert all(one.change == pytest.approx(0, abs=1e-9) for one in plain.values() if one.name == "SNA")
    assert np.isnan([one.margin for one in plain.values()]).all() and not any(one.clear for one in plain.values())
    measured = replace(pair.measured_a, low90=pair.measured_a.values - 3, high90=pair.measured_a.values + 3)
    other = replace(pair.measured_b, low90=pair.measured_b.values - 4, high90=pair.measured_b.values + 4)
    both = changes(replace(pair, measured_a=measured, measured_b=other))
    assert {round(one.margin, 9) for one in both if not np.isnan(one.a)} == {5.0}
    assert [one.clear for one in both] == [abs(one.change) > 5 for one in both]


def test_without_a_pixel_size_both_films_have_one_length_of_sn_and_mm_are_empty() -> None:
    pair = superimpose(prediction(), later(spacing_mm=None, spacing_source="unknown"))
    assert "the pixel size of B is unknown, so both are drawn with the same length of S-N" in pair.remarks[0]
    assert pair.points_a[N].tolist() == pytest.approx([100, 0]) == pair.points_b[N].tolist()
    assert np.isnan([move.distance for move in moves(pair)]).all()
    by_unit = {one.unit: one.change for one in changes(pair) if one.name in ("S-N", "SNB")}
    assert np.isnan(by_unit["mm"]) and not np.isnan(by_unit["deg"])


def test_lengths_of_sn_far_apart_are_remarked() -> None:
    pair = superimpose(prediction(), prediction(spacing_mm=(2.2, 2.2)))
    assert "more than 5 % apart: check the pixel size of both films" in pair.remarks[0]


def test_remarks_say_of_which_film_they_are() -> None:
    pair = superimpose(prediction(), later(remarks=("the face looks to the left",)))
    assert pair.remarks == ("B (b.png): the face looks to the left",)


def test_film_without_nasion_is_named() -> None:
    with pytest.raises(ValueError, match=r"'b.png': Superimposition on S-N needs S and N"):
        superimpose(prediction(), prediction(without="N", image="b.png"))


def test_films_of_other_schemes_are_refused() -> None:
    scheme = LandmarkScheme("two", (Landmark("S", "sella"), Landmark("N", "nasion")))
    other = Prediction("b.png", scheme, POINTS_PX[:2], np.ones(2), None, "unknown")
    with pytest.raises(ValueError, match=r"'film.png' and 'b.png' have different landmarks, of the schemes 'isbi19'"):
        superimpose(prediction(), other)


def test_table_has_every_measurement_and_point() -> None:
    pair = superimpose(prediction(), later())
    table = list(csv.DictReader(io.StringIO(changes_csv(pair))))
    assert tuple(table[0]) == COLUMNS
    [chin] = [row for row in table if row["kind"] == "point" and row["name"] == "Me"]
    assert (chin["change"], chin["forward_mm"], chin["down_mm"], chin["margin90"]) == ("5.000", "3.000", "4.000", "")
    assert len(table) == len(changes(pair)) + 19 and "nan" not in changes_csv(pair)


def test_page_escapes_names_and_shows_both_films() -> None:
    pair = replace(superimpose(prediction(image=HOSTILE), later(remarks=(HOSTILE,))), source=HOSTILE)
    page = Page(html_superimposition(pair, (SVG, SVG), SVG))
    assert page.text.count(HOSTILE) == 4  # in the title, as A, as the source and in a remark
    assert "script" not in [tag for tag, _ in page.tags]
    assert [tag for tag, _ in page.tags].count("svg") == 3
    assert len(page.tables) == 2 and dict(facts(pair))["B"] == "b.png, pixel size 2 mm (given by the user)"
