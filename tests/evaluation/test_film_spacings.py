"""Each film's own pixel spacing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_ceph.evaluation import evaluate
from monai_ceph.evaluation.film_spacings import common_spacing, film_spacings
from monai_ceph.formats.landmark_table import write_landmarks_csv
from monai_ceph.formats.points import Annotations, SourceFilm
from monai_ceph.landmarks import ISBI19
from monai_ceph.prediction import Prediction

N = len(ISBI19)
POINTS = np.random.default_rng(0).uniform(200, 1800, (N, 2)).round(3)


def table(path: Path, spacings_mm: dict[str, float | None], error_mm: float = 0.0) -> Path:
    """Points of films, each off by an error along x in its own mm."""
    rows = []
    for film, mm in spacings_mm.items():
        points = POINTS + np.array([0.0 if mm is None else error_mm / mm, 0])
        rows.append(Prediction(film, ISBI19, points, np.ones(N), None if mm is None else (mm, mm), "user"))
    write_landmarks_csv(path, rows)
    return path


def test_errors_of_one_mm_on_films_of_two_spacings_are_one_mm(tmp_path: Path) -> None:
    """By hand: 10 px of 0.1 mm and 5 px of 0.2 mm are 1 mm each; one spacing for both would give 0.75."""
    predicted = table(tmp_path / "p.csv", {"a.png": 0.1, "b.png": 0.2}, 1.0)
    truth = table(tmp_path / "t.csv", {"a.png": None, "b.png": None})
    for user_mm in (0.1, None):
        evaluation = evaluate(predicted, [truth], spacing_mm=user_mm)
        np.testing.assert_allclose(evaluation.scores[0].errors_mm, 1.0, atol=2e-4)
        assert evaluation.spacing_mm is None
        said = f"{predicted}: its mm are of pixels of 0.2 mm on 1 film (b), but --spacing says 0.1 mm; its own is used."
        assert evaluation.remarks == ((said,) if user_mm else ())


def test_spacing_that_agrees_is_the_users_to_the_last_digit(tmp_path: Path) -> None:
    predicted = table(tmp_path / "p.csv", {"a.png": 0.127}, 1.0)
    evaluation = evaluate(predicted, [table(tmp_path / "t.csv", {"a.png": None})], spacing_mm=0.12700001)
    assert evaluation.spacing_mm == (0.12700001, 0.12700001) and evaluation.remarks == ()


def test_spacing_of_a_reference_counts_where_the_predictions_have_none(tmp_path: Path) -> None:
    predicted = table(tmp_path / "p.csv", {"a.png": None})
    evaluation = evaluate(predicted, [table(tmp_path / "t.csv", {"A.jpg": 0.2}, 1.0)])
    np.testing.assert_allclose(evaluation.scores[0].errors_mm, 1.0, atol=2e-4)


def test_spacing_that_nothing_says(tmp_path: Path) -> None:
    predicted = table(tmp_path / "p.csv", {"a.png": None, "b.png": 0.1})
    with pytest.raises(
        ValueError, match=r"pixel spacing of 1 film \(a\) is in none of the files; give it with --spacing"
    ):
        evaluate(predicted, [table(tmp_path / "t.csv", {"a.png": None, "b.png": None})])


def test_sources_that_contradict_each_other() -> None:
    def source(mm: float) -> Annotations:
        return Annotations("x", ISBI19, {"a": POINTS}, sources={"a": SourceFilm("a", None, None, (mm, mm))})

    found, remarks = film_spacings(["a"], [("p.csv", source(0.1)), ("t.csv", source(0.2))], None)
    assert found == {"a": (0.1, 0.1)} and common_spacing(found) == (0.1, 0.1)
    assert remarks == [
        "t.csv: its mm are of pixels of 0.2 mm on 1 film (a), but p.csv says 0.1 mm; that of p.csv is used."
    ]


def test_films_are_held_to_the_points(tmp_path: Path) -> None:
    from PIL import Image

    films = tmp_path / "films"
    films.mkdir()
    Image.new("L", (1900, 300)).save(films / "A.png")
    predicted = table(tmp_path / "p.csv", {"a.png": 0.1})
    evaluation = evaluate(predicted, [table(tmp_path / "t.csv", {"a.png": 0.1})], films=films)
    off = [remark for remark in evaluation.remarks if "px is off the 1900 x 300 film" in remark]
    assert len(off) == 2 * (POINTS[:, 1] > 299.5).sum() and off[0].startswith(f"{predicted}, film 'a': landmark ")
