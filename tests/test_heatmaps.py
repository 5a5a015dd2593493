from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from monai_ceph.heatmaps import (
    decode_argmax,
    decode_soft_centroid,
    decode_threshold_mean,
    gaussian_heatmaps,
    second_moments,
)
from tests.reference import heatmaps as slow

SIZE = (17, 23)
coordinate = st.floats(-8, 30)
point = st.one_of(st.tuples(coordinate, coordinate), st.just((math.nan, math.nan)))
DECODERS = [decode_argmax, decode_threshold_mean, decode_soft_centroid]


def _heatmaps(*points: tuple[float, float], sigma: float = 2.0, size: tuple[int, int] = SIZE) -> torch.Tensor:
    return gaussian_heatmaps(torch.tensor(points, dtype=torch.float64).reshape(-1, 2), size, sigma)


@settings(max_examples=30)
@given(st.lists(point, max_size=5), st.floats(0.5, 9))
def test_target_is_that_of_the_slow_loop(points: list[tuple[float, float]], sigma: float) -> None:
    fast = _heatmaps(*points, sigma=sigma)
    np.testing.assert_allclose(fast, slow.target(points, SIZE, sigma), atol=1e-12)
    np.testing.assert_allclose(fast.sum(0), 1.0, atol=1e-12)


@given(st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=6), st.floats(0.5, 9))
def test_channels_sum_to_one_everywhere_in_single_precision_too(
    points: list[tuple[float, float]], sigma: float
) -> None:
    heatmaps = gaussian_heatmaps(torch.tensor(points, dtype=torch.float32), SIZE, sigma)
    assert heatmaps.dtype == torch.float32
    assert heatmaps.min() >= 0 and heatmaps.max() <= 1
    np.testing.assert_allclose(heatmaps.sum(0), 1.0, atol=1e-6)


def test_peak_is_one_on_a_whole_pixel_and_less_between_pixels() -> None:
    assert _heatmaps((5, 7))[0, 5, 7] == 1
    between = _heatmaps((5.5, 7.0))[0]
    assert between.max() == pytest.approx(math.exp(-0.25 / 8))
    assert between[5, 7] == between[6, 7]


def test_sub_pixel_position_survives() -> None:
    heatmap = _heatmaps((8.3, 11.8), size=(40, 40))[0]
    x = (heatmap.sum(1) * torch.arange(40)).sum() / heatmap.sum()
    y = (heatmap.sum(0) * torch.arange(40)).sum() / heatmap.sum()
    assert (float(x), float(y)) == pytest.approx((8.3, 11.8), abs=1e-3)


def test_first_axis_is_x() -> None:
    assert _heatmaps((3, 20))[0].argmax() == 3 * SIZE[1] + 20


def test_two_landmarks_in_one_place_share_it() -> None:
    heatmaps = _heatmaps((5, 7), (5, 7))
    assert heatmaps[:, 5, 7].tolist() == [0.5, 0.5, 0.0]


def test_overlap_is_divided_and_has_no_background() -> None:
    heatmaps = _heatmaps((5, 7), (6, 7), (5, 8))
    assert (heatmaps[-1] == 0).sum() > 4
    assert heatmaps[:, 5, 7].sum() == pytest.approx(1)
    assert heatmaps[0, 5, 7] > heatmaps[1, 5, 7] == heatmaps[2, 5, 7] > 0


def test_landmark_that_nobody_annotated_has_an_empty_channel_and_disturbs_no_other() -> None:
    with_gap = _heatmaps((5, 7), (math.nan, math.nan), (12, 3))
    assert with_gap[1].max() == 0
    torch.testing.assert_close(with_gap[[0, 2, 3]], _heatmaps((5, 7), (12, 3)))
    assert _heatmaps((math.nan, 3.0))[0].max() == 0


def test_landmark_on_the_film_border() -> None:
    heatmap = _heatmaps((0, 22))[0]
    assert heatmap[0, 22] == 1
    np.testing.assert_allclose(heatmap, slow.target([(0, 22)], SIZE, 2.0)[0], atol=1e-12)


def test_landmark_off_the_film_leaves_background() -> None:
    heatmaps = _heatmaps((-500, 9))
    assert heatmaps[0].max() == 0
    assert heatmaps[1].min() == 1


def test_no_landmarks_at_all_is_all_background() -> None:
    assert torch.equal(_heatmaps(), torch.ones(1, *SIZE, dtype=torch.float64))


def test_batch_of_films() -> None:
    points = torch.rand(2, 3, 4, 2) * 15
    heatmaps = gaussian_heatmaps(points, SIZE, 2.0)
    assert heatmaps.shape == (2, 3, 5, *SIZE)
    torch.testing.assert_close(heatmaps[1, 2], gaussian_heatmaps(points[1, 2], SIZE, 2.0))


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan])
def test_sigma_that_is_no_width(sigma: float) -> None:
    with pytest.raises(ValueError, match="Expected a positive sigma_px"):
        _heatmaps((1, 1), sigma=sigma)


def test_points_of_another_shape() -> None:
    with pytest.raises(ValueError, match=re.escape("Expected points of shape (..., N, 2), got (4, 3)")):
        gaussian_heatmaps(torch.zeros(4, 3), SIZE, 1.0)


