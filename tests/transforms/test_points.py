from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_ceph.transforms import PointsToFilmd


def _item(spacing: object = (0.1, 0.2), **more: object) -> dict[str, object]:
    affine = torch.eye(4, dtype=torch.float64)
    affine[:2, [0, 1, 3]] = torch.tensor([[2.0, 0, 10], [0, 4.0, -3]], dtype=torch.float64)
    meta = {} if spacing is None else {"spacing_mm": torch.as_tensor(spacing, dtype=torch.float64)}
    pred = torch.tensor([[5.5, 8.25, 0.9], [math.nan, math.nan, 0.0]])
    return {"image": MetaTensor(torch.zeros(1, 9, 9), affine=affine, meta=meta), "pred": pred, **more}


def test_points_in_the_film_s_pixels_and_mm() -> None:
    out = PointsToFilmd()(_item())
    np.testing.assert_allclose(out["pred_px"], [[21, 30], [math.nan, math.nan]])
    np.testing.assert_allclose(out["pred_mm"], [[2.1, 6.0], [math.nan, math.nan]], rtol=1e-6)
    assert out["confidence"].tolist() == pytest.approx([0.9, 0.0])
    assert "target_mm" not in out


def test_annotation_in_mm_beside_it() -> None:
    out = PointsToFilmd()(_item(points_px=torch.tensor([[10, 20], [30, 40]])))
    np.testing.assert_allclose(out["target_mm"], [[1, 4], [3, 8]], rtol=1e-6)


def test_annotation_of_fractions_keeps_them() -> None:
    out = PointsToFilmd(points_key="truth")(_item(truth=np.array([[10.5, math.nan]])))
    np.testing.assert_allclose(out["target_mm"], [[1.05, math.nan]], rtol=1e-6)


@pytest.mark.parametrize("spacing", [None, (math.nan, math.nan)])
def test_unknown_spacing_gives_pixels_but_no_mm(spacing: object) -> None:
    out = PointsToFilmd()(_item(spacing))
    assert out["pred_px"][0].tolist() == [21, 30]
    assert out["pred_mm"].isnan().all()


def test_batched_spacing_of_one_film() -> None:
    np.testing.assert_allclose(PointsToFilmd()(_item([[0.1, 0.2]]))["pred_mm"][0], [2.1, 6.0], rtol=1e-6)


def test_results_are_plain_tensors_even_from_a_metatensor() -> None:
    """As the engine hands them over: decollated MetaTensors, whose own affine is not that of the points."""
    item = _item(points_px=MetaTensor(torch.ones(2, 2)))
    item["pred"] = MetaTensor(item["pred"], affine=torch.eye(4) * 7)
    out = PointsToFilmd()(item)
    assert all(type(out[key]) is torch.Tensor for key in ("pred_px", "pred_mm", "confidence", "target_mm"))
    assert out["pred_px"][0].tolist() == [21, 30]


def test_other_names() -> None:
    item = _item()
    item["coarse"], item["film"] = item.pop("pred"), item.pop("image")
    out = PointsToFilmd("coarse", image_key="film")(item)
    assert out["coarse_px"][0].tolist() == [21, 30]
