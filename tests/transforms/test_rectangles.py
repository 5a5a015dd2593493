from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import Compose

from monai_ceph.transforms import RandRectangleShift, RandRectangleShiftd, shift_rectangle

corner = st.tuples(st.integers(-15, 35), st.integers(-15, 35))


@given(corner, corner)
def test_only_the_rectangle_is_shifted(start: tuple[int, int], end: tuple[int, int]) -> None:
    image = torch.rand(2, 18, 23)
    expected = image.numpy().copy()
    for x in range(18):
        for y in range(23):
            if start[0] <= x < end[0] and start[1] <= y < end[1]:
                expected[:, x, y] += 0.5
    np.testing.assert_array_equal(shift_rectangle(image, start, end, 0.5), expected)


def test_image_itself_is_left_alone() -> None:
    image = torch.zeros(1, 9, 9)
    shift_rectangle(image, (0, 0), (5, 5), 1.0)
    RandRectangleShiftd("image", prob=1.0)({"image": image})
    assert (image == 0).all()


def _offsets(transform: RandRectangleShiftd, size: tuple[int, int] = (40, 60)) -> np.ndarray:
    return transform({"image": torch.zeros(1, *size)})["image"].numpy()[0]


@pytest.mark.parametrize("seed", range(5))
def test_one_rectangle_has_the_drawn_size_and_offset(seed: int) -> None:
    transform = RandRectangleShiftd("image", count=1, offset=0.8, min_size=0.3, max_size=0.6, prob=1.0)
    changed = _offsets(transform.set_random_state(seed=seed))
    values = np.unique(changed[changed != 0])
    assert len(values) == 1 and abs(values[0]) <= 0.8
    xs, ys = np.nonzero(changed)
    width, height = np.ptp(xs) + 1, np.ptp(ys) + 1
    assert (changed != 0).sum() == width * height  # a whole rectangle
    # One that hangs over the border shows at least half of itself, its centre being inside.
    assert 0.15 * 40 - 1 <= width <= 0.6 * 40 + 1
    assert 0.15 * 60 - 1 <= height <= 0.6 * 60 + 1


def test_chance_is_of_each_rectangle() -> None:
    transform = RandRectangleShiftd("image", count=1, prob=0.25).set_random_state(seed=0)
    share = np.mean([(_offsets(transform, (10, 10)) != 0).any() for _ in range(400)])
    assert share == pytest.approx(0.25, abs=0.07)
    assert (_offsets(RandRectangleShiftd("image", count=50, prob=0.0)) == 0).all()
    assert (_offsets(RandRectangleShiftd("image", count=0, prob=1.0)) == 0).all()


def test_several_rectangles_add_up() -> None:
    transform = RandRectangleShiftd("image", count=6, min_size=0.8, max_size=0.9, prob=1.0).set_random_state(seed=1)
    assert len(np.unique(_offsets(transform))) > 4


def test_all_images_get_the_same_rectangles() -> None:
    item = {"a": torch.zeros(1, 30, 30), "b": torch.full((1, 30, 30), 5.0)}
    out = RandRectangleShiftd(("a", "b"), prob=1.0).set_random_state(seed=0)(item)
    torch.testing.assert_close(out["a"] + 5, out["b"])
    assert out["a"].abs().max() > 0


def test_same_seed_same_rectangles_another_seed_others() -> None:
    def run(seed: int) -> np.ndarray:
        return _offsets(RandRectangleShiftd("image", prob=1.0).set_random_state(seed=seed))

    np.testing.assert_array_equal(run(3), run(3))
    assert not np.array_equal(run(3), run(4))


def test_compose_seeds_it() -> None:
    def run() -> torch.Tensor:
        chain = Compose([RandRectangleShiftd("image", prob=1.0)])
        chain.set_random_state(seed=9)
        return chain({"image": torch.zeros(1, 30, 30)})["image"]

    assert torch.equal(run(), run())


def test_later_draws_do_not_depend_on_earlier_ones() -> None:
    """Whether a rectangle is drawn or not, the generator has advanced as far."""
    states = []
    for prob in (0.0, 1.0):
        transform = RandRectangleShift(count=3, prob=prob).set_random_state(seed=2)
        transform(torch.zeros(1, 9, 9))
        states.append(transform.R.random())
    assert states[0] == states[1]


def test_affine_is_kept_and_missing_keys_are_allowed() -> None:
    affine = torch.diag(torch.tensor([2.0, 3, 1, 1], dtype=torch.float64))
    image = MetaTensor(torch.zeros(1, 9, 9), affine=affine)
    out = RandRectangleShiftd(("image", "none"), prob=1.0, allow_missing_keys=True)({"image": image})
    assert torch.equal(out["image"].affine, affine)
