"""The status of an inferer's points on the way to the writers."""

from __future__ import annotations

import numpy as np
import torch
from monai.data import MetaTensor

from monai_ceph.landmarks import Landmark, LandmarkScheme
from monai_ceph.prediction import to_prediction
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


def test_without_a_rule_nothing_is_judged() -> None:
    before = PointsToFilmd("pred")(item(face_px()))
    for judge in (LandmarkStatusd("pred", None, RULE), LandmarkStatusd("pred", SHAPE, None)):
        assert judge(before).keys() == before.keys()
        assert to_prediction(judge(before), SCHEME).statuses == ("found",) * 19
