from __future__ import annotations

import numpy as np
import pytest

from monai_ceph.landmarks import Landmark, LandmarkScheme
from monai_ceph.prediction import Prediction

SCHEME = LandmarkScheme("three", (Landmark("S", "sella"), Landmark("N", "nasion"), Landmark("Pog'", "soft pogonion")))


def test_millimetres_follow_each_axis() -> None:
    points = np.array([[10, 20], [np.nan, np.nan], [0, 1]], dtype=np.float32)
    prediction = Prediction("a.png", SCHEME, points, np.ones(3), (0.1, 0.2), "user")
    np.testing.assert_allclose(prediction.points_mm, [[1, 4], [np.nan, np.nan], [0, 0.2]])
    assert prediction.points_mm.dtype == np.float64


def test_unknown_spacing_gives_no_millimetres() -> None:
    prediction = Prediction("a.png", SCHEME, np.ones((3, 2)), np.ones(3), None, "unknown")
    assert np.isnan(prediction.points_mm).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"points_px": np.ones((2, 2))}, r"'a.png': expected points_px of shape \(3, 2\).*'three', got \(2, 2\)"),
        ({"confidence": np.ones((3, 1))}, r"expected confidence of shape \(3,\)"),
        ({"extra": {"coarse_x": np.ones(4)}}, r"expected coarse_x of shape \(3,\).*got \(4,\)"),
    ],
)
def test_array_of_another_scheme_is_named(wrong: dict[str, np.ndarray], message: str) -> None:
    arguments = {"points_px": np.ones((3, 2)), "confidence": np.ones(3)} | wrong
    with pytest.raises(ValueError, match=message):
        Prediction("a.png", SCHEME, spacing_mm=None, spacing_source="unknown", **arguments)
