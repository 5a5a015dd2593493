from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest

from monai_ceph.plots import (
    FilmHeatmaps,
    detection_curve,
    error_box_plot,
    error_ellipses,
    heatmap_panels,
    site_offset_plot,
)
from monai_ceph.plots.style import as_landmarks

FILM = FilmHeatmaps("a", np.ones((4, 5)), np.ones((2, 2)), np.ones((4, 5)), np.ones((3, 2)), np.ones((3, 2)))
PLOTS: dict[str, Callable[[], object]] = {
    "box plot": lambda: error_box_plot(np.ones((2, 1)), ["S"]),
    "curve": lambda: detection_curve({"a": np.ones(3)}),
    "ellipses": lambda: error_ellipses(np.ones((2, 1, 2)), np.ones((2, 1, 2)), ["S"]),
    "panels": lambda: heatmap_panels([FILM]),
    "site offset": lambda: site_offset_plot(np.ones((2, 1, 2)), ["S"]),
}


@pytest.mark.parametrize("draw", PLOTS.values(), ids=PLOTS)
def test_missing_matplotlib_names_the_extra(draw: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"Plots need matplotlib.*monai-ceph\[evaluate\]"):
        draw()


@pytest.mark.parametrize("shape", [(4, 3), (4, 2, 2), (4, 3, 3), (3, 2)])
def test_wrong_shape_of_offsets_is_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"Expected \(films, landmarks, 2\) for 3 landmarks, got an array of shape"):
        as_landmarks(np.zeros(shape), ["S", "N", "Po"], "(films, landmarks, 2)")


@pytest.mark.parametrize("shape", [(4, 2), (3,), (4, 3, 2)])
def test_wrong_shape_of_errors_is_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"Expected \(films, landmarks\) for 3 landmarks, got an array of shape"):
        as_landmarks(np.zeros(shape), ["S", "N", "Po"], "(films, landmarks)")


def test_array_without_films_is_accepted() -> None:
    assert as_landmarks(np.zeros((0, 3)), ["S", "N", "Po"], "(films, landmarks)").shape == (0, 3)
