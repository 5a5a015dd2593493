"""What a phantom clinic means by each landmark is found again; a clinic like the model loses nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monai_ceph.landmarks import ISBI19
from monai_ceph.phantoms.mean_shape import MEAN_MM
from monai_ceph.prediction import Prediction
from monai_ceph.site import SiteError, estimate_site
from monai_ceph.site.estimate import mean_face, remaining_offsets, shrunk_bias
from tests.faces import faces_mm

N = len(ISBI19)
SPACING = 0.1
PLANTED_MM = np.random.default_rng(3).normal(0, 2.0, (N, 2))
"""Predicted minus annotated, in the frame of an upright face that looks to the right."""
TURN = np.array([[0.0, -1.0], [1.0, 0.0]])
MIRROR = np.array([[-1.0, 0.0], [0.0, 1.0]])


def clinic(
    films: int,
    planted_mm: np.ndarray = PLANTED_MM,
    spread_mm: float = 0.5,
    seed: int = 0,
    lay: np.ndarray | None = None,
) -> tuple[list[Prediction], list[np.ndarray]]:
    """Return predictions of films and the clinic's points; every third film may lie in another way."""
    random = np.random.default_rng(seed)
    predictions, annotated = [], []
    for k, face in enumerate(faces_mm(films, seed=seed)):
        way = lay if lay is not None and k % 3 == 2 else np.eye(2)
        offsets = planted_mm + random.normal(0, spread_mm, (N, 2))
        points = face @ way.T / SPACING + 3000
        predictions.append(Prediction(f"{k}.png", ISBI19, points, np.full(N, 0.8), (SPACING, SPACING), "user"))
        annotated.append(points - offsets @ way.T / SPACING)
    return predictions, annotated


@pytest.mark.parametrize("lay", [None, TURN, MIRROR, TURN @ MIRROR], ids=["upright", "turned", "mirrored", "both"])
def test_planted_offset_is_found_however_the_films_lie(lay: np.ndarray | None) -> None:
    estimate = estimate_site(*clinic(12, lay=lay), "ab", "2026-01-31")
    # Heads are tilted by 4 degrees; the spread of 0.5 mm on 12 films leaves 0.14 mm an axis.
    assert np.abs(estimate.site.shift_mm + PLANTED_MM).max() < 0.8
    assert np.abs(estimate.site.shift_mm + PLANTED_MM).mean() < 0.25
    before, after = (errors.mean() for errors in estimate.errors_mm)
    assert estimate.helps and after < 0.4 * before


def test_unseen_films_of_the_clinic_become_better() -> None:
    estimate = estimate_site(*clinic(5), "ab", "2026-01-31")
    predictions, annotated = clinic(20, seed=9, lay=MIRROR)
    errors = [
        [np.linalg.norm(p.points_px - a, axis=1).mean() * SPACING for p in (raw, estimate.site.apply(raw))]
        for raw, a in zip(predictions, annotated, strict=True)
    ]
    before, after = np.mean(errors, axis=0)
    assert after < 0.5 * before


@pytest.mark.parametrize("films", [3, 5, 10])
def test_clinic_that_marks_where_the_model_does_is_not_harmed(films: int) -> None:
    random = np.random.default_rng(0)
    changes = []
    for _ in range(100):
        offsets, unseen = random.normal(0, 0.8, (films, N, 2)), random.normal(0, 0.8, (200, N, 2))
        helps = np.linalg.norm(remaining_offsets(offsets), axis=-1).mean() < np.linalg.norm(offsets, axis=-1).mean()
        moved = unseen - shrunk_bias(offsets).offset_mm * helps
        changes.append(np.linalg.norm(moved, axis=-1).mean() - np.linalg.norm(unseen, axis=-1).mean())
    assert np.mean(changes) < 0.01 and max(changes) < 0.15  # of an error of 1 mm


def test_weight_against_the_formula_by_hand() -> None:
    offsets = np.array([[[2.0, 0.0], [0.0, 0.0]], [[4.0, 0.0], [0.0, 1.0]], [[3.0, 3.0], [0.0, 2.0]]])
    bias = shrunk_bias(offsets)
    variances = np.array([[4 + 2, 4 + 6], [4 + 0, 4 + 2]]) / 6 / 3  # (4 usual + squares) / (4 + 3 - 1) / 3 films
    own = np.array([10, 1]) - variances.sum(1)
    believed = (own + 4 * own.mean()) / 5
    np.testing.assert_allclose(bias.bias_mm, [[3, 1], [0, 1]])
    np.testing.assert_allclose(bias.error_mm, np.sqrt(variances))
    np.testing.assert_allclose(bias.weight, believed / (believed + variances.sum(1)))


