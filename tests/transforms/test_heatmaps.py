from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_ceph.transforms import LandmarkHeatmaps, LandmarkHeatmapsd, PatchPlace, extract_patch
from tests.reference import dots
from tests.reference import heatmaps as slow

SIZE = (18, 25)


def _image(affine: list[list[float]] | None = None) -> MetaTensor:
    matrix = torch.eye(4, dtype=torch.float64)
    if affine is not None:
        matrix[:2, [0, 1, 3]] = torch.tensor(affine, dtype=torch.float64)
    return MetaTensor(torch.zeros(1, *SIZE), affine=matrix)


def test_heatmaps_are_on_the_image_s_grid() -> None:
    image = _image([[2.0, 0, 10], [0, 4.0, -3]])  # index (i, j) is film pixel (2 i + 10, 4 j - 3)
    points = torch.tensor([[21.0, 30.0], [13.0, 58.0]])
    expected = slow.target([(5.5, 8.25), (1.5, 15.25)], SIZE, 2.0)
    np.testing.assert_allclose(LandmarkHeatmaps(2.0)(points, image), expected, atol=1e-6)


def test_landmark_that_nobody_annotated_is_a_channel_of_nan_and_no_other_is() -> None:
    points = torch.tensor([[5.0, 6.0], [math.nan, math.nan], [9.0, math.nan]])
    heatmaps = LandmarkHeatmaps(2.0)(points, _image())
    assert heatmaps.isnan().flatten(1).all(1).tolist() == [False, True, True, False]
    assert heatmaps.isnan().flatten(1).any(1).tolist() == [False, True, True, False]
    np.testing.assert_allclose(heatmaps[[0, 3]], slow.target([(5, 6)], SIZE, 2.0), atol=1e-6)


def test_landmark_on_the_film_border() -> None:
    heatmaps = LandmarkHeatmaps(2.0)(torch.tensor([[0.0, 24.0]]), _image())
    assert heatmaps[0].argmax() == 24
    assert heatmaps[0, 0, 24] == 1


@pytest.mark.parametrize("form", [np.array, list, lambda p: torch.tensor(p), lambda p: MetaTensor(torch.tensor(p))])
def test_points_in_any_form_give_a_plain_float32_tensor(form: object) -> None:
    """A MetaTensor of points has an affine of its own, which would be false for the heatmaps."""
    heatmaps = LandmarkHeatmaps(2.0)(form([[5, 6], [7, 8]]), _image())  # type: ignore[operator]
    assert type(heatmaps) is torch.Tensor
    assert heatmaps.dtype == torch.float32
    np.testing.assert_allclose(heatmaps, slow.target([(5, 6), (7, 8)], SIZE, 2.0), atol=1e-6)


def test_heatmap_lies_over_the_dot_after_a_turn() -> None:
    place = (50.4, 61.7)
    film = MetaTensor(torch.tensor(dots.draw((110, 120), place, 4.0)), affine=torch.eye(4, dtype=torch.float64))
    patch = extract_patch(film, PatchPlace((53.0, 57.0), 0.7, 1.3), 80)
    heatmaps = LandmarkHeatmaps(4.0 * 1.3)(torch.tensor([place]), patch)
    np.testing.assert_allclose(heatmaps[0], patch[0], atol=0.02)


def test_dictionary_twin() -> None:
    image, points = _image(), torch.tensor([[5.0, 6.0]])
    out = LandmarkHeatmapsd("points_px", 2.0, image_key="film", target_key="label")(
        {"film": image, "points_px": points}
    )
    assert torch.equal(out["label"], LandmarkHeatmaps(2.0)(points, image))
    assert out["points_px"] is points
    assert LandmarkHeatmapsd("points_px", 2.0, allow_missing_keys=True)({"image": image}) == {"image": image}
