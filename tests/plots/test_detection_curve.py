from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.lines import Line2D

from monai_ceph.metrics import CHALLENGE_THRESHOLDS_MM, error_statistics
from monai_ceph.plots import detection_curve

error = st.one_of(st.floats(0, 12), st.sampled_from([2.0, 2.5, 3.0, 4.0, np.inf, np.nan]))


def _curves(lines: list[Line2D]) -> list[Line2D]:
    return [line for line in lines if line.get_drawstyle() == "steps-post"]


@given(st.lists(error, min_size=1, max_size=20).filter(lambda errors: not np.isnan(errors).all()))
def test_curve_agrees_with_the_tables_rates(errors: list[float]) -> None:
    axes = detection_curve({"a": np.array(errors)}).axes[0]
    (curve,) = _curves(axes.lines)
    x, y = curve.get_data()
    for threshold, rate in error_statistics(np.array(errors))["sdr_percent"].items():
        assert y[np.flatnonzero(x <= float(threshold))[-1]] == pytest.approx(rate)
    (dots,) = [line for line in axes.lines if line.get_marker() == "o"]
    assert list(dots.get_xdata()) == list(CHALLENGE_THRESHOLDS_MM)
    assert dots.get_ydata() == pytest.approx(list(error_statistics(np.array(errors))["sdr_percent"].values()))


def test_missing_landmarks_keep_the_curve_below_100_percent() -> None:
    figure = detection_curve({"a": np.array([1.0, 2.0, 3.0, np.inf])})
    (curve,) = _curves(figure.axes[0].lines)
    assert curve.get_ydata()[-1] == 75
    (text,) = figure.legends[0].get_texts()
    assert text.get_text() == "a: 50.0 % within 2 mm (n = 4, 1 missing)"


def test_thresholds_beyond_the_axis_are_not_drawn() -> None:
    axes = detection_curve({"a": np.ones(3)}, thresholds=[2, 30]).axes[0]
    assert [text.get_text() for text in axes.texts] == ["2"]


def test_twenty_curves_have_different_styles() -> None:
    axes = detection_curve({str(k): np.array([k / 5]) for k in range(20)}).axes[0]
    looks = {(line.get_color(), str(line.get_linestyle()), str(line._dash_pattern)) for line in _curves(axes.lines)}
    assert len(looks) == 20


def test_set_without_a_reference_is_an_error() -> None:
    with pytest.raises(ValueError, match="Expected errors of 'b', but none of its landmarks has a reference"):
        detection_curve({"a": np.ones(3), "b": np.full(3, np.nan)})


def test_no_set_of_errors_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one set of errors"):
        detection_curve({})


def test_name_with_dollars_is_not_a_formula() -> None:
    figure = detection_curve({r"$\no$": np.ones(3)})
    figure.draw_without_rendering()


def test_long_name_does_not_shrink_the_axes() -> None:
    long, short = (detection_curve({name: np.ones(3)}) for name in ("folder/" * 30, "a"))
    for figure in (long, short):
        figure.draw_without_rendering()
    assert long.axes[0].get_position().width == pytest.approx(short.axes[0].get_position().width)
