import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from monai_ceph.transforms import RandDrawings, RandDrawingsd, draw_ring, draw_segments

place = st.tuples(st.floats(-10, 40), st.floats(-10, 40))


def distance_to_segment(x: float, y: float, start: tuple[float, float], end: tuple[float, float]) -> float:
    """By the closest of many points on the segment."""
    steps = np.linspace(0, 1, 6001)
    along = [(start[k] + steps * (end[k] - start[k])) for k in (0, 1)]
    return float(np.hypot(along[0] - x, along[1] - y).min())


@given(place, place, st.floats(0.5, 6.0))
def test_pixels_near_the_stroke_have_its_value_and_far_ones_their_own(
    start: tuple[float, float], end: tuple[float, float], width: float
) -> None:
    image = torch.zeros(2, 30, 25)
    drawn = draw_segments(image, np.array([[start, end]]), width, 3.0)
    for x in range(0, 30, 3):
        for y in range(0, 25, 3):
            distance = distance_to_segment(x, y, start, end)
            expected = 3.0 * min(max(width / 2 + 0.5 - distance, 0.0), 1.0)
            assert drawn[:, x, y].tolist() == [drawn[0, x, y]] * 2
            assert math.isclose(float(drawn[0, x, y]), expected, abs_tol=0.03)


def test_ring_leaves_its_middle() -> None:
    drawn = draw_ring(torch.zeros(1, 41, 41), (20.0, 20.0), radius_px=10.0, width_px=2.0, value=1.0)
    assert drawn[0, 30, 20] == 1 and drawn[0, 20, 10] == 1
    assert drawn[0, 20, 20] == 0 and drawn[0, 35, 20] == 0


def test_image_itself_is_left_alone() -> None:
    image = torch.zeros(1, 32, 32)
    RandDrawings(prob=1.0)(image)
    assert (image == 0).all()


def test_every_kind_is_drawn_within_the_value_range() -> None:
    transform = RandDrawings(prob=1.0, most=1, value=(1.0, 2.0)).set_random_state(seed=0)
    images = [transform(torch.zeros(1, 96, 96)) for _ in range(60)]
    assert all(image.min() >= 0 and image.max() <= 2 for image in images)
    assert sum(bool((image > 0).any()) for image in images) > 45  # a few lie outside


def test_same_seed_gives_the_same_drawings_whatever_size_came_before() -> None:
    first, second = (RandDrawings(prob=1.0).set_random_state(seed=3) for _ in range(2))
    first(torch.zeros(1, 20, 20))
    second(torch.zeros(1, 90, 90))
    image = torch.zeros(1, 50, 50)
    assert torch.equal(first(image), second(image))


def test_keys_get_the_same_drawings() -> None:
    out = RandDrawingsd(("a", "b"), prob=1.0).set_random_state(seed=0)({k: torch.zeros(1, 64, 64) for k in "abc"})
    assert torch.equal(out["a"], out["b"]) and out["a"].any()
    assert not out["c"].any()
