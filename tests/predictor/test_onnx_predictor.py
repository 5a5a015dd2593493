"""What the onnx backend makes of a model's answers; the model is a stand-in that knows the film's true pose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_ceph.data.film import FilmInfo
from monai_ceph.film_pose import Orientation
from monai_ceph.landmarks import Landmark, LandmarkScheme
from monai_ceph.phantoms.writing import write_png
from monai_ceph.prediction import Prediction
from monai_ceph.predictor.onnx_predictor import OnnxPredictor
from tests.analysis.test_uncertainty import table
from tests.faces import SYMBOLS
from tests.test_landmark_status import RULE, SHAPE
from tests.test_landmark_status import face_px as face_in

SCHEME = LandmarkScheme("drawn", tuple(Landmark(symbol, symbol) for symbol in SYMBOLS))
SIZE, MM = (480, 560), 0.4
STEP = 1000.0


def face_px() -> np.ndarray:
    points = face_in(mm=MM)
    return points - points.mean(0) + np.array(SIZE) / 2


def coordinate_film(size: tuple[int, int] = SIZE) -> np.ndarray:
    """(X, Y): every gray value tells its place."""
    x, y = np.ogrid[: size[0], : size[1]]
    return (1.0 + x + STEP * y).astype(np.float32)


class Session:
    """Sees the face of a telling film if it is upright, faces right, has bright bone, and has 0.6 to 1.7 of its size.

    Args:
        points_px: (N, 2), the truth, pixels of the film.
        axes: (2, 2), a step in the upright film -> a step in the film as stored.
        misled: which landmark the global stage sees 40 mm off.
    """

    def __init__(
        self, points_px: np.ndarray, axes: np.ndarray | None = None, sees: bool = True, misled: int | None = None
    ) -> None:
        self.points, self.axes, self.sees, self.misled = points_px, np.eye(2) if axes is None else axes, sees, misled
        self.asked: list[float] = []

    def run(self, _: None, feeds: dict[str, np.ndarray]) -> list[Any]:
        film, mm = feeds["film"][0, 0].astype(np.float64), float(feeds["spacing_mm"][0])
        self.asked.append(mm)
        inverted = film[0, 0] < 0
        middle = np.array(film.shape) // 2
        places = [self._place(abs(film[tuple(middle + step)])) for step in ([0, 0], [1, 0], [0, 1])]
        steps = np.stack([places[1] - places[0], places[2] - places[0]], 1)
        points = middle + (self.points - places[0]) @ np.linalg.inv(steps).T
        scale = mm / MM / np.hypot(*steps[:, 0])
        upright = (self.axes.T @ steps).diagonal().min() > 0.5
        confidence = np.full(19, 0.6)
        if not (self.sees and upright and not inverted and 0.6 < scale < 1.7):
            points, confidence = np.random.default_rng(0).uniform(0, 400, (19, 2)), np.full(19, 0.02)
        coarse = points + 1
        if self.misled is not None:
            coarse[self.misled] += 40 / mm
        start = feeds.get("start_px", coarse)
        near = np.hypot(*(start - points).T) * mm < 13
        found = np.where(near[:, None], points, start), np.where(near, confidence, 0.01)
        spread = np.tile([9.0, 0.0, 4.0], (19, 1))
        return [*found, coarse, confidence, spread]

    @staticmethod
    def _place(gray: float) -> np.ndarray:
        y = np.floor((gray - 1) / STEP * 2) / 2  # blocks of pixels have their middle at whole or half rows
        return np.array([gray - 1 - STEP * y, y])


def predictor(session: Session, spacing_mm: float | None = None, judges: bool = True) -> OnnxPredictor:
    shape, rule = (SHAPE, RULE) if judges else (None, None)
    options = {"spacing_mm": spacing_mm, "shape": shape, "rule": rule, "table": table()}
    system = OnnxPredictor(session, Path("model.onnx"), SCHEME, 0.2, (0.1, 0.1), 128, 0.2 / 0.3, **options)
    system.coarse_session = session
    return system


def found_in(film: np.ndarray, session: Session, known_mm: float | None, orientation: int = 1) -> Prediction:
    spacing = None if known_mm is None else (known_mm, known_mm)
    info = FilmInfo(spacing, "user" if spacing else "unknown", orientation=orientation)
    return predictor(session).predict({"image": film, "info": info, "name": "film"})


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("films") / "film.png"
    write_png(path, np.random.default_rng(0).integers(0, 255, SIZE, dtype=np.uint8))
    return path


@pytest.mark.parametrize("known_mm", [None, 0.07, 3.0])
def test_scale_that_is_unknown_or_wrong_is_searched(known_mm: float | None) -> None:
    found = found_in(coordinate_film(), Session(face_px()), known_mm)
    np.testing.assert_allclose(found.points_px, face_px(), atol=0.2)
    if known_mm is None:
        assert set(found.statuses) == {"found"} and "pixel size unknown: mm are left empty" in found.remarks[0]
    else:
        assert "scale" in found.doubts


def test_film_of_known_scale_is_looked_at_once_and_judged() -> None:
    session = Session(face_px())
    found = found_in(coordinate_film(), session, MM)
    assert set(found.statuses) == {"found"} and session.asked == [MM] and found.remarks == ()
    assert found.points_mm[0] == pytest.approx(face_px()[0] * MM)
    assert found.expected_error_mm == pytest.approx(np.full(19, MM * np.sqrt(13) + 0.05))


@pytest.mark.parametrize("known_mm", [None, MM])
@pytest.mark.parametrize(
    ("orientation", "remark"),
    [
        (Orientation(0, mirrored=True), "the face looks to the left"),
        (Orientation(1), "the film lies on its side, turned clockwise"),
        (Orientation(2), "the film lies upside down"),
        (Orientation(0, inverted=True), "its gray is inverted (bone is dark)"),
    ],
)
def test_film_in_another_orientation_is_found_and_reported(
    orientation: Orientation, remark: str, known_mm: float | None
) -> None:
    axes = orientation.axes()
    size = SIZE[::-1] if orientation.quarter_turns % 2 else SIZE
    points = (face_px() - np.array(SIZE) / 2) @ axes.T + np.array(size) / 2
    film = coordinate_film(size) * (-1 if orientation.inverted else 1)
    found = found_in(film, Session(points, axes), known_mm)
    np.testing.assert_allclose(found.points_px, points, atol=0.2)
    assert found.remarks[0] == remark and found.pose["inverted"] == float(orientation.inverted)
    assert (found.covariance_mm2 is None) == (known_mm is None)


def test_film_is_looked_at_first_as_its_tag_says() -> None:
    axes = Orientation.of_tag(6).axes()
    points = (face_px() - np.array(SIZE) / 2) @ axes.T + np.array(SIZE[::-1]) / 2
    session = Session(points, axes)
    found = found_in(coordinate_film(SIZE[::-1]), session, MM, orientation=6)
    np.testing.assert_allclose(found.points_px, points, atol=0.2)
    assert len(session.asked) == 2 and "viewers turn it by its orientation tag" in found.remarks[-1]


def test_point_that_the_global_stage_misplaces_is_looked_for_where_the_face_has_it() -> None:
    found = found_in(coordinate_film(), Session(face_px(), misled=9), MM)
    np.testing.assert_allclose(found.points_px, face_px(), atol=0.2)


def test_film_in_which_no_face_is_seen_has_no_point_to_believe() -> None:
    for known_mm in (None, MM):
        found = found_in(coordinate_film(), Session(face_px(), sees=False), known_mm)
        assert set(found.statuses) == {"doubtful"} and "not a face" in found.doubts
        assert found.expected_error_mm is None


def test_model_without_a_rule_judges_nothing_and_assumes_a_scale(film: Path, caplog: pytest.LogCaptureFixture) -> None:
    session = Session(face_px())
    alone = predictor(session, judges=False)
    found = alone.predict({**alone.load(film), "image": coordinate_film()})
    assert session.asked == [0.1] and found.remarks == () and found.status is None
    assert "pixel spacing unknown, scaled as if it were 0.1 mm" in caplog.text


def test_picture_too_small_at_any_scale(tmp_path: Path) -> None:
    write_png(tmp_path / "strip.png", np.random.default_rng(0).integers(0, 255, (2, 3000), dtype=np.uint8))
    with pytest.raises(ValueError, match=r"Expected a film that can show a face, got 2 x 3000 pixels"):
        predictor(Session(face_px()))(tmp_path / "strip.png")
