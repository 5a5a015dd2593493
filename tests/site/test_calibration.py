"""A site file: what it moves, where it belongs, and what is said of one that cannot be used."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monai_ceph.landmarks import ISBI19, Landmark, LandmarkScheme
from monai_ceph.phantoms.mean_shape import MEAN_MM
from monai_ceph.prediction import Prediction
from monai_ceph.site import SiteCalibration, SiteError

N = len(ISBI19)
WEIGHTS = "ab" * 32
SHIFT_MM = np.random.default_rng(1).normal(0, 2, (N, 2))


def site(weight: float = 1.0) -> SiteCalibration:
    zeros = np.zeros((N, 2))
    films = np.full(N, 5)
    return SiteCalibration(ISBI19.symbols, WEIGHTS, MEAN_MM, -SHIFT_MM, zeros, np.full(N, weight), films, "2026-01-31")


def film(
    points_px: np.ndarray | None = None, spacing_mm: tuple[float, float] | None = (0.1, 0.1), **more: object
) -> Prediction:
    points_px = MEAN_MM / 0.1 + 1000 if points_px is None else points_px
    return Prediction("a.png", ISBI19, points_px, np.full(N, 0.8), spacing_mm, "user", **more)  # type: ignore[arg-type]


def test_upright_face_moves_by_the_shift_in_mm() -> None:
    moved = site().apply(film())
    np.testing.assert_allclose(moved.points_px - film().points_px, SHIFT_MM / 0.1, atol=1e-6)


def test_what_is_unknown_of_the_offset_is_added_along_the_axes_of_the_face() -> None:
    error_mm = np.tile([2.0, 0.0], (N, 1))
    uncertain = replace(site(0.25), error_mm=error_mm)
    figures = {"expected_error_mm": np.ones(N), "radius90_mm": np.full(N, 2.0)}
    lying = np.array([[0.0, -1.0], [1.0, 0.0]])  # x of the face is y of the film
    moved = uncertain.apply(
        film(MEAN_MM @ lying.T / 0.1 + 3000, covariance_mm2=np.tile(np.eye(2), (N, 1, 1)), **figures)
    )
    # A quarter of the squared error of 2 mm is left.
    np.testing.assert_allclose(moved.covariance_mm2, np.tile(np.diag([1.0, 2.0]), (N, 1, 1)), atol=1e-6)
    np.testing.assert_allclose(moved.expected_error_mm, np.sqrt(1 + np.pi / 4))
    np.testing.assert_allclose(moved.radius90_mm, np.sqrt(4 + np.log(10)))


def test_prediction_without_expected_errors_gains_none() -> None:
    assert site().apply(film()).expected_error_mm is None


def test_half_believed_bias_moves_half_as_far() -> None:
    np.testing.assert_allclose(site(0.5).shift_mm, SHIFT_MM / 2)


@pytest.mark.parametrize(
    "lay",
    [
        np.array([[0.0, -1.0], [1.0, 0.0]]),
        np.array([[-1.0, 0.0], [0.0, -1.0]]),
        np.array([[-1.0, 0.0], [0.0, 1.0]]),
        np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]),
    ],
    ids=["quarter turn", "upside down", "faces left", "tilted"],
)
def test_shift_goes_with_the_face(lay: np.ndarray) -> None:
    there = film(MEAN_MM @ lay.T / 0.1 + 3000)
    moved = site().apply(there).points_px - there.points_px
    np.testing.assert_allclose(moved, SHIFT_MM @ lay.T / 0.1, atol=1e-6)


def test_pixels_that_are_not_square() -> None:
    there = film(MEAN_MM / [0.1, 0.2] + 1000, (0.1, 0.2))
    np.testing.assert_allclose(site().apply(there).points_px - there.points_px, SHIFT_MM / [0.1, 0.2], atol=1e-6)


def test_unknown_spacing_takes_mm_from_the_size_of_the_face() -> None:
    there = film(spacing_mm=None)
    np.testing.assert_allclose(site().apply(there).points_px - there.points_px, SHIFT_MM / 0.1, atol=1e-6)


def test_landmark_that_was_not_found_stays_missing() -> None:
    points_px = MEAN_MM / 0.1 + 1000
    points_px[4] = np.nan
    moved = site().apply(film(points_px)).points_px
    assert np.isnan(moved[4]).all() and np.isfinite(np.delete(moved, 4, 0)).all()


def test_wrong_point_does_not_turn_the_face() -> None:
    points_px = MEAN_MM / 0.1 + 1000
    points_px[7] += 600
    moved = site().apply(film(points_px)).points_px - points_px
    np.testing.assert_allclose(moved, SHIFT_MM / 0.1, atol=0.1)


def test_film_without_a_face_is_left_as_it_is() -> None:
    unseen = film(doubts=("not a face",))
    assert site().apply(unseen) is unseen
    lost = film(np.full((N, 2), np.nan))
    assert site().apply(lost) is lost


def test_prediction_says_which_file_moved_it_and_is_not_moved_twice(tmp_path: Path) -> None:
    site().write(tmp_path / "clinic.json")
    moved = SiteCalibration.read(tmp_path / "clinic.json").apply(film())
    assert moved.site == f"clinic.json {json.loads((tmp_path / 'clinic.json').read_text())['sha256'][:12]}"
    with pytest.raises(ValueError, match=r"'a.png': its points were moved before, by 'clinic.json "):
        site().apply(moved)


def test_file_holds_everything(tmp_path: Path) -> None:
    unseen = replace(site(), mean_face_mm=np.where(np.arange(N)[:, None] == 3, np.nan, MEAN_MM))  # one on no film
    unseen.write(tmp_path / "site.json")
    again = SiteCalibration.read(tmp_path / "site.json")
    for name in ("mean_face_mm", "bias_mm", "error_mm", "weight", "films"):
        np.testing.assert_allclose(getattr(again, name), getattr(unseen, name), atol=6e-4, err_msg=name)
    assert (again.symbols, again.weights_sha256, again.date) == (ISBI19.symbols, WEIGHTS, "2026-01-31")
    assert np.isfinite(again.apply(film()).points_px).all()


def test_edited_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "site.json"
    site().write(path)
    path.write_text(path.read_text().replace('"films": 5', '"films": 6', 1))
    with pytest.raises(SiteError, match=r"'.*site\.json' cannot be used as a site file\. .* was edited.*Make it again"):
        SiteCalibration.read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"damaged: it is not JSON"),
        ('{"landmarks": []}', r"another form than this version writes"),
    ],
)
def test_file_that_is_no_site_file(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "site.json").write_text(content)
    with pytest.raises(SiteError, match=message):
        SiteCalibration.read(tmp_path / "site.json")


def test_record_of_another_kind_or_version(tmp_path: Path) -> None:
    from monai_ceph.film_records import write_record

    write_record(tmp_path / "site.json", {"format": "monai_ceph site 2"})
    with pytest.raises(SiteError, match=r"not a site file that this version reads .*'monai_ceph site 2'.*calibrate"):
        SiteCalibration.read(tmp_path / "site.json")
    write_record(tmp_path / "site.json", {"remarks": []})
    with pytest.raises(SiteError, match=r"not a site file that this version reads .*'format'"):
        SiteCalibration.read(tmp_path / "site.json")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"There is no site file '.*site\.json'; make one with: monai-ceph calibrate"):
        SiteCalibration.read(tmp_path / "site.json")


def test_other_weights_and_landmarks_are_refused() -> None:
    site().check(ISBI19, WEIGHTS)
    with pytest.raises(SiteError, match=r"made with the weights abababababab, but this model has cdcdcdcdcdcd"):
        site().check(ISBI19, "cd" * 32)
    with pytest.raises(SiteError, match=r"made for the landmarks S N .*, but this model predicts S; make one"):
        site().check(LandmarkScheme("one", (Landmark("S", "sella"),)), WEIGHTS)
    with pytest.raises(SiteError, match=r"does not say which weights it has; export it again"):
        site().check(ISBI19, "")


def test_array_of_another_length() -> None:
    with pytest.raises(SiteError, match=r"19 landmarks needs weight of shape \(19,\), got \(2,\)"):
        replace(site(), weight=np.ones(2))
