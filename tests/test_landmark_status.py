"""What is said of films whose points are known to be right, wrong, outside or missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_ceph.landmark_status import FEATURES, Judgement, StatusRule, judge
from tests.faces import face_shape, faces_mm

SHAPE = face_shape()
RULE = StatusRule(-4.0, (-0.5, 0.0, 0.8, 0.2, 0.0), 0.3, 0.2, {"films": 3})
SIZE, MM = (1000, 1200), 0.2


def evidence(agreement: float = 0.5, inverted: float = 0.0) -> np.ndarray:
    return np.tile([0.5, 1.0, agreement, inverted, 36.0, 0.0, 4.0], (19, 1))


def face_px(turn_deg: float = 0.0, mirrored: bool = False, mm: float = MM) -> np.ndarray:
    face = faces_mm(1, seed=11)[0]
    face = (face - face.mean(0)) * [-1 if mirrored else 1, 1]
    angle = np.radians(turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return face @ turn.T / mm + np.array(SIZE) / 2


def judged(
    points: np.ndarray, spacing: float | None = MM, confidence: np.ndarray | None = None, **more: float
) -> Judgement:
    confidence = np.full(19, 0.6) if confidence is None else confidence
    spacing_mm = None if spacing is None else (spacing, spacing)
    return judge(points, confidence, evidence(**more), SIZE, spacing_mm, SHAPE, RULE)


def test_a_plain_film_is_found_without_remarks() -> None:
    said = judged(face_px())
    assert said.status == ("found",) * 19 and said.remarks == said.doubts == ()
    assert said.pose["working_mm"] == pytest.approx(MM, rel=0.2) and not said.pose["mirrored"]
    np.testing.assert_array_equal(said.points_px, face_px())


def test_a_sure_point_at_an_absurd_place_is_doubtful_and_keeps_its_place() -> None:
    points = face_px()
    points[9] += [-200, 100]
    said = judged(points)
    assert [k for k, status in enumerate(said.status) if status != "found"] == [9]
    assert said.status[9] == "doubtful" and said.points_px[9].tolist() == points[9].tolist()


def test_a_point_without_confidence_is_doubted_by_its_own_confidence() -> None:
    confidence = np.full(19, 0.6)
    confidence[3] = 0.001
    assert judged(face_px(), confidence=confidence).status[3] == "doubtful"


def test_a_landmark_that_the_others_place_off_the_film_is_outside() -> None:
    points = face_px() - [0, face_px()[1, 1] + 30]  # the second landmark is 6 mm above the film
    assert points[1, 1] == -30
    points[1] = 400, 100
    said = judged(points)
    assert said.status[1] == "outside" and np.isnan(said.points_px[1]).all()


def test_a_landmark_without_a_point_is_missing() -> None:
    points = face_px()
    points[7] = np.nan
    said = judged(points)
    assert said.status[7] == "missing" and said.status.count("found") == 18


@pytest.mark.parametrize(
    ("turn", "mirrored", "remark"),
    [
        (0, True, "the face looks to the left"),
        (90, False, "the film lies on its side, turned clockwise"),
        (-90, False, "the film lies on its side, turned anticlockwise"),
        (180, False, "the film lies upside down"),
        (20, False, "the head is tilted by "),
    ],
)
def test_orientation_of_the_film_is_reported(turn: float, mirrored: bool, remark: str) -> None:
    said = judged(face_px(turn, mirrored))
    assert said.status.count("found") == 19 and said.doubts == ()
    assert len(said.remarks) == 1 and said.remarks[0].startswith(remark)


def test_inverted_gray_is_reported() -> None:
    assert judged(face_px(), inverted=1.0).remarks == ("its gray is inverted (bone is dark)",)


def test_an_unknown_pixel_size_gives_a_working_scale_and_no_mm() -> None:
    [remark] = judged(face_px(), spacing=None).remarks
    assert remark.startswith("pixel size unknown: mm are left empty; working scale 0.")


def test_dots_per_inch_are_a_suggestion_where_they_fit() -> None:
    def remarks(suggested_mm: float) -> str:
        said = judge(face_px(), np.full(19, 0.6), evidence(), SIZE, None, SHAPE, RULE, suggested_mm)
        return said.remarks[0]

    assert remarks(0.2117).endswith("; the file's dots per inch would fit: --spacing 0.2117")
    assert remarks(0.0847).endswith("if the face has the usual size")


def test_a_pixel_size_that_makes_a_giant_is_doubted_with_one_that_would_fit() -> None:
    said = judged(face_px(), spacing=2.2 * MM)
    assert said.doubts == ("scale",) and said.status.count("found") == 19
    assert "times the usual size (about 0." in said.remarks[0] and "with pixels of 0.44 mm" in said.remarks[0]


def test_pixels_that_are_not_square() -> None:
    points = face_px() * [1, 0.5]
    said = judge(points, np.full(19, 0.6), evidence(), (1000, 600), (MM, 2 * MM), SHAPE, RULE)
    assert said.status == ("found",) * 19


def test_without_a_face_every_point_is_doubtful() -> None:
    said = judged(face_px(), agreement=0.1)
    assert set(said.status) == {"doubtful"} and said.doubts == ("not a face",) and said.pose == {}
    assert said.remarks == ("no face was seen as on a lateral cephalogram, so no point is reliable",)


def test_a_file_holds_the_rule(tmp_path: Path) -> None:
    RULE.write(tmp_path / "rule.json")
    assert StatusRule.read(tmp_path / "rule.json") == RULE
    assert StatusRule.of(tmp_path / "none.json") is None
    (tmp_path / "other.json").write_text('{"weights": {}}')
    with pytest.raises(ValueError, match=r"Cannot read a status rule from '.*other.json' \(KeyError: 'confidence'\)"):
        StatusRule.read(tmp_path / "other.json")


def test_the_chance_grows_with_the_distance() -> None:
    features = np.zeros((3, len(FEATURES)))
    features[:, FEATURES.index("off_shape")] = 0, 5, 8
    chance = RULE.chance_wrong(features)
    assert chance[0] == pytest.approx(1 / (1 + np.exp(4))) and (np.diff(chance) > 0).all()
