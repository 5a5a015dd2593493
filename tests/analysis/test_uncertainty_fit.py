"""Making a table of uncertainty, on drawn errors of known distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest

from monai_ceph.analysis.uncertainty import FEATURES, LEVELS
from monai_ceph.analysis.uncertainty_fit import (
    LANDMARK_RIDGE,
    SIGNS,
    KnownFilms,
    face_scatter,
    fit_log_error,
    fit_uncertainty,
    for_weights_trained_on_more,
    parts_of,
)

N, P = 4, len(FEATURES)
OF_LANDMARK = np.array([0.0, 0.2, -0.3, 0.5])
SPREAD, CONFIDENCE = FEATURES.index("spread"), FEATURES.index("confidence")


def drawn(films: int, seed: int) -> KnownFilms:
    """Films whose errors are normal, long along the x axis of faces that are turned, and grow with the spread."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(films, N, P))
    scale = np.exp(0.5 * features[..., SPREAD] + OF_LANDMARK)
    angle = random.uniform(-np.pi, np.pi, films)
    axes = np.stack([np.stack([np.cos(angle), -np.sin(angle)], -1), np.stack([np.sin(angle), np.cos(angle)], -1)], -2)
    in_face = random.normal(size=(films, N, 2)) * [1.0, 0.4] * scale[..., None]
    errors = np.einsum("fij,fnj->fni", axes, in_face)
    heatmaps = np.tile(np.eye(2), (films, N, 1, 1))
    return KnownFilms(features, heatmaps, axes, errors, np.arange(films), np.ones(films, dtype=bool))


def test_expected_error_follows_the_feature_that_it_depends_on() -> None:
    known = drawn(400, seed=0)
    intercept, slopes = fit_log_error(known.features, known.radial_mm)
    assert slopes[SPREAD] == pytest.approx(0.5, abs=0.06)
    assert np.abs(np.delete(slopes, SPREAD)).max() < 0.06
    expected = np.exp(intercept + known.features @ slopes)
    # The ridge leaves 1 / (1 + LANDMARK_RIDGE) of a landmark's deviation from the others.
    lost = (OF_LANDMARK - OF_LANDMARK.mean()) * LANDMARK_RIDGE / (1 + LANDMARK_RIDGE)
    assert np.log(known.radial_mm.mean(0) / expected.mean(0)) == pytest.approx(lost, abs=0.06)


def test_landmarks_are_shrunk_alike_however_many_films_are_known() -> None:
    few = drawn(50, seed=12)
    many = KnownFilms(*(np.concatenate([values] * 20) for values in few))
    spans = [np.ptp(fit_log_error(known.features * 0, known.radial_mm)[0]) for known in (few, many)]
    assert spans[0] == pytest.approx(spans[1])
    assert 0 < spans[0] < np.ptp(np.log(few.radial_mm.mean(0)))


def test_slope_against_sense_is_left_out() -> None:
    known = drawn(200, seed=1)
    features = known.features.copy()
    features[..., CONFIDENCE] = np.log(known.radial_mm)  # a confidence that is high where errors are large
    _, slopes = fit_log_error(features, known.radial_mm)
    assert slopes[CONFIDENCE] == 0 and (slopes * SIGNS >= 0).all()


def test_unknown_landmarks_are_left_out() -> None:
    known = drawn(100, seed=2)
    errors = known.radial_mm.copy()
    errors[:50, 1] = np.nan
    intercept, slopes = fit_log_error(known.features, errors)
    assert np.isfinite(intercept).all() and np.isfinite(slopes).all()


def test_new_films_are_covered_as_often_as_promised() -> None:
    table = fit_uncertainty(drawn(200, seed=3), "0" * 64, tuple("ABCD"), widening=0.0)
    new = drawn(3000, seed=4)
    expected = table.expected_mm(new.features)
    covariance = (table.ellipse * expected**2)[..., None, None] * table.shapes(new.heatmap_mm2, new.face_axes)
    distance = np.einsum("fni,fnij,fnj->fn", new.errors_mm, np.linalg.inv(covariance), new.errors_mm)

    def bound(
        level: float,
    ) -> float:  # four standard deviations: of the new films, and of the 200 scores behind a limit
        return 4 * math.sqrt(level * (1 - level) * (1 / 3000 + 1 / 200))

    for k, level in enumerate(LEVELS):
        covered = (new.radial_mm <= expected * table.radius[:, k]).mean(0)
        assert np.abs(covered - level).max() < bound(level), level
    assert np.abs((distance <= -2 * np.log(0.1)).mean(0) - 0.9).max() < bound(0.9)


def test_scatter_is_long_where_errors_are_whatever_the_turn() -> None:
    known = drawn(300, seed=5)
    scatter = face_scatter(known.errors_mm, np.ones((300, N)), known.face_axes)
    assert np.trace(scatter, axis1=1, axis2=2) == pytest.approx(np.ones(N))
    assert (scatter[:, 0, 0] > 3 * scatter[:, 1, 1]).all()
    assert np.abs(scatter[:, 0, 1]).max() < 0.1


def test_points_of_small_weight_hardly_count() -> None:
    known, wild = drawn(200, seed=8), drawn(200, seed=9)
    features = np.concatenate([known.features, wild.features])
    errors = np.concatenate([known.radial_mm, 5 * wild.radial_mm])
    weight = np.repeat([1.0, 1e-6], 200)
    found, alone = fit_log_error(features, errors, weight), fit_log_error(known.features, known.radial_mm)
    expected = [np.exp(intercept + known.features @ slopes) for intercept, slopes in (found, alone)]
    assert expected[0] == pytest.approx(expected[1], rel=0.05)


def test_surer_weights_are_granted_no_smaller_errors_on_unseen_films() -> None:
    table = fit_uncertainty(drawn(60, seed=10), "0" * 64, tuple("ABCD"))
    measured = drawn(40, seed=11).features
    surer = measured - SIGNS * 0.3
    moved = for_weights_trained_on_more(table, "1" * 64, surer, measured)
    assert moved.weights == "1" * 64
    assert moved.expected_mm(surer) == pytest.approx(table.expected_mm(measured))
    assert moved.measured["moved"]["spread"] == pytest.approx(0.3)


def test_copies_of_a_film_stay_in_its_part() -> None:
    films = np.array([5, 5, 8, 9, 8])
    parts = parts_of(films)
    assert parts[0] == parts[1] and parts[2] == parts[4] and len(set(parts.tolist())) == 3


def test_altered_copies_leave_the_promise_for_plain_films() -> None:
    known = drawn(120, seed=6)
    altered = known._replace(errors_mm=known.errors_mm * 3, plain=np.zeros(120, dtype=bool))
    both = KnownFilms(*(np.concatenate(pair) for pair in zip(known, altered, strict=True)))
    table = fit_uncertainty(both, "0" * 64, tuple("ABCD"), widening=0.0)
    covered = (known.radial_mm <= table.expected_mm(known.features) * table.radius[:, 2]).mean()
    assert covered == pytest.approx(0.9, abs=0.03)


def test_too_few_films_are_refused() -> None:
    with pytest.raises(ValueError, match="Expected at least 10 films to make a table of uncertainty, got 7"):
        fit_uncertainty(drawn(7, seed=7), "0" * 64, tuple("ABCD"))
