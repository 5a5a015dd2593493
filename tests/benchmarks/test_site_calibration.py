"""The comparison of site calibration with fine-tuning: which films are marked, and what a row says."""

from __future__ import annotations

import numpy as np

from benchmarks.site_calibration import COLUMNS, in_face, marked_films, random_draws, row, turned
from monai_ceph.landmarks import ISBI19
from tests.faces import faces_mm


def test_draws_of_a_training_have_no_film_in_common() -> None:
    for count in (5, 10):
        draws = [marked_films(count, draw, 20) for draw in range(20 // count)]
        assert sorted(film for draw in draws for film in draw) == list(range(20))


def test_random_draws_never_test_on_a_marked_film() -> None:
    for marked, others in list(random_draws(3, 10))[:20]:
        assert len(marked) == 3 and sorted(marked + others) == list(range(10))


def test_offset_along_a_line_turns_with_the_line() -> None:
    points = faces_mm(8)
    lines = points[:, ISBI19.index("N")] - points[:, ISBI19.index("S")]
    along = lines / np.linalg.norm(lines, axis=1, keepdims=True)
    offsets = turned(points, points - 2 * along[:, None], "S", "N")
    assert np.linalg.norm(offsets - offsets.mean(0), axis=-1).max() < 1e-6
    assert np.linalg.norm(in_face(points, points), axis=-1).max() == 0


def test_row_counts_the_draws_that_became_worse() -> None:
    before, after = [np.full((2, 3), 1.0)] * 4, [np.full((2, 3), error) for error in (0.5, 0.5, 3.0, 1.0)]
    cells = dict(zip(COLUMNS, row(5, "some", before, after, 1.5), strict=True))
    assert (cells["draws"], cells["before_mm"], cells["mre_mm"]) == ("4", "1", "1.25")
    assert (cells["sdr_2"], cells["worse_percent"]) == ("75", "25")