def test_landmark_that_no_film_has_is_not_moved() -> None:
    predictions, annotated = clinic(4)
    for points in annotated:
        points[5] = np.nan
    site = estimate_site(predictions, annotated, "ab", "2026-01-31").site
    assert site.films.tolist() == [4] * 5 + [0] + [4] * 13
    assert site.shift_mm[5].tolist() == [0.0, 0.0]
    assert site.apply(predictions[0]).points_px[5].tolist() == predictions[0].points_px[5].tolist()


def test_doubtful_landmarks_are_left_out() -> None:
    predictions, annotated = clinic(4)
    status = ("doubtful",) + ("found",) * (N - 1)
    predictions[1] = replace(predictions[1], status=status)
    assert estimate_site(predictions, annotated, "ab", "2026-01-31").site.films[:2].tolist() == [3, 4]


def test_mean_face_of_mostly_turned_faces_is_turned_like_them() -> None:
    turned = MEAN_MM @ TURN.T
    mean, fits = mean_face([MEAN_MM, turned, turned + 5], [np.ones(N)] * 3)
    assert [round(fit.turn_deg) for fit in fits] == [-90, 0, 0]
    np.testing.assert_allclose(mean, turned - turned.mean(0), atol=1e-6)


def test_too_few_films() -> None:
    with pytest.raises(SiteError, match=r"Expected at least 3 annotated films, got 2; annotate more"):
        estimate_site(*clinic(2), "ab", "2026-01-31")


def test_annotations_of_each_other_are_named() -> None:
    predictions, annotated = clinic(5)
    annotated[1], annotated[3] = annotated[3], annotated[1]
    with pytest.raises(SiteError, match=r"'1\.png': half of its .* the annotation of another film; it fits '3\.png'"):
        estimate_site(predictions, annotated, "ab", "2026-01-31")


def test_annotations_in_mm_are_named() -> None:
    predictions, annotated = clinic(3)
    with pytest.raises(SiteError, match=r"'0\.png': the annotated face is 0\.\d+ times as large .* not in mm"):
        estimate_site(predictions, [points * SPACING for points in annotated], "ab", "2026-01-31")


def test_swapped_landmarks_are_left_out_and_named() -> None:
    predictions, annotated = clinic(5)
    annotated[2][[0, 7]] = annotated[2][[7, 0]]
    estimate = estimate_site(predictions, annotated, "ab", "2026-01-31")
    assert [remark.split(" is annotated")[0] for remark in estimate.remarks] == [
        "'2.png': landmark S",
        "'2.png': landmark Me",
    ]
    assert estimate.site.films[[0, 1, 7]].tolist() == [4, 5, 4]


def test_films_that_cannot_be_used_are_named() -> None:
    predictions, annotated = clinic(3)

    def refused(**change: object) -> str:
        with pytest.raises(SiteError) as error:
            changed = replace(predictions[1], **change)  # type: ignore[arg-type]
            estimate_site([predictions[0], changed, predictions[2]], annotated, "ab", "2026-01-31")
        return str(error.value)

    assert refused(spacing_mm=None) == "'1.png': its pixel size is unknown; give it with --spacing MM."
    assert refused(doubts=("not a face",)) == "'1.png': the model sees no face on it; leave it out."
    scale = "with pixels of 1 mm the face is 10 times the usual size (about 0.1 mm would fit): check the pixel size"
    assert refused(doubts=("scale",), remarks=(scale,)) == f"'1.png': {scale}."
    assert "'1.png': its points were moved by 'site.json 12ab'" in refused(site="site.json 12ab")


def test_table_names_each_landmark() -> None:
    table = estimate_site(*clinic(4), "ab", "2026-01-31").to_frame()
    assert table.landmark.tolist() == list(ISBI19.symbols)
    np.testing.assert_allclose(table.shift_mm, np.hypot(table.x_mm, table.y_mm))
