from __future__ import annotations

import logging
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.data import MetaTensor

from monai_ceph.transforms import CropBottomSquare, CropBottomSquared, bottom_square, landmarks_outside
from tests.reference.paper_inference import bottom_square as slow_bottom_square


def _film(size: tuple[int, int]) -> MetaTensor:
    pixels = torch.arange(size[0] * size[1], dtype=torch.float32).reshape(1, *size)
    return MetaTensor(pixels, affine=torch.eye(4), meta={"filename_or_obj": "007.png"})


def test_paper_s_film_loses_its_465_upper_rows() -> None:
    assert bottom_square((1935, 2400)) == ((0, 465), (1935, 2400))


@given(st.integers(1, 40), st.integers(1, 40))
def test_crop_holds_the_pixels_of_the_slow_one(size_x: int, size_y: int) -> None:
    film = _film((size_x, size_y))
    cropped = CropBottomSquare()(film)
    np.testing.assert_array_equal(cropped.numpy()[0], slow_bottom_square(film.numpy()[0]))


@pytest.mark.parametrize("size", [(5, 9), (9, 5), (8, 5), (7, 7)])
def test_affine_says_where_each_pixel_was(size: tuple[int, int]) -> None:
    film = _film(size)
    cropped = CropBottomSquare()(film)
    for x, y in ((0, 0), (2, 3), (4, 4)):
        place = cropped.affine.numpy() @ [x, y, 0, 1]
        assert cropped[0, x, y] == film[0, int(place[0]), int(place[1])]


def test_film_itself_is_left_alone() -> None:
    film = _film((5, 9))
    CropBottomSquare()(film)
    assert film.shape == (1, 5, 9)
    assert torch.equal(film.affine, torch.eye(4, dtype=film.affine.dtype))


def test_landmarks_outside_by_index() -> None:
    cropped = CropBottomSquare()(_film((10, 30)))  # y from 20
    points = torch.tensor([[5.0, 19.4], [5.0, 19.6], [-0.6, 25], [-0.4, 29.4], [9.6, 25], [math.nan, math.nan], [5, 3]])
    assert landmarks_outside(points, cropped) == [0, 2, 4, 6]


def test_landmark_on_the_film_border_is_inside() -> None:
    corners = torch.tensor([[0, 0], [9, 0], [0, 29], [9, 29]])
    assert landmarks_outside(corners, _film((10, 30))) == []


def test_landmarks_that_the_crop_cuts_off_are_named(caplog: pytest.LogCaptureFixture) -> None:
    item = {"image": _film((10, 30)), "points_px": torch.tensor([[5.0, 3.0], [5.0, 25.0], [5.0, 7.0]])}
    with caplog.at_level(logging.WARNING):
        cropped = CropBottomSquared("image", points_key="points_px")(item)
    assert cropped["image"].shape == (1, 10, 10)
    assert caplog.messages == [
        "007.png: landmarks [1, 3] (numbers in the scheme, from 1) lie outside the bottom square."
    ]


def test_no_remark_where_nothing_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    item = {"image": _film((10, 30)), "points_px": torch.tensor([[5.0, 25.0], [math.nan, math.nan]])}
    with caplog.at_level(logging.WARNING):
        CropBottomSquared("image", points_key="points_px")(item)
        CropBottomSquared("image")({"image": _film((10, 30)), "points_px": torch.zeros(1, 2)})
        CropBottomSquared("image", points_key="points_px")({"image": _film((10, 30))})
    assert caplog.messages == []


def test_missing_key_only_where_allowed() -> None:
    assert CropBottomSquared("image", allow_missing_keys=True)({"other": 1}) == {"other": 1}
    with pytest.raises(KeyError, match="image"):
        CropBottomSquared("image")({"other": 1})
