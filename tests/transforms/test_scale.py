from __future__ import annotations

import logging
import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import Rotate90

from monai_ceph.transforms import ScaleToSpacing, ScaleToSpacingd, scale_index, scale_pixels
from tests.reference import dots
from tests.reference.resample import shrink


def _film(size: tuple[int, int] = (40, 60), spacing: object = (0.1, 0.1), **meta: object) -> MetaTensor:
    if spacing is not None:
        meta["spacing_mm"] = torch.as_tensor(spacing, dtype=torch.float64)
    return MetaTensor(torch.rand(1, *size), affine=torch.eye(4, dtype=torch.float64), meta=meta)


@settings(max_examples=30)
# From 8 px: torch 2.13 repeats one row of an image that comes out a single pixel wide.
@given(st.integers(8, 40), st.integers(8, 40), st.floats(0.25, 1.0))
def test_shrinking_is_that_of_the_slow_loop(size_x: int, size_y: int, factor: float) -> None:
    film = np.random.default_rng(size_x).random((size_x, size_y))
    fast = scale_pixels(torch.tensor(film[None], dtype=torch.float32), (factor, factor))
    np.testing.assert_allclose(fast[0], shrink(film, factor), atol=2e-5)


def test_paper_s_sizes() -> None:
    film = torch.zeros(1, 1935, 1935)
    local = scale_pixels(film, (0.5, 0.5))
    assert local.shape == (1, 967, 967)
    assert scale_pixels(local, (0.3, 0.3)).shape == scale_pixels(film, (0.15, 0.15)).shape == (1, 290, 290)


def test_batch_is_scaled_film_by_film() -> None:
    films = torch.rand(3, 2, 20, 30)
    scaled = scale_pixels(films, (0.5, 0.7))
    assert scaled.shape == (3, 2, 10, 21)
    torch.testing.assert_close(scaled[2], scale_pixels(films[2], (0.5, 0.7)))


def test_factor_one_changes_nothing() -> None:
    film = torch.rand(1, 7, 9)
    assert scale_pixels(film, (1.0, 1.0)) is film


@pytest.mark.parametrize("factor", [(0.01, 1.0), (1.0, 0.01), (0.0, 0.0)])
def test_factor_that_leaves_no_pixels(factor: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=re.escape("leaves no pixels; check the pixel spacing")):
        scale_pixels(torch.zeros(1, 30, 30), factor)


def test_spacing_that_is_not_in_mm() -> None:
    message = re.escape("a.png: with this pixel spacing the film is 4 x 6 m large; is it in mm?")
    with pytest.raises(ValueError, match=message):
        ScaleToSpacing(0.2)(_film(spacing=(100.0, 100.0), filename_or_obj="a.png"))


@given(st.floats(-10, 3000), st.floats(0.05, 4))
def test_index_there_and_back(index: float, factor: float) -> None:
    there = scale_index(torch.tensor(index, dtype=torch.float64), factor)
    assert float(scale_index(there, 1 / factor)) == pytest.approx(index, abs=1e-9)


def test_index_of_edges_is_the_same_place() -> None:
    assert float(scale_index(torch.tensor(-0.5), 0.3)) == -0.5
    assert float(scale_index(torch.tensor(9.5), 0.5)) == 4.5


@pytest.mark.parametrize("factor", [0.3, 0.5, 0.77, 1.6])
def test_pixel_lies_where_scale_index_says(factor: float) -> None:
    place = (51.3, 72.8)
    scaled = scale_pixels(torch.tensor(dots.draw((110, 130), place, 7.0)), (factor, factor))
    expected = scale_index(torch.tensor(place, dtype=torch.float64), factor).tolist()
    assert dots.find(scaled.numpy()) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("spacing", "working", "size"),
    [
        ((0.1, 0.1), 0.2, (20, 30)),
        ((0.1, 0.1), 0.2 / 0.3, (6, 9)),
        ((0.127, 0.127), 0.2, (25, 38)),
        ((0.1, 0.2), 0.2, (20, 60)),
        ((0.2,), 0.2, (40, 60)),
        (0.4, 0.2, (80, 120)),
    ],
)
def test_film_gets_the_working_spacing(spacing: object, working: float, size: tuple[int, int]) -> None:
    scaled = ScaleToSpacing(working)(_film(spacing=spacing))
    assert scaled.shape == (1, *size)
    covered = np.abs(np.diag(scaled.affine)[:2]) * np.broadcast_to(spacing, 2)
    np.testing.assert_allclose(covered, working)


