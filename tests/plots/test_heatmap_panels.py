from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monai_ceph.plots import FilmHeatmaps, heatmap_panels
from monai_ceph.plots.heatmap_panels import LONGEST_PX


def _film(size: tuple[int, int] = (40, 60)) -> FilmHeatmaps:
    film = np.zeros(size)
    film[30, 10] = 1
    merged = np.zeros(size)
    merged[30, 10] = 1
    points = np.array([[30.0, 10.0], [np.nan, np.nan]])
    return FilmHeatmaps("a", film, np.full((size[0] // 3, size[1] // 3), 0.5), merged, points, points + 1)


def _show(film: FilmHeatmaps) -> list:
    return heatmap_panels([film]).axes[:3]


def test_film_heatmap_and_point_coincide() -> None:
    # x is the first array axis and points right in the picture.
    *_, merged, points = _show(_film())
    shown, heat = (image.get_array() for image in merged.images)
    assert np.argwhere(shown == 255).tolist() == [[10, 30]]
    assert np.argwhere(heat == 1).tolist() == [[10, 30]]
    reference, predicted = points.lines
    np.testing.assert_array_equal(np.transpose(predicted.get_data())[0], [30, 10])
    np.testing.assert_array_equal(np.transpose(reference.get_data())[0], [31, 11])


def test_global_heatmap_covers_the_whole_film() -> None:
    for image in _show(_film())[0].images:
        assert tuple(image.get_extent()) == (-0.5, 39.5, 59.5, -0.5)


def test_large_film_is_downsampled_and_keeps_its_extent() -> None:
    image = _show(_film((1000, 1400)))[0].images[0]
    assert max(image.get_array().shape) <= LONGEST_PX
    assert tuple(image.get_extent()) == (-0.5, 999.5, 1399.5, -0.5)


def test_each_film_has_a_row_with_its_name() -> None:
    figure = heatmap_panels([_film(), replace(_film((60, 60)), name=r"$\no$")])
    figure.draw_without_rendering()
    assert [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()] == ["a", r"$\no$"]


def test_no_film_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one film"):
        heatmap_panels([])


def test_uncompressed_heatmap_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"'a': expected merged_heatmap of shape \(X, Y\), got \(19, 4, 4\)"):
        heatmap_panels([replace(_film(), merged_heatmap=np.zeros((19, 4, 4)))])


def test_different_numbers_of_points_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"'a': expected predicted and reference points \(N, 2\), got \(2, 2\) and"):
        heatmap_panels([replace(_film(), reference=np.zeros((3, 2)))])


def test_points_may_be_lists() -> None:
    film = _film()
    points = _show(replace(film, predicted=film.predicted.tolist(), reference=film.reference.tolist()))[2]
    np.testing.assert_array_equal(np.transpose(points.lines[1].get_data())[0], [30, 10])
