from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from monai_ceph.plots import error_box_plot
from monai_ceph.plots.style import INK

SYMBOLS = ["S", "N", "Po"]


def _axes(errors: np.ndarray, **options: float) -> Axes:
    return error_box_plot(errors, SYMBOLS, **options).axes[0]


def _texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def _medians(axes: Axes) -> dict[int, float]:
    lines = [line for line in axes.lines if line.get_color() == INK]
    return {round(np.mean(line.get_ydata())): line.get_xdata()[0] for line in lines if np.isfinite(line.get_xdata()[0])}


def test_boxes_have_the_medians_of_the_landmarks_found() -> None:
    errors = np.random.default_rng(0).uniform(0, 3, (15, 3))
    errors[2, 1], errors[3, 1] = np.nan, np.inf
    medians = _medians(_axes(errors))
    expected = [np.median(column[np.isfinite(column)]) for column in errors.T]
    np.testing.assert_allclose([medians[k] for k in range(3)], expected)


def test_first_landmark_is_at_the_top() -> None:
    axes = _axes(np.ones((2, 3)))
    assert [label.get_text() for label in axes.get_yticklabels()] == SYMBOLS
    bottom, top = axes.get_ylim()
    assert bottom > top


def test_missing_landmarks_are_counted() -> None:
    errors = np.ones((4, 3))
    assert "missing" not in _texts(_axes(errors))
    errors[:3, 2], errors[0, 1] = np.inf, np.nan
    texts = _texts(_axes(errors))
    column = texts[texts.index("missing") + 1 :]
    assert column[:3] == ["", "", "3"]
    column = texts[texts.index("n") + 1 :]
    assert column[:3] == ["4", "3", "4"]


def test_landmark_that_was_never_found_has_no_box() -> None:
    errors = np.ones((4, 3))
    errors[:, 1] = np.inf
    assert sorted(_medians(_axes(errors))) == [0, 2]


def test_errors_off_the_scale_are_marked_and_counted() -> None:
    errors = np.ones((9, 3))
    errors[:2, 0] = 40, 50
    axes = _axes(errors, limit_mm=8)
    assert axes.get_xlim() == (0, 8)
    texts = _texts(axes)
    assert texts[texts.index("> 8 mm") + 1 :][:3] == ["2", "", ""]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if line.get_marker() == ">"] == [(8, 0)]


def test_axis_ends_at_the_largest_error_but_includes_the_2_mm_line() -> None:
    assert _axes(np.full((4, 3), 5.0)).get_xlim()[1] == 5.2
    assert _axes(np.full((4, 3), 0.1)).get_xlim()[1] == 2.5


def test_films_without_any_reference_are_drawn() -> None:
    axes = error_box_plot(np.full((3, 3), np.nan), SYMBOLS).axes[0]
    assert _medians(axes) == {}
    assert "0" in _texts(axes)


def test_symbol_with_dollars_is_not_a_formula() -> None:
    figure = error_box_plot(np.ones((2, 1)), [r"$\no$"])
    figure.draw_without_rendering()
    assert figure.axes[0].get_yticklabels()[0].get_text() == r"$\no$"
