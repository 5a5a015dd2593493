from __future__ import annotations

import numpy as np

from monai_ceph.metrics.site_offset import site_offset
from monai_ceph.plots import site_offset_plot
from monai_ceph.plots.style import BLUE, RED

SYMBOLS = ["S", "N", "Po"]


def _texts(figure: object) -> list[str]:
    return [text.get_text() for text in figure.axes[1].texts]


def test_each_axis_shows_its_own_bias() -> None:
    offsets = np.random.default_rng(0).normal([1.0, -2.0], 0.3, (6, 3, 2))
    figure = site_offset_plot(offsets, SYMBOLS)
    assert [axes.get_xlabel() for axes in figure.axes] == ["to the right (mm)", "downwards (mm)"]
    for axis, axes in enumerate(figure.axes):
        dots = [line for line in axes.lines if line.get_marker() == "o"]
        assert [line.get_xdata()[0] for line in dots] == list(offsets.mean(0)[:, axis])
        assert [line.get_ydata()[0] for line in dots] == [0, 1, 2]


def test_marker_is_hollow_if_the_interval_contains_zero() -> None:
    offsets = np.zeros((6, 3, 2))
    offsets[:, 0] = np.random.default_rng(1).normal(5, 0.1, (6, 2))
    offsets[:, 1, 0] = [-1, 1, -1, 1, -1, 1.1]
    dots = [line for line in site_offset_plot(offsets, SYMBOLS).axes[0].lines if line.get_marker() == "o"]
    assert [(line.get_color(), line.get_markerfacecolor()) for line in dots[:2]] == [(RED, RED), (BLUE, "white")]


def test_columns_show_the_numbers_of_films() -> None:
    offsets = np.random.default_rng(2).normal(0, 2, (6, 3, 2))
    offsets[1:, 1] = np.nan
    offsets[:, 2] = np.nan
    texts = _texts(site_offset_plot(offsets, SYMBOLS, 0.4))
    assert texts[texts.index("n") + 1 :][:3] == ["6", "1", "0"]
    needed = site_offset(offsets, 0.4).films_needed
    assert texts[texts.index("films\nneeded") + 1 :][:3] == [f"{needed[0]:.0f}", "", ""]


def test_films_without_any_offset_are_drawn() -> None:
    site_offset_plot(np.full((2, 3, 2), np.nan), SYMBOLS).draw_without_rendering()