@given(st.integers(0, 16), st.integers(0, 22), st.sampled_from(DECODERS))
def test_every_decoder_finds_a_single_pixel(x: int, y: int, decoder: object) -> None:
    heatmap = torch.zeros(1, *SIZE)
    heatmap[0, x, y] = 0.01
    # One float32 rounding: a weighted mean of one pixel is (w * y) / w, which need not be y to the last bit.
    torch.testing.assert_close(decoder(heatmap), torch.tensor([[x, y]], dtype=torch.float32))  # type: ignore[operator]


@given(st.floats(7, 9), st.floats(9, 13))
def test_decoders_find_a_gaussian_s_centre(x: float, y: float) -> None:
    heatmap = _heatmaps((x, y), sigma=2.5, size=(20, 24))[:1]
    for decoder, tolerance in ((decode_argmax, 0.5001), (decode_threshold_mean, 0.35), (decode_soft_centroid, 0.05)):
        assert decoder(heatmap)[0].tolist() == pytest.approx([x, y], abs=tolerance)


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_paper_s_decoder_is_that_of_the_slow_loop(seed: int) -> None:
    heatmaps = np.random.default_rng(seed).random((3, *SIZE)) ** 3
    points = decode_threshold_mean(torch.tensor(heatmaps))
    assert points.dtype == torch.float64
    np.testing.assert_allclose(points, [slow.mean_position_over_half(h) for h in heatmaps], atol=1e-5)
    assert decode_argmax(torch.tensor(heatmaps)).tolist() == [list(slow.place_of_maximum(h)) for h in heatmaps]


def test_value_of_exactly_half_the_maximum_is_kept() -> None:
    heatmap = torch.zeros(1, 9, 9)
    heatmap[0, 2, 4], heatmap[0, 4, 4], heatmap[0, 8, 8] = 0.4, 0.2, 0.19
    assert decode_threshold_mean(heatmap).tolist() == [[3, 4]]


def test_threshold_is_a_knob() -> None:
    heatmap = torch.zeros(1, 9, 9)
    heatmap[0, 2, 4], heatmap[0, 4, 4] = 0.4, 0.2
    assert decode_threshold_mean(heatmap, threshold=0.6).tolist() == [[2, 4]]
    assert decode_soft_centroid(heatmap, threshold=0.0)[0].tolist() == pytest.approx([2 + 2 / 3, 4])


def test_soft_centroid_moves_continuously_where_the_paper_s_jumps() -> None:
    heatmap = torch.zeros(1, 9, 9)
    heatmap[0, 2, 4] = 1
    jump = {}
    for decoder in (decode_threshold_mean, decode_soft_centroid):
        before, after = heatmap.clone(), heatmap.clone()
        before[0, 4, 4], after[0, 4, 4] = 0.4999, 0.5001
        jump[decoder] = float((decoder(after) - decoder(before)).abs().max())
    assert jump[decode_threshold_mean] == 1.0
    assert 0 < jump[decode_soft_centroid] < 1e-3


@pytest.mark.parametrize("decoder", DECODERS)
def test_empty_heatmap_has_no_position(decoder: object) -> None:
    heatmaps = torch.zeros(2, 3, 9, 9)
    heatmaps[1, 2, 4, 5] = 1
    points = decoder(heatmaps)  # type: ignore[operator]
    assert points.shape == (2, 3, 2)
    assert points.isnan().all(-1).tolist() == [[True, True, True], [True, True, False]]


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_positions_are_not_rounded_to_the_heatmap_s_precision(decoder: object, dtype: torch.dtype) -> None:
    heatmap = torch.zeros(1, 310, 310, dtype=dtype)
    heatmap[0, 301, 303] = 1
    assert decoder(heatmap).tolist() == [[301, 303]]  # type: ignore[operator]


@pytest.mark.parametrize("decoder", DECODERS)
def test_large_heatmap_keeps_its_last_pixel(decoder: object) -> None:
    heatmap = torch.zeros(1, 2000, 1500)
    heatmap[0, 1990:, 1480:] = 1
    x, y = decoder(heatmap)[0].tolist()  # type: ignore[operator]
    assert (x, y) == ((1990, 1480) if decoder is decode_argmax else pytest.approx((1994.5, 1489.5), abs=1e-3))


def test_second_moments_are_weighted_covariances_around_the_point() -> None:
    heatmap = np.random.default_rng(0).random(SIZE)
    point = np.array([4.25, 11.5])
    places = np.stack(np.meshgrid(*map(np.arange, SIZE), indexing="ij"), -1).reshape(-1, 2) - point
    expected = np.average(places[:, :, None] * places[:, None, :], axis=0, weights=heatmap.reshape(-1))
    found = second_moments(torch.from_numpy(heatmap)[None], torch.from_numpy(point)[None])[0]
    np.testing.assert_allclose(found, expected[[0, 0, 1], [0, 1, 1]], rtol=1e-5)


def test_empty_heatmap_has_no_spread() -> None:
    assert second_moments(torch.zeros(1, *SIZE), torch.ones(1, 2)).tolist() == [[0, 0, 0]]
