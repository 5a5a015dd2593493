"""Labels that are well formed and odd, made from a face that none of the limits was chosen on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_ceph.data.label_plausibility import ImplausibleLabelError, check_plausible, looks_mirrored
from monai_ceph.face_shape import FaceShape
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.landmarks import ISBI19
from monai_ceph.prediction import Prediction
from tests.faces import face_shape, faces_mm

SHAPE = face_shape()
FACE_PX = faces_mm(1, seed=9)[0] * 10 + np.array([900, 1100])
"""On a film with pixels of 0.1 mm."""
SPACING_MM = (0.1, 0.1)


def proposal(points_px: np.ndarray, mirrored: bool = False, doubts: tuple[str, ...] = ()) -> Prediction:
    pose = {"working_mm": 0.1, "turn_deg": 0.0, "mirrored": float(mirrored), "inverted": 0.0, "agreement": 0.8}
    return Prediction("f.png", ISBI19, points_px, np.full(19, 0.9), SPACING_MM, "user", doubts=doubts, pose=pose)


def moved(k: int, by_px: tuple[float, float]) -> np.ndarray:
    points = FACE_PX.copy()
    points[k] += by_px
    return points


def left(points_px: np.ndarray) -> np.ndarray:
    return points_px * np.array([-1, 1]) + np.array([1800, 0])


@pytest.mark.parametrize("spacing", [SPACING_MM, None])
@pytest.mark.parametrize("unseen", [(), (3, 7, 15), range(2, 19)])
def test_face_is_accepted_with_any_number_of_unseen_landmarks(
    spacing: tuple[float, float] | None, unseen: range
) -> None:
    points = FACE_PX.copy()
    points[list(unseen)] = np.nan
    check_plausible(points, SHAPE, spacing, proposal(FACE_PX + 30))
    check_plausible(left(points), SHAPE, spacing, proposal(left(FACE_PX), mirrored=True))
    check_plausible(left(points), SHAPE, spacing)


ODD = {
    "swapped": (FACE_PX[[1, 0, *range(2, 19)]], None, "L0 L1 lie where the other landmarks leave no room"),
    "one pixel": (np.full((19, 2), 7.0), None, "do not lie as the landmarks of a face do"),
    "scattered": (np.random.default_rng(0).uniform(0, 2000, (19, 2)), None, "do not lie as the landmarks of a face do"),
    "mirrored": (left(FACE_PX), FACE_PX, "it looks to the left, but the film to the other side"),
    "in mm": (FACE_PX / 10, None, "with pixels of 0.1 mm the face is 0.098 times the usual size"),
    "in mm, no size": (FACE_PX / 10, FACE_PX, "mm from the model's proposal"),
    "another film": (FACE_PX + np.array([150, 40]), FACE_PX, "it lies 16 mm from the model's proposal"),
    "one landmark": (FACE_PX, moved(4, (350, 0)), "L4 lies more than 30 mm from the model's proposal"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_label_is_refused_with_the_reason(name: str) -> None:
    points, proposed, message = ODD[name]
    spacing = None if "no size" in name else SPACING_MM
    with pytest.raises(ImplausibleLabelError, match=f"^The label of 7: .*{message}.*send it again with force=true"):
        check_plausible(points, SHAPE, spacing, None if proposed is None else proposal(proposed), "The label of 7")


def test_proposal_that_shows_no_face_is_not_compared_with() -> None:
    nonsense = np.random.default_rng(0).uniform(0, 2000, (19, 2))
    check_plausible(FACE_PX, SHAPE, SPACING_MM, proposal(nonsense, doubts=("not a face",)))
    unjudged = Prediction("f.png", ISBI19, nonsense, np.full(19, 0.9), SPACING_MM, "user")
    check_plausible(FACE_PX, SHAPE, SPACING_MM, unjudged)


def test_without_the_shape_of_a_face_nothing_is_odd() -> None:
    check_plausible(np.full((19, 2), 7.0), None, SPACING_MM, proposal(FACE_PX))


def test_pixels_that_are_not_square() -> None:
    points = FACE_PX * np.array([1, 0.5])
    check_plausible(points, SHAPE, (0.1, 0.2), proposal(points))


def test_only_a_face_to_the_left_looks_mirrored() -> None:
    assert looks_mirrored(left(FACE_PX), SHAPE)
    assert not looks_mirrored(FACE_PX, SHAPE) and not looks_mirrored(FACE_PX, None)
    assert not looks_mirrored(np.full((19, 2), 7.0), SHAPE)


@pytest.mark.real_films
def test_no_annotation_of_two_clinics_is_odd(real_films: Path, shipped_bundle: Path) -> None:
    """The limits leave room beyond 340 annotations by four observers."""
    shape = FaceShape.of(shipped_bundle / "configs" / "face_shape.json", ISBI19.symbols)
    sources = ("isbi2015/train_senior.csv", "isbi2015/train_junior.csv", "hamedan/observer_a", "hamedan/observer_b")
    faces = [points for source in sources for points in read_annotations(real_films / source).points_px.values()]
    assert len(faces) == 340
    for points in faces:
        check_plausible(points, shape, SPACING_MM)
        check_plausible(left(points), shape)
        with pytest.raises(ImplausibleLabelError):
            check_plausible(points[[1, 0, *range(2, 19)]], shape)
