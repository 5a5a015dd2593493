from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

from monai_ceph.spacing import check_spacing


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0.1, (0.1, 0.1)),
        (2, (2.0, 2.0)),
        ([0.1, 0.2], (0.1, 0.2)),
        ((0.1, 0.2), (0.1, 0.2)),
        ([0.5], (0.5, 0.5)),
        (np.float32(0.5), (0.5, 0.5)),
        (np.array(0.5), (0.5, 0.5)),
        (np.array([0.5, 0.25]), (0.5, 0.25)),
        (torch.tensor([0.5, 0.25]), (0.5, 0.25)),
    ],
)
def test_spacing_givenin_any_form(given: object, expected: tuple[float, float]) -> None:
    assert check_spacing(given, "film") == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bad",
    [0, -0.1, math.nan, math.inf, [0.1, 0], [0.1, 0.2, 0.3], [0.1, [0.2, 0.3]], [], "0.1", "12", None, [None, 1], True],
)
def test_spacing_that_is_none(bad: object) -> None:
    message = f"x.png: pixel spacing must be one or two positive numbers in mm, got {bad!r}; give the size"
    with pytest.raises(ValueError, match=re.escape(message)):
        check_spacing(bad, "x.png")  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [np.array([0.1, -0.2]), torch.tensor([0.1, -0.2], dtype=torch.float64)])
def test_array_is_shown_as_plain_numbers(bad: object) -> None:
    with pytest.raises(ValueError, match=r"got \[0\.1, -0\.2\]; give the size"):
        check_spacing(bad, "x.png")
