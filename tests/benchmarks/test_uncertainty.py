"""Measuring what expected errors are worth, on drawn errors of known distribution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")

from benchmarks.uncertainty import (
    area_under_curve,
    bins_of,
    judged,
    judged_by_others,
    judged_with_site_file,
    rows_of,
    within_landmark,
    without_offsets,
)
from monai_ceph.analysis.uncertainty import FEATURES
from monai_ceph.analysis.uncertainty_fit import fit_uncertainty
from monai_ceph.atomic import file_sha256
from tests.analysis.test_uncertainty_fit import drawn
from tools.uncertainty import ended_folds, joined, predicted


def test_area_is_the_share_of_pairs_in_the_right_order() -> None:
    random = np.random.default_rng(0)
    values, wrong = random.integers(0, 5, 40).astype(float), random.random(40) < 0.3
    pairs = [(a > b) + 0.5 * (a == b) for a in values[wrong] for b in values[~wrong]]
    assert area_under_curve(values, wrong) == pytest.approx(np.mean(pairs))
    assert np.isnan(area_under_curve(values, np.zeros(40, dtype=bool)))


def test_pairs_of_other_landmarks_and_parts_do_not_count() -> None:
    values = np.array([[0.0, 10.0], [1.0, 11.0], [5.0, 0.0], [4.0, 1.0]])
    wrong = np.array([[False, True], [True, False], [False, False], [True, True]])
    assert within_landmark(values, wrong, np.array([0, 0, 1, 1])) == pytest.approx((1 + 0 + 0 + 1) / 4)


def test_offset_of_a_film_comes_from_the_other_films() -> None:
    films = drawn(3, seed=0)
    found = without_offsets(films).errors_mm
    assert found[0] == pytest.approx(films.errors_mm[0] - films.errors_mm[1:].mean(0))


def test_rows_of_exchangeable_films_say_what_was_promised() -> None:
    known = drawn(150, seed=1)
    [row, *others] = rows_of("b", "held out", judged_by_others(known, tuple("ABCD"), plain=True))
    cover_90 = float(row[-4])
    assert row[2] == "expected error" and row[3:5] == [150, 600]
    assert float(row[5]) == pytest.approx(float(row[6]), rel=0.1) and 86 < cover_90 < 95
    assert [other[2] for other in others] == ["confidence", "heatmap spread"] and others[0][-1] == ""


def test_groups_hold_all_points_and_grow() -> None:
    known = drawn(50, seed=2)
    bins = bins_of("b", "films", judged(known, fit_uncertainty(known, "", tuple("ABCD"))))
    assert sum(row[-1] for row in bins) == 200
    assert [float(row[2]) for row in bins] == sorted(float(row[2]) for row in bins)


def test_films_are_predicted_again_only_for_other_weights_or_features(tmp_path: Path) -> None:
    weights = tmp_path / "model.pt"
    weights.write_bytes(b"some weights")
    made = {**drawn(4, seed=3)._asdict(), "weights": file_sha256(weights), "names": list(FEATURES)}
    np.savez(tmp_path / "fold0.npz", **made)
    np.savez(tmp_path / "older.npz", **{**made, "names": [*FEATURES[1:], "another"]})
    np.savez(tmp_path / "unnamed.npz", **drawn(4, seed=3)._asdict())

    def load() -> None:
        raise LookupError("predicted again")

    assert len(predicted(tmp_path / "fold0.npz", [], load, weights).films) == 4  # type: ignore[arg-type]
    for name in ("older", "unnamed"):
        with pytest.raises(LookupError):
            predicted(tmp_path / f"{name}.npz", [], load, weights)  # type: ignore[arg-type]
    weights.write_bytes(b"new weights")
    with pytest.raises(LookupError):
        predicted(tmp_path / "fold0.npz", [], load, weights)  # type: ignore[arg-type]


def test_site_file_takes_the_offset_off_and_says_what_is_left() -> None:
    known = drawn(40, seed=6)
    offset = np.einsum("fij,j->fi", known.face_axes, [6.0, 0.0])[:, None]
    table = fit_uncertainty(known, "", tuple("ABCD"))
    away = known._replace(errors_mm=known.errors_mm + offset)
    sure, unsure = (judged_with_site_file(away, table, 3, certain) for certain in (True, False))
    assert judged(away, table).inside["cover_90"].mean() < 0.3
    assert sure.error == pytest.approx(unsure.error)
    assert sure.inside["cover_90"].mean() < unsure.inside["cover_90"].mean()
    assert unsure.inside["cover_90"].mean() == pytest.approx(0.9, abs=0.05)
    assert (unsure.expected > sure.expected).all()


def test_films_of_two_folds_stay_apart() -> None:
    both = joined([drawn(3, seed=4), drawn(3, seed=5)])
    assert len(set(both.films.tolist())) == 6


def test_fold_that_has_not_ended_is_left_out(tmp_path: Path) -> None:
    for fold in (0, 2):
        (tmp_path / str(fold)).mkdir()
        (tmp_path / str(fold) / "model.pt").touch()
    (tmp_path / "2" / "train.json").touch()
    assert ended_folds(tmp_path) == [2]
