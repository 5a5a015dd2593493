"""Rulers in films: which are read, and which are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from monai_ceph.ruler import find_ruler


def drawn(
    tick_px: float,
    rhythm: dict[int, float],
    ticks: int = 41,
    tilt_deg: float = 0.0,
    noise: float = 0.02,
    blur: float = 0.6,
) -> np.ndarray:
    """A film (X, Y) of noise with a steel ruler along y: dark ticks, 2.5 ticks long.

    ``rhythm`` tells which ticks are how many times as long: {5: 1.4, 10: 1.8}.
    """
    random = np.random.default_rng(3)
    size = (round(20 * tick_px) + 60, round((ticks + 6) * tick_px) + 60)
    x, y = np.meshgrid(*(np.arange(n) - n / 2 for n in size), indexing="ij")
    tilt = np.radians(tilt_deg)
    along = (y * np.cos(tilt) - x * np.sin(tilt)) / tick_px + (ticks - 1) / 2
    across = (x * np.cos(tilt) + y * np.sin(tilt)) / tick_px
    steel = _edge(across, -3, 3, tick_px, blur) * _edge(along, -1.5, ticks + 0.5, tick_px, blur)
    nearest = np.clip(np.round(along), 0, ticks - 1)
    length = 2.5 * np.max([np.ones(size), *(np.where(nearest % every == 0, by, 1) for every, by in rhythm.items())], 0)
    tick = _edge(along - nearest, -0.2, 0.2, tick_px, blur) * _edge(across, -3.2, -3 + length, tick_px, blur)
    film = 0.3 + 0.5 * steel * (1 - tick)
    return (200 * (film + random.normal(0, noise, size))).astype(np.float32)


def _edge(value: np.ndarray, low: float, high: float | np.ndarray, tick_px: float, blur: float) -> np.ndarray:
    """1 between low and high (in ticks), with edges of about ``blur`` pixels."""
    return np.asarray(np.clip(np.minimum(value - low, high - value) * tick_px / blur / 2 + 0.5, 0, 1))


METRIC = {5: 1.4, 10: 1.8}


@pytest.mark.parametrize("tick_px", [3.1, 4.4, 7.88, 11.0, 21.0])
def test_ruler_of_any_resolution(tick_px: float) -> None:
    ruler = find_ruler(drawn(tick_px, METRIC))
    assert ruler is not None and ruler.px_per_mm == pytest.approx(tick_px, rel=0.005)


@pytest.mark.parametrize("way", ["lying", "mirrored", "upside down", "inverted", "tilted", "every ten only"])
def test_ruler_of_any_direction_and_gray(way: str) -> None:
    film = drawn(6.3, {10: 1.6} if way == "every ten only" else METRIC, tilt_deg=9.0 if way == "tilted" else 0.0)
    changed = {"lying": film.T, "mirrored": film[::-1], "upside down": film[::-1, ::-1], "inverted": 255 - film}
    ruler = find_ruler(np.ascontiguousarray(changed.get(way, film)))
    assert ruler is not None and ruler.px_per_mm == pytest.approx(6.3, rel=0.01)


def test_where_the_ruler_is() -> None:
    film = drawn(6.0, METRIC)
    ruler = find_ruler(film)
    assert ruler is not None
    (x0, y0), (x1, y1) = ruler.ends_px
    assert abs(x0 - film.shape[0] / 2) < 20 and abs(x1 - film.shape[0] / 2) < 20
    assert np.hypot(x1 - x0, y1 - y0) == pytest.approx((ruler.ticks - 1) * 6.0, rel=0.02)
    assert film.shape[1] / 2 - 21 * 6 < y0 < y1 < film.shape[1] / 2 + 21 * 6
    turned = find_ruler(np.ascontiguousarray(film.T))
    assert turned is not None and turned.ends_px[0] == pytest.approx((y0, x0), abs=0.1)


@pytest.mark.parametrize(
    ("what", "rhythm", "ticks"),
    [
        ("a tick every 2 mm, as some head holders have", {}, 41),
        ("sixteenths of an inch", {2: 1.3, 4: 1.6, 8: 1.9, 16: 2.2}, 49),
        ("quarters", {4: 1.6}, 41),
        ("thirds", {3: 1.6}, 41),
        ("sevenths", {7: 1.6}, 41),
        ("a piece too short to be sure of", METRIC, 16),
    ],
)
def test_ticks_that_do_not_say_that_they_are_millimetres(what: str, rhythm: dict[int, float], ticks: int) -> None:
    assert find_ruler(drawn(7.0, rhythm, ticks)) is None, what


def test_ruler_beyond_the_range_is_not_taken_for_another() -> None:
    film = drawn(7.0, METRIC)
    for others in ((2.5, 5.0), (2.9, 4.1), (10.0, 20.0), (11.0, 25.0)):
        assert find_ruler(film, others) is None


def test_ticks_closer_than_pixels_are_not_looked_for() -> None:
    film = np.random.default_rng(0).random((300, 300), dtype=np.float32)
    assert find_ruler(film, (0.9, 1.8)) is None  # a film of 0.8 mm a pixel


def test_longer_ticks_at_random_are_no_rhythm() -> None:
    random = np.random.default_rng(0)
    rhythm = {int(k): 1.5 for k in random.choice(np.arange(1, 41), 8, replace=False)}
    assert find_ruler(drawn(7.0, rhythm)) is None


@pytest.mark.parametrize("kind", ["noise", "flat", "stripes", "grid of a scatter screen", "tiny"])
def test_pictures_without_a_ruler(kind: str) -> None:
    random = np.random.default_rng(1)
    film = random.normal(100, 10, (300, 400)).astype(np.float32)
    if kind == "flat":
        film[:] = 7
    elif kind == "stripes":
        film += 30 * np.sin(2 * np.pi * np.arange(400) / 6.0, dtype=np.float32)
    elif kind == "grid of a scatter screen":
        film += 3 * (np.arange(300) % 4 < 2)[:, None]
    elif kind == "tiny":
        film = film[:5, :5]
    assert find_ruler(film) is None
