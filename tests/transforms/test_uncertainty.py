"""The uncertainty of an inferer's points on the way to the writers."""

from __future__ import annotations

import numpy as np
import pytest

from monai_ceph.analysis.uncertainty import estimate_uncertainty
from monai_ceph.prediction import to_prediction
from monai_ceph.transforms import LandmarkStatusd, LandmarkUncertaintyd, PointsToFilmd
from tests.analysis.test_uncertainty import table
from tests.test_landmark_status import MM, RULE, SHAPE, evidence, face_px
from tests.transforms.test_status import SCHEME, item


def found(points: np.ndarray, spacing: float = MM, agreement: float = 0.5) -> object:
    sample = item(points, spacing)
    sample["pred"][:, 5] = agreement
    sample = LandmarkStatusd("pred", SHAPE, RULE)(PointsToFilmd("pred")(sample))
    return to_prediction(LandmarkUncertaintyd("pred", SHAPE, table())(sample), SCHEME)


def test_figures_reach_the_prediction() -> None:
    prediction = found(face_px())
    expected = estimate_uncertainty(face_px(), np.full(19, 0.6), evidence(), (MM, MM), SHAPE, table())
    assert expected is not None
    for name, values in expected._asdict().items():
        assert getattr(prediction, name) == pytest.approx(values, rel=1e-4), name


def test_landmark_outside_the_film_has_no_figures() -> None:
    points = face_px() - [0, face_px()[1, 1] + 40]
    points[1] = 300, 300
    prediction = found(points)
    assert prediction.statuses[1] == "outside" and np.isnan(prediction.radius90_mm[1])
    assert np.isfinite(np.delete(prediction.radius90_mm, 1)).all()


def test_no_figures_without_a_pixel_size_or_a_face() -> None:
    assert found(face_px(), np.nan).radius90_mm is None
    no_face = found(face_px(), agreement=0.01)
    assert "not a face" in no_face.doubts and no_face.radius90_mm is None


def test_without_a_table_nothing_is_added() -> None:
    before = PointsToFilmd("pred")(item(face_px()))
    for step in (LandmarkUncertaintyd("pred", None, table()), LandmarkUncertaintyd("pred", SHAPE, None)):
        assert step(before).keys() == before.keys()
