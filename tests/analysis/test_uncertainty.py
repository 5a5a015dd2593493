"""The uncertainty of points, and the table that it rests on."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monai_ceph.analysis.uncertainty import (
    ELLIPSE90,
    FEATURES,
    FORMAT,
    LEVELS,
    MOST_FACE_WIDENING,
    MOST_WIDENING,
    FilmEvidence,
    OtherFormatError,
    Uncertainty,
    UncertaintyTable,
    ellipse_points,
    estimate_uncertainty,
    film_evidence,
    with_offset_error,
)
from monai_ceph.atomic import file_sha256
from tests.faces import SYMBOLS
from tests.test_landmark_status import MM, SHAPE, face_px

N, P = len(SYMBOLS), len(FEATURES)
SEEN = np.tile([0.5, 1.0, 0.5, 0.0, 36.0, 0.0, 4.0], (N, 1))


def table(**given: object) -> UncertaintyTable:
    plain = UncertaintyTable(
        weights="0" * 64,
        symbols=SYMBOLS,
        intercept=np.zeros(N),
        slopes=np.eye(P)[FEATURES.index("spread")],
        limits=np.tile([-9.0, 9.0], (P, 1)),
        radius=np.tile([0.9, 1.5, 2.0, 2.5], (N, 1)),
        scatter=np.tile(np.diag([0.9, 0.1]), (N, 1, 1)),
        heatmap_share=0.0,
        ellipse=np.full(N, 2.0),
        usual=9.0,
        widening=1.0,
        usual_off_shape=9.0,
    )
    return replace(plain, **given)


def of_film(points: np.ndarray, spacing: tuple[float, float] | None = (MM, MM), **given: object) -> object:
    return estimate_uncertainty(points, np.full(N, 0.6), SEEN, spacing, SHAPE, table(**given))


def test_a_wide_heatmap_means_a_large_error() -> None:
    found = of_film(face_px())
    assert found.expected_error_mm == pytest.approx(np.full(N, MM * np.sqrt(40) + 0.05))
    assert found.radius90_mm == pytest.approx(2 * found.expected_error_mm)


def test_no_mm_without_a_pixel_size() -> None:
    assert of_film(face_px(), None) is None


def test_missing_point_has_no_figures_and_the_others_have() -> None:
    points = face_px()
    points[3] = np.nan
    found = of_film(points)
    for values in found:
        assert np.isnan(values[3]).all() and np.isfinite(np.delete(values, 3, 0)).all()


@pytest.mark.parametrize("turn", [0.0, 30.0, 90.0, -120.0])
@pytest.mark.parametrize("mirrored", [False, True])
def test_ellipse_turns_with_the_head(turn: float, mirrored: bool) -> None:
    covariance = of_film(face_px(turn, mirrored)).covariance_mm2[0]
    long_axis = np.linalg.eigh(covariance)[1][:, 1]
    across = np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn))])
    # The drawn face is not exactly the mean face, so the fit may be turned by some degrees.
    assert abs(long_axis @ across) > np.cos(np.radians(6))


def test_ellipse_follows_the_heatmap_as_far_as_its_share() -> None:
    covariance = of_film(face_px(), scatter=np.tile(np.eye(2) / 2, (N, 1, 1)), heatmap_share=1.0).covariance_mm2
    assert (covariance[:, 0, 0] > 5 * covariance[:, 1, 1]).all()


def test_pixels_that_are_not_square_give_the_figures_of_square_ones() -> None:
    squeezed = estimate_uncertainty(
        face_px() * [1, 0.5], np.full(N, 0.6), SEEN * [1, 1, 1, 1, 1, 0.5, 0.25], (MM, 2 * MM), SHAPE, table()
    )
    for values, plain in zip(squeezed, of_film(face_px()), strict=True):
        assert values == pytest.approx(plain, rel=1e-6)


def test_odd_film_is_widened_by_how_far_it_is_beyond_the_usual() -> None:
    level = np.log(MM * np.sqrt(40) + 0.05)
    plain, odd = of_film(face_px()), of_film(face_px(), usual=level - 0.5)
    assert odd.radius90_mm == pytest.approx(plain.radius90_mm * np.exp(0.5))
    assert odd.covariance_mm2 == pytest.approx(plain.covariance_mm2 * np.exp(1.0))
    assert of_film(face_px(), usual=level - 9).radius90_mm == pytest.approx(plain.radius90_mm * MOST_WIDENING)
    assert of_film(face_px(), usual=level - 9, widening=0.0).radius90_mm == pytest.approx(plain.radius90_mm)


def test_odd_face_has_wider_regions_and_the_same_expected_errors() -> None:
    evidence = film_evidence(face_px(), np.full(N, 0.6), SEEN, (MM, MM), SHAPE)
    off = float(evidence.features[0, FEATURES.index("film_off_shape")])
    plain, odd, very_odd = (of_film(face_px(), usual_off_shape=off / factor) for factor in (0.9, 1.5, 50))
    assert odd.expected_error_mm == pytest.approx(plain.expected_error_mm)
    assert odd.radius90_mm == pytest.approx(1.5 * plain.radius90_mm)
    assert odd.covariance_mm2 == pytest.approx(1.5**2 * plain.covariance_mm2)
    assert very_odd.radius90_mm == pytest.approx(MOST_FACE_WIDENING * plain.radius90_mm)


def test_offset_error_adds_up_as_of_normal_distributions() -> None:
    errors, offsets = (np.random.default_rng(seed).normal(0, sd, (40000, 2)) for seed, sd in ((0, 1.0), (1, 0.7)))

    def figures(of: np.ndarray) -> Uncertainty:
        distance = np.linalg.norm(of, axis=1)
        return Uncertainty(distance.mean(keepdims=True), np.quantile(distance, [0.9]), np.cov(of.T)[None])

    found = with_offset_error(figures(errors), np.cov(offsets.T)[None])
    for values, drawn in zip(found, figures(errors + offsets), strict=True):
        assert values == pytest.approx(drawn, abs=0.03)


def test_features_beyond_the_measured_range_widen_the_film_but_are_not_extrapolated_by_point() -> None:
    evidence = film_evidence(face_px(), np.full(N, 0.6), SEEN, (MM, MM), SHAPE)
    assert evidence is not None
    features = evidence.features.copy()
    features[5, FEATURES.index("spread")] = 8.0
    limited = table(limits=np.tile([-9.0, 1.0], (P, 1)))
    assert limited.expected_mm(features)[5] == pytest.approx(np.e)


def test_the_90_percent_ellipse_holds_90_percent_of_a_normal_distribution() -> None:
    covariance = np.array([[4.0, 1.5], [1.5, 1.0]])
    drawn = np.random.default_rng(0).multivariate_normal(np.zeros(2), covariance, 20000)
    edge = ellipse_points(covariance)
    inverse = np.linalg.inv(covariance)
    assert np.einsum("ni,ij,nj->n", edge, inverse, edge) == pytest.approx(np.full(len(edge), ELLIPSE90))
    inside = np.einsum("ni,ij,nj->n", drawn, inverse, drawn) <= ELLIPSE90
    assert inside.mean() == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / 20000))


def test_file_gives_back_the_table(tmp_path: Path) -> None:
    written = table(measured={"films": 25}, usual=0.1234, usual_off_shape=0.7)
    written.write(tmp_path / "uncertainty.json")
    read = UncertaintyTable.read(tmp_path / "uncertainty.json")
    for name, value in vars(written).items():
        assert np.array_equal(getattr(read, name), value), name


def test_table_of_other_weights_is_refused_with_one_remark(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    weights, path = tmp_path / "model.pt", tmp_path / "uncertainty.json"
    weights.write_bytes(b"some weights")
    table(weights=file_sha256(weights)).write(path)
    with caplog.at_level(logging.WARNING):
        assert UncertaintyTable.of(path, weights, SYMBOLS) is not None
        assert not caplog.records
        weights.write_bytes(b"some weightz")  # fine-tuned
        assert UncertaintyTable.of(path, weights, SYMBOLS) is None
    assert [record.getMessage() for record in caplog.records] == [
        f"No expected errors: '{path}' was measured with other weights than '{weights}' has."
    ]


def test_table_of_other_landmarks_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    weights, path = tmp_path / "model.pt", tmp_path / "uncertainty.json"
    weights.write_bytes(b"some weights")
    table(weights=file_sha256(weights)).write(path)
    assert UncertaintyTable.of(path, weights, SYMBOLS[::-1]) is None
    assert "was measured with other landmarks" in caplog.text


def test_bundle_without_a_table_has_no_figures_and_no_remark(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert UncertaintyTable.of(tmp_path / "uncertainty.json", tmp_path / "model.pt", SYMBOLS) is None
    assert not caplog.records


def test_features_of_a_film_and_of_its_points() -> None:
    points = face_px()
    points[4] += 400  # far from where the others place it
    plain, wrong = (film_evidence(p, np.full(N, 0.6), SEEN, (MM, MM), SHAPE).features for p in (face_px(), points))
    beyond, of_film_ = FEATURES.index("beyond_shape"), FEATURES.index("film_off_shape")
    assert plain[:, beyond].max() == 0 and wrong[:, beyond].argmax() == 4 and wrong[4, beyond] > 2
    assert np.ptp(wrong[:, of_film_]) == 0 and wrong[0, of_film_] > plain[0, of_film_]
    assert wrong[:, FEATURES.index("confidence")] == pytest.approx(np.full(N, np.log(0.6)))


def test_table_of_another_version_is_refused_with_one_remark(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "uncertainty.json"
    path.write_text('{"weights": "0"}')  # the first form had no format
    why = f"'{path}' has the format None, and this version reads '{FORMAT}'"
    with pytest.raises(OtherFormatError, match=re.escape(why)):
        UncertaintyTable.read(path)
    (tmp_path / "model.pt").touch()
    assert UncertaintyTable.of(path, tmp_path / "model.pt", SYMBOLS) is None
    remedy = "make the table again with tools/uncertainty.py"
    assert [record.getMessage() for record in caplog.records] == [f"No expected errors: {why}; {remedy}."]


def test_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "uncertainty.json"
    path.write_text(json.dumps({"format": FORMAT}))
    with pytest.raises(ValueError, match=r"Cannot read a table of uncertainty from '.*uncertainty.json' \(KeyError"):
        UncertaintyTable.read(path)


def test_arrays_of_another_shape_are_named() -> None:
    with pytest.raises(ValueError, match=r"A table of 19 landmarks needs radius of shape \(19, 4\), got \(19,\)"):
        table(radius=np.ones(N))
    with pytest.raises(ValueError, match="Expected finite numbers in ellipse"):
        table(ellipse=np.full(N, np.inf))


def test_levels_hold_90_percent() -> None:
    assert 0.9 in LEVELS
    assert table().estimate(FilmEvidence(np.zeros((N, P)), np.tile(np.eye(2), (N, 1, 1)), np.eye(2))).radius90_mm[
        0
    ] == pytest.approx(2.0)
