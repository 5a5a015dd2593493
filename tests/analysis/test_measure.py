"""Measurements of drawn faces, against values worked out by hand, and what must not change them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monai_ceph.analysis import MEASUREMENTS, Measurement, measure, measurement_values
from monai_ceph.analysis.kinds import LENGTHS, compute
from monai_ceph.landmarks import AARIZ29, ISBI19, Landmark, LandmarkScheme
from monai_ceph.phantoms.mean_shape import MEAN_MM
from tests.analysis import faces

NAMES = [(one.analysis, one.name) for one in MEASUREMENTS]
IS_LENGTH = np.array([any(part.kind in LENGTHS for part in one.parts) for one in MEASUREMENTS])


def test_every_shipped_measurement_of_a_face_that_looks_right_is_the_one_by_hand() -> None:
    assert list(faces.RIGHT) == NAMES
    values = measure(faces.LOOKS_RIGHT / 0.1, 0.1).values
    assert dict(zip(NAMES, values, strict=True)) == pytest.approx(faces.RIGHT, abs=1e-9)


def test_signs_of_a_face_that_looks_left_with_its_lower_jaw_in_front_are_those_by_hand() -> None:
    values = dict(zip(NAMES, measure(faces.LOOKS_LEFT / 0.1, 0.1).values, strict=True))
    assert {name: values[name] for name in faces.LEFT} == pytest.approx(faces.LEFT, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    degrees=st.floats(-180, 180),
    shift=st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)),
    mirror=st.booleans(),
)
def test_turning_shifting_and_mirroring_a_film_changes_nothing(
    seed: int, degrees: float, shift: tuple[float, float], mirror: bool
) -> None:
    face = MEAN_MM + np.random.default_rng(seed).normal(0, 2, MEAN_MM.shape)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    moved = face @ np.array([[cos, sin], [-sin, cos]]) * [-1 if mirror else 1, 1] + shift
    np.testing.assert_allclose(measure(moved, 1.0).values, measure(face, 1.0).values, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), spacing=st.floats(0.01, 10))
def test_lengths_scale_with_the_spacing_and_angles_do_not(seed: int, spacing: float) -> None:
    face = MEAN_MM + np.random.default_rng(seed).normal(0, 2, MEAN_MM.shape)
    one, other = measure(face, 1.0).values, measure(face, spacing).values
    np.testing.assert_allclose(other, np.where(IS_LENGTH, spacing, 1) * one, rtol=1e-9, atol=1e-9)


def test_pixels_that_are_not_square_are_measured_in_mm() -> None:
    np.testing.assert_allclose(
        measure(faces.LOOKS_RIGHT / [0.1, 0.2], (0.1, 0.2)).values, list(faces.RIGHT.values()), atol=1e-9
    )


def test_without_a_spacing_there_are_angles_and_ratios_and_no_length() -> None:
    result = measure(faces.LOOKS_RIGHT, None)
    np.testing.assert_array_equal(np.isnan(result.values), IS_LENGTH)
    assert [remark for remark in result.remarks if remark] == ["pixel spacing unknown"] * IS_LENGTH.sum()
    assert np.isnan(result.low90).all()


@pytest.mark.parametrize("symbol", ISBI19.symbols)
def test_a_missing_point_costs_only_the_measurements_that_need_it(symbol: str) -> None:
    points = faces.LOOKS_LEFT.copy()
    points[ISBI19.index(symbol)] = np.nan
    result, whole = measure(points, 1.0), measure(faces.LOOKS_LEFT, 1.0)
    needed = np.array([symbol in one.symbols for one in MEASUREMENTS])
    np.testing.assert_array_equal(np.isnan(result.values), needed)
    np.testing.assert_array_equal(result.values[~needed], whole.values[~needed])
    assert {remark for remark in result.remarks if remark} == {f"no point {symbol}"}


def test_a_value_that_is_not_known_has_no_z_and_no_class() -> None:
    result = measure(np.full((19, 2), np.nan), 1.0)
    assert np.isnan(result.z).all() and result.classes == [None] * len(MEASUREMENTS)


def test_a_scheme_with_other_spellings_is_measured_and_missing_landmarks_are_reported() -> None:
    points = np.full((len(AARIZ29), 2), np.nan)
    same = {"L1": "LIT", "U1": "UIT", "Pog'": "Pog`"}
    for symbol, point in zip(ISBI19.symbols, faces.LOOKS_RIGHT, strict=True):
        if (own := same.get(symbol, symbol)) in AARIZ29.symbols:
            points[AARIZ29.index(own)] = point
    result = measure(points, 1.0, AARIZ29)
    values = dict(zip(NAMES, result.values, strict=True))
    assert values[("ISBI 2015", "MW")] == pytest.approx(faces.RIGHT[("ISBI 2015", "MW")])
    assert result.remarks[NAMES.index(("Soft tissue", "UL to Sn-Pog'"))] == "no point UL"


def test_a_scheme_in_which_no_triangle_shows_the_side_has_no_signs() -> None:
    two = LandmarkScheme("two lines", tuple(Landmark(s, s) for s in "abcd"))
    both = [Measurement(k, "mine", "deg", k, tuple("abcd"[:n])) for k, n in (("inclination", 4), ("angle", 3))]
    result = measure([[0, 0], [1, 0], [1, 1], [2, 3]], 1.0, two, both)
    np.testing.assert_array_equal(np.isnan(result.values), [True, False])
    assert result.remarks[0] == "its points coincide, or too few others show which way the face looks"


def test_points_that_coincide_span_no_line() -> None:
    points = faces.LOOKS_RIGHT.copy()
    points[ISBI19.index("A")] = points[ISBI19.index("N")]
    result = measure(points, 1.0)
    assert np.isnan(result.values[NAMES.index(("Steiner", "SNA"))])
    assert result.remarks[NAMES.index(("Steiner", "SNA"))].startswith("its points coincide")


def test_many_films_at_once_give_what_each_gives_alone() -> None:
    films = np.stack([faces.LOOKS_RIGHT, faces.LOOKS_LEFT])
    np.testing.assert_array_equal(measurement_values(films), [measure(face, 1.0).values for face in films])


def test_intervals_hold_what_a_simulation_says() -> None:
    # Oracle: many faces drawn from the covariances. Lengths of a few mm are left to their own test.
    rng = np.random.default_rng(0)
    root = rng.normal(0, 0.25, (19, 2, 2))
    covariance = root @ root.transpose(0, 2, 1) + 0.01 * np.eye(2)
    result = measure(faces.LOOKS_RIGHT, 1.0, covariance_mm2=covariance)
    noise = np.einsum("nij,fnj->fni", np.linalg.cholesky(covariance), rng.normal(size=(8_000, 19, 2)))
    drawn = measurement_values(faces.LOOKS_RIGHT + noise)
    inside = ((drawn >= result.low90) & (drawn <= result.high90)).mean(0)
    np.testing.assert_allclose(inside, 0.9, atol=0.02)


def test_the_interval_of_a_distance_is_known_in_closed_form() -> None:
    covariance = np.tile(np.diag([0.04, 9.0]), (19, 1, 1))
    result = measure(faces.LOOKS_RIGHT, 1.0, covariance_mm2=covariance)  # S-N is horizontal: y does not matter
    row = NAMES.index(("Jarabak", "S-N"))
    margin = 1.6448536 * math.sqrt(0.08)
    assert (result.low90[row], result.high90[row]) == pytest.approx((70 - margin, 70 + margin), abs=1e-5)


def test_a_point_of_unknown_uncertainty_costs_only_the_intervals_that_need_it() -> None:
    covariance = np.tile(np.eye(2), (19, 1, 1))
    covariance[ISBI19.index("Go")] = np.nan
    result = measure(faces.LOOKS_RIGHT, 1.0, covariance_mm2=covariance)
    np.testing.assert_array_equal(np.isnan(result.low90), ["Go" in one.symbols for one in MEASUREMENTS])
    assert np.isfinite(result.values).all()


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected points of shape \(19, 2\) for scheme 'isbi19', got \(18, 2\)"):
        measure(faces.LOOKS_RIGHT[1:], 1.0)
    with pytest.raises(ValueError, match=r"Expected covariances of shape \(19, 2, 2\) for scheme 'isbi19', got \(19"):
        measure(faces.LOOKS_RIGHT, 1.0, covariance_mm2=np.ones(19))
    with pytest.raises(ValueError, match=r"Expected a kind among angle, inclination, .*, got 'slope'"):
        compute("slope", [], np.array(1.0))


def test_the_table_has_a_row_for_each_measurement_with_norm_z_and_class() -> None:
    frame = measure(faces.LOOKS_RIGHT, 1.0).to_frame()
    assert list(frame.columns) == [
        *("analysis", "measurement", "value", "unit", "norm_mean", "norm_sd", "z"),
        *("low90", "high90", "class", "meaning", "remark"),
    ]
    row = frame.iloc[NAMES.index(("Downs", "facial angle"))]
    assert row["z"] == pytest.approx((90 - faces.atan(8 / 115) - 87.8) / 3.57)
    frame = frame.set_index(["analysis", "measurement"])
    assert frame.loc[("ISBI 2015", "MW"), ["class", "meaning"]].tolist() == [1, "normal"]
    assert frame["class"].isna().sum() == len(frame) - 9
