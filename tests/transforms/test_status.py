"""The status of an inferer's points on the way to the writers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_ceph.landmarks import Landmark, LandmarkScheme
from monai_ceph.prediction import to_prediction
from monai_ceph.ruler import find_ruler
from monai_ceph.transforms import LandmarkStatusd, PointsToFilmd
from tests.faces import SYMBOLS
from tests.test_landmark_status import MM, RULE, SHAPE, SIZE, evidence, face_px

SCHEME = LandmarkScheme("drawn", tuple(Landmark(symbol, symbol) for symbol in SYMBOLS))


def item(points: np.ndarray, spacing: float = MM) -> dict[str, object]:
    meta = {"spacing_mm": np.full(2, spacing), "filename_or_obj": "film.png", "spacing_source": "user"}
    image = MetaTensor(torch.zeros(1, *SIZE), affine=torch.eye(4), meta=meta)
    pred = np.column_stack([points, np.full(19, 0.6), evidence()])
    return {"image": image, "pred": torch.from_numpy(pred).to(torch.float32)}


def test_a_film_s_status_reaches_the_prediction() -> None:
    points = face_px()
    points[9] += [-200, 100]
    points[1] += [0, -points[1, 1] - 40]  # off the film; the others are where they were
    found = to_prediction(LandmarkStatusd("pred", SHAPE, RULE)(PointsToFilmd("pred")(item(points))), SCHEME)
    assert found.with_status("doubtful") == ["L1", "L9"] and len(found.with_status("found")) == 17
    assert found.pose["working_mm"] > 0 and found.remarks == ()


def test_what_is_outside_has_neither_pixels_nor_mm() -> None:
    points = face_px() - [0, face_px()[1, 1] + 40]
    points[1] = 300, 300
    out = LandmarkStatusd("pred", SHAPE, RULE)(PointsToFilmd("pred")(item(points)))
    assert out["status"][1] == "outside"
    assert out["pred_px"][1].isnan().all() and out["pred_mm"][1].isnan().all() and out["pred_mm"][2].isfinite().all()


def test_orientation_tag_is_remarked() -> None:
    for tag, said in ((1, False), (6, True)):
        sample = item(face_px())
        sample["image"].meta["film_orientation"] = tag
        found = to_prediction(LandmarkStatusd("pred", SHAPE, RULE)(PointsToFilmd("pred")(sample)), SCHEME)
        remark = "viewers turn it by its orientation tag; points are in the pixels as stored"
        assert (remark in found.remarks) == said


def test_ruler_in_the_film_gives_mm_where_the_pixel_size_is_unknown() -> None:
    px_per_mm = 1 / MM
    for known_mm, source, mm in ((MM, "user", MM), (np.nan, "ruler", MM), (np.nan, "unknown", np.nan)):
        sample = item(face_px(), known_mm)
        sample["image"].meta["spacing_source"] = "unknown" if np.isnan(known_mm) else "user"
        if source != "unknown":
            for k in range(41):
                end = 150 + round((1.8 if k % 10 == 0 else 1.4 if k % 5 == 0 else 1.0) * 2.5 * px_per_mm)
                y = round(200 + k * px_per_mm)
                sample["image"][0, 150:end, y : y + max(1, round(0.4 * px_per_mm))] = 200
        found = to_prediction(LandmarkStatusd("pred", SHAPE, RULE)(PointsToFilmd("pred")(sample)), SCHEME)
        assert found.spacing_source == source
        assert found.points_mm == pytest.approx(face_px() * mm, rel=0.01, nan_ok=True)
        assert any("a ruler in the film gives the pixel size" in remark for remark in found.remarks) == (
            source == "ruler"
        )
        assert any("pixel size unknown" in remark for remark in found.remarks) == (source == "unknown")


def test_ruler_at_whose_scale_no_face_has_its_size_is_not_believed() -> None:
    sample = item(face_px(), np.nan)
    sample["image"].meta["spacing_source"] = "unknown"
    tick_px = 2 / MM  # a tick every 2 mm, and a longer one every 10
    for k in range(25):
        end = 150 + round((6 if k % 5 == 0 else 4) / MM)
        sample["image"][0, 150:end, round(200 + k * tick_px) : round(200 + (k + 0.4) * tick_px)] = 200
    assert find_ruler(np.asarray(sample["image"][0])) is not None
    found = to_prediction(LandmarkStatusd("pred", SHAPE, RULE)(PointsToFilmd("pred")(sample)), SCHEME)
    assert found.spacing_source == "unknown" and found.spacing_mm is None


def test_without_a_rule_nothing_is_judged() -> None:
    before = PointsToFilmd("pred")(item(face_px()))
    for judge in (LandmarkStatusd("pred", None, RULE), LandmarkStatusd("pred", SHAPE, None)):
        assert judge(before).keys() == before.keys()
        assert to_prediction(judge(before), SCHEME).statuses == ("found",) * 19
