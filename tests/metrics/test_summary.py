from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monai_ceph.metrics import error_statistics, summarise
from tests.reference import evaluation
from tests.reference.scores import score

error = st.one_of(st.floats(0, 50), st.just(math.nan), st.just(math.inf))


@given(st.lists(error, max_size=30))
def test_figures_are_those_of_the_plain_loop(errors: list[float]) -> None:
    got = error_statistics(np.array(errors))
    flat = {key: value for key, value in got.items() if key != "sdr_percent"}
    flat |= {f"sdr {key}": value for key, value in got["sdr_percent"].items()}
    # Rounding as the figures do it, or an error a hair over a threshold would be a difference between the two.
    expected = score([None if math.isnan(e) else round(e, 9) for e in errors])
    assert flat == pytest.approx(expected, nan_ok=True, abs=1e-7)


def test_figures_are_those_of_numpy() -> None:
    errors = np.random.default_rng(0).exponential(2, (30, 19))
    errors[3, 4], errors[5, 6] = math.nan, math.inf
    got = error_statistics(errors)
    assert [got["mre"], got["sd"], got["median"], *got["sdr_percent"].values()] == pytest.approx(
        evaluation.figures(errors)
    )


def test_thirty_pixels_of_a_tenth_are_within_three_millimetres() -> None:
    error = 1282 * 0.1 - 1252 * 0.1
    assert error > 3
    assert error_statistics(np.array([error]))["sdr_percent"]["3"] == 100


def test_standard_deviation_is_the_challenges() -> None:
    assert error_statistics(np.array([1.0, 3.0]))["sd"] == pytest.approx(math.sqrt(2))


def test_one_error_has_no_spread() -> None:
    got = error_statistics(np.array([1.5]))
    assert got["mre"] == 1.5
    assert math.isnan(got["sd"])


def test_landmarks_are_kept_apart() -> None:
    summary = summarise(np.array([[1.0, 5.0], [3.0, math.nan], [2.0, math.inf]]), ["S", "N"])
    assert summary["overall"]["n"] == 5
    assert summary["overall"]["mre"] == pytest.approx(11 / 4)
    assert list(summary["per_landmark"]) == ["S", "N"]
    assert summary["per_landmark"]["S"]["median"] == 2
    assert summary["per_landmark"]["N"] | {"sd": 0} == {
        "n": 2, "missing": 1, "mre": 5, "sd": 0, "median": 5, "sdr_percent": {"2": 0, "2.5": 0, "3": 0, "4": 0},
    }  # fmt: skip


def test_landmarks_without_symbols_are_numbered_from_one() -> None:
    assert list(summarise(np.zeros((1, 3)))["per_landmark"]) == ["1", "2", "3"]


def test_wrong_number_of_symbols_is_named() -> None:
    with pytest.raises(ValueError, match="symbol for each of 3 landmarks, got 2"):
        summarise(np.zeros((4, 3)), ["S", "N"])


def test_errors_without_film_axis_are_named() -> None:
    with pytest.raises(ValueError, match=r"shape \(films, landmarks\), got \(3,\)"):
        summarise(np.zeros(3))
