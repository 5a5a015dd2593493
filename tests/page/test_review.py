"""What is said of points while they are corrected."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from monai_ceph.face_shape import FaceShape
from monai_ceph.landmarks import ISBI19
from monai_ceph.page.review import FAR_MM, FEWEST, measured, warn
from monai_ceph.phantoms.mean_shape import MEAN_MM
from monai_ceph.prediction import annotated
from monai_ceph.predictor.bundle import default_bundle

FACE = MEAN_MM / 0.1 + 1200
SHAPE = FaceShape.of(default_bundle() / "configs" / "face_shape.json", ISBI19.symbols)


def _warned(points_px: np.ndarray, spacing_mm: tuple[float, float] | None = (0.1, 0.1)) -> list[str]:
    return [warning.symbol for warning in warn(points_px, FACE, spacing_mm, ISBI19, SHAPE)]


def test_a_usual_correction_is_not_remarked() -> None:
    assert _warned(FACE + np.random.default_rng(0).normal(0, 15, FACE.shape)) == []


def test_a_point_far_from_its_proposal_is_named_with_the_distance() -> None:
    points = FACE.copy()
    points[ISBI19.index("Go")] += (0, 10 * FAR_MM + 20)
    [warning] = [w for w in warn(points, FACE, (0.1, 0.1), ISBI19, None)]
    assert (warning.symbol, warning.text) == ("Go", "Go is 12 mm from its proposal. Is it the right landmark?")


def test_two_swapped_points_are_named_where_the_model_proposed_nothing() -> None:
    points, nothing = FACE.copy(), np.full(FACE.shape, np.nan)
    swapped = [ISBI19.index("S"), ISBI19.index("N")]
    points[swapped] = points[swapped[::-1]]
    warned = [warning.symbol for warning in warn(points, nothing, (0.1, 0.1), ISBI19, SHAPE)]
    assert {"S", "N"} & set(warned)


def test_pixels_that_are_not_square_change_nothing() -> None:
    points = FACE.copy()
    points[0] += 200
    square = warn(points, FACE, (0.1, 0.1), ISBI19, SHAPE)
    assert square and warn(points * [1, 0.5], FACE * [1, 0.5], (0.1, 0.2), ISBI19, SHAPE) == square


def test_of_a_film_of_unknown_spacing_the_face_gives_the_scale() -> None:
    points = FACE.copy()
    points[0] += 400
    assert "S" in _warned(points, None)
    points[0] = FACE[0] + 20
    assert _warned(points, None) == []


def test_landmarks_that_cannot_be_seen_are_passed_over() -> None:
    points = FACE.copy()
    points[FEWEST - 1 :] = np.nan
    assert _warned(points) == []
    assert _warned(np.full(FACE.shape, np.nan)) == []


def test_only_measurements_of_unmoved_points_have_an_interval() -> None:
    points = FACE.copy()
    points[ISBI19.index("B")] += (0, 10)
    proposal = replace(
        annotated("film.png", ISBI19, FACE), spacing_mm=(0.1, 0.1), covariance_mm2=np.tile(np.eye(2), (19, 1, 1))
    )
    rows = {row["measurement"]: row for row in measured(points, (0.1, 0.1), ISBI19, proposal)}
    assert rows["SNA"]["low90"] < rows["SNA"]["value"] < rows["SNA"]["high90"]
    assert rows["SNB"]["value"] is not None and rows["SNB"]["low90"] is None and rows["SNB"]["high90"] is None
    whole = proposal.measurements().to_frame().set_index("measurement")
    assert rows["SNA"]["low90"] == pytest.approx(whole.loc["SNA", "low90"])


def test_points_that_coincide_give_json_without_infinity() -> None:
    points = FACE.copy()
    points[ISBI19.index("N")] = points[ISBI19.index("Me")]
    rows = {row["measurement"]: row for row in measured(points, (0.1, 0.1), ISBI19)}
    assert rows["FHI"]["value"] is None  # a height of the face divided by zero
    json.dumps(list(rows.values()), allow_nan=False)
