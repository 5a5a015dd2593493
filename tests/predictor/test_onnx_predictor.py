"""What the onnx backend makes of a model's answers; the model is a stand-in that knows the film's true scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_ceph.landmarks import Landmark, LandmarkScheme
from monai_ceph.phantoms.writing import write_png
from monai_ceph.predictor.onnx_predictor import OnnxPredictor
from tests.faces import SYMBOLS
from tests.test_landmark_status import MM, RULE, SHAPE, SIZE, face_px

SCHEME = LandmarkScheme("drawn", tuple(Landmark(symbol, symbol) for symbol in SYMBOLS))


class Session:
    """Sees the face at 0.6 to 1.7 times its scale, else nothing."""

    def __init__(self, points: np.ndarray, sees: bool = True) -> None:
        self.points, self.sees, self.asked = points, sees, []

    def run(self, _: None, feeds: dict[str, np.ndarray]) -> list[Any]:
        mm = float(feeds["spacing_mm"][0])
        self.asked.append(mm)
        points, confidence = self.points, np.full(19, 0.6)
        if not (self.sees and 0.6 < mm / MM < 1.7):
            points, confidence = np.random.default_rng(0).uniform(0, 900, (19, 2)), np.full(19, 0.02)
        return [points, confidence, points + 1, confidence]


def predictor(session: Session, spacing_mm: float | None = None, judges: bool = True) -> OnnxPredictor:
    shape, rule = (SHAPE, RULE) if judges else (None, None)
    return OnnxPredictor(session, SCHEME, 0.2, (0.1, 0.1), 128, spacing_mm=spacing_mm, shape=shape, rule=rule)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("films") / "film.png"
    write_png(path, np.random.default_rng(0).integers(0, 255, SIZE, dtype=np.uint8))
    return path


def test_scale_of_a_film_of_unknown_pixel_size_is_searched(film: Path) -> None:
    session = Session(face_px())
    found = predictor(session)(film)
    assert set(found.statuses) == {"found"} and found.spacing_mm is None and len(session.asked) <= 3
    np.testing.assert_allclose(found.points_px, face_px())
    assert "pixel size unknown: mm are left empty" in found.remarks[0]


def test_told_film_is_looked_at_once_and_judged(film: Path) -> None:
    points = face_px()
    points[9] += [-200, 100]
    session = Session(points)
    found = predictor(session, MM)(film)
    assert found.with_status("doubtful") == ["L9"] and session.asked == [MM]
    assert found.points_mm[0] == pytest.approx(points[0] * MM)


def test_film_in_which_no_face_is_seen_has_no_point_to_believe(film: Path) -> None:
    for told in (None, MM):
        found = predictor(Session(face_px(), sees=False), told)(film)
        assert set(found.statuses) == {"doubtful"} and "not a face" in found.doubts
        assert any("an exported model takes a film as it lies" in remark for remark in found.remarks)


def test_model_without_a_rule_judges_nothing_and_assumes_a_scale(film: Path, caplog: pytest.LogCaptureFixture) -> None:
    session = Session(face_px())
    found = predictor(session, judges=False)(film)
    assert session.asked == [0.1] and found.remarks == () and found.status is None
    assert "pixel spacing unknown, scaled as if it were 0.1 mm" in caplog.text


def test_picture_too_small_at_any_scale(tmp_path: Path) -> None:
    write_png(tmp_path / "strip.png", np.random.default_rng(0).integers(0, 255, (2, 3000), dtype=np.uint8))
    with pytest.raises(ValueError, match=r"strip.png: expected a film that can show a face, got 2 x 3000 pixels"):
        predictor(Session(face_px()))(tmp_path / "strip.png")