def test_scaling_twice_is_scaling_once_to_the_second() -> None:
    film = _film((100, 140))
    once, twice = ScaleToSpacing(0.5)(film), ScaleToSpacing(0.5)(ScaleToSpacing(0.2)(film))
    assert once.shape == twice.shape == (1, 20, 28)
    torch.testing.assert_close(once.affine, twice.affine)


def test_turned_film_with_oblong_pixels() -> None:
    """Once it lies on its side, the array's first axis is the film's y."""
    film = _film((40, 60), (0.1, 0.2))
    upright = ScaleToSpacing(0.2)(film)
    turned = ScaleToSpacing(0.2)(Rotate90(1)(film))
    assert upright.shape == (1, 20, 60)
    assert turned.shape == (1, 60, 20)


def test_already_at_the_working_spacing_is_left_as_it_is() -> None:
    film = _film(spacing=(0.2, 0.2))
    scaled = ScaleToSpacing(0.2)(film)
    assert torch.equal(scaled, film)
    assert torch.equal(scaled.affine, film.affine)


def test_film_itself_is_left_alone() -> None:
    film = _film()
    before = film.clone()
    ScaleToSpacing(0.3)(film)
    assert torch.equal(film, before)
    assert torch.equal(film.affine, torch.eye(4, dtype=torch.float64))


def test_meta_survives() -> None:
    scaled = ScaleToSpacing(0.2)(_film(filename_or_obj="a.png", spacing_source="user"))
    assert scaled.meta["filename_or_obj"] == "a.png"
    assert scaled.meta["spacing_source"] == "user"
    assert scaled.meta["spacing_mm"].tolist() == [0.1, 0.1]


@pytest.mark.parametrize("spacing", [None, (math.nan, math.nan), (0.1, math.nan)])
def test_unknown_spacing_is_assumed_and_reported(spacing: object, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        scaled = ScaleToSpacing(0.2, assumed_spacing_mm=0.05)(_film(spacing=spacing, filename_or_obj="a.png"))
    assert scaled.shape == (1, 10, 15)
    assert caplog.messages == ["a.png: pixel spacing unknown, scaled as if it were 0.05 mm."]


@pytest.mark.parametrize("spacing", [(0.0, 0.1), (-0.1, -0.1), (math.inf, 0.1)])
def test_spacing_of_the_film_that_is_none(spacing: object) -> None:
    with pytest.raises(ValueError, match="film: pixel spacing must be one or two positive numbers in mm"):
        ScaleToSpacing(0.2)(_film(spacing=spacing))


@pytest.mark.parametrize("argument", [{"spacing_mm": 0}, {"spacing_mm": 0.2, "assumed_spacing_mm": -1}])
def test_spacing_given_that_is_none(argument: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"(working|assumed) spacing: pixel spacing must be"):
        ScaleToSpacing(**argument)


def test_dictionary_twin_does_the_same_to_each_key() -> None:
    film, other = _film(), _film((50, 50))
    out = ScaleToSpacingd(("a", "b"), 0.2)({"a": film, "b": other, "c": 1})
    assert torch.equal(out["a"], ScaleToSpacing(0.2)(film))
    assert out["b"].shape == (1, 25, 25)
    assert out["c"] == 1
    assert ScaleToSpacingd("a", 0.2, allow_missing_keys=True)({}) == {}


def test_an_axis_that_keeps_its_number_of_pixels_is_not_scaled_in_the_affine_either() -> None:
    # 100 * 1.0018 is 100 whole pixels: torch leaves such an axis as it is, and so must the affine.
    film = MetaTensor(torch.rand(1, 120, 100), affine=torch.eye(4), meta={"spacing_mm": (0.12, 0.10018)})
    scaled = ScaleToSpacing(0.1)(film)
    assert scaled.shape == (1, 144, 100)
    assert scaled.affine[0, 0].item() == pytest.approx(1 / 1.2)
    assert (scaled.affine[1, 1].item(), scaled.affine[1, 3].item()) == (1.0, 0.0)
