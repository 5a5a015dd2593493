from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from monai_ceph.geometry import affine_2d, array_to_film, film_to_array, mm_to_px, px_to_mm
from tests.reference import dots

number = st.floats(-3000, 3000)


@st.composite
def affines(draw: st.DrawFn) -> np.ndarray:
    """(4, 4) float64: any turn, mirror and scale that a film goes through."""
    angle, shift = draw(st.floats(-math.pi, math.pi)), (draw(number), draw(number))
    scale = [draw(st.floats(0.1, 10)) * draw(st.sampled_from((-1, 1))) for _ in range(2)]
    affine = np.eye(4)
    affine[:2, :2] = [
        [math.cos(angle) * scale[0], -math.sin(angle) * scale[1]],
        [math.sin(angle) * scale[0], math.cos(angle) * scale[1]],
    ]
    affine[:2, 3] = shift
    return affine


@given(affines(), number, number)
def test_film_to_array_is_the_solution_of_the_affine(affine: np.ndarray, x: float, y: float) -> None:
    index = film_to_array(torch.tensor([x, y], dtype=torch.float64), torch.tensor(affine))
    np.testing.assert_allclose(index, dots.expected((x, y), affine), atol=1e-6)


@given(affines(), number, number)
def test_there_and_back(affine: np.ndarray, x: float, y: float) -> None:
    points = torch.tensor([[x, y], [y, x]], dtype=torch.float64)
    back = array_to_film(film_to_array(points, torch.tensor(affine)), torch.tensor(affine))
    np.testing.assert_allclose(back, points, atol=1e-6)


def test_affine_of_three_and_of_four_rows_say_the_same() -> None:
    full = torch.tensor([[2.0, 0.5, 9, 3], [0, 4, 9, 5], [9, 9, 9, 9], [0, 0, 0, 1]])
    flat = torch.tensor([[2.0, 0.5, 3], [0, 4, 5], [0, 0, 1]], dtype=torch.float64)
    assert torch.equal(affine_2d(full), flat)
    assert torch.equal(affine_2d(flat), flat)


@pytest.mark.parametrize("shape", [(2, 2), (1, 4, 4), (3, 4)])
def test_affine_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=re.escape(f"Expected a (3, 3) or (4, 4) affine, got {shape}")):
        affine_2d(torch.zeros(shape))


def test_landmark_that_nobody_annotated_stays_nan() -> None:
    points = torch.tensor([[math.nan, math.nan], [3.0, 4.0]])
    moved = film_to_array(points, torch.diag(torch.tensor([2.0, 2, 1])))
    assert moved.isnan().tolist() == [[True, True], [False, False]]
    assert moved[1].tolist() == [1.5, 2.0]


def test_whole_numbers_are_not_cut_down_to_whole_results() -> None:
    points, affine = torch.tensor([[1, 2]]), torch.diag(torch.tensor([2.0, 4, 1]))
    assert film_to_array(points, affine).tolist() == [[0.5, 0.5]]
    assert array_to_film(points, torch.diag(torch.tensor([0.5, 0.25, 1]))).tolist() == [[0.5, 0.5]]
    assert px_to_mm(torch.tensor([[10, 25]]), (0.1, 0.1)).tolist() == pytest.approx(np.array([[1.0, 2.5]]))
    assert mm_to_px(torch.tensor([[1, 3]]), (2.0, 2.0)).tolist() == [[0.5, 1.5]]


def test_dtype_of_points_is_kept() -> None:
    for dtype in (torch.float32, torch.float64):
        assert film_to_array(torch.zeros(1, 2, dtype=dtype), torch.eye(4)).dtype == dtype


@given(number, number, st.floats(0.01, 5), st.floats(0.01, 5))
def test_mm_are_pixels_times_spacing_along_each_axis(x: float, y: float, along_x: float, along_y: float) -> None:
    points = torch.tensor([[x, y]], dtype=torch.float64)
    mm = px_to_mm(points, (along_x, along_y))
    assert mm.tolist() == [[x * along_x, y * along_y]]
    np.testing.assert_allclose(mm_to_px(mm, (along_x, along_y)), points, rtol=1e-12, atol=1e-12)


def test_unknown_spacing_gives_unknown_mm() -> None:
    assert px_to_mm(torch.ones(3, 2), torch.tensor([math.nan, math.nan])).isnan().all()


def test_one_spacing_a_film_of_a_batch() -> None:
    mm = px_to_mm(torch.ones(2, 3, 2), torch.tensor([[0.1, 0.2], [1.0, 2.0]])[:, None])
    assert mm[:, 0].tolist() == pytest.approx(np.array([[0.1, 0.2], [1.0, 2.0]]))
