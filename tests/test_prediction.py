from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from monai_ceph.formats import write_landmarks_csv
from monai_ceph.landmarks import ISBI19, Landmark, LandmarkScheme
from monai_ceph.prediction import COLUMNS, Prediction, to_prediction

SCHEME = LandmarkScheme("three", (Landmark("S", "sella"), Landmark("N", "nasion"), Landmark("Pog'", "soft pogonion")))


def test_millimetres_follow_each_axis() -> None:
    points = np.array([[10, 20], [np.nan, np.nan], [0, 1]], dtype=np.float32)
    prediction = Prediction("a.png", SCHEME, points, np.ones(3), (0.1, 0.2), "user")
    np.testing.assert_allclose(prediction.points_mm, [[1, 4], [np.nan, np.nan], [0, 0.2]])
    assert prediction.points_mm.dtype == np.float64


def test_unknown_spacing_gives_no_millimetres() -> None:
    prediction = Prediction("a.png", SCHEME, np.ones((3, 2)), np.ones(3), None, "unknown")
    assert np.isnan(prediction.points_mm).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"points_px": np.ones((2, 2))}, r"'a.png': expected points_px of shape \(3, 2\).*'three', got \(2, 2\)"),
        ({"points_px": None}, r"expected points_px of shape \(3, 2\).*got \(\)"),
        ({"confidence": np.ones((3, 1))}, r"expected confidence of shape \(3,\)"),
        ({"extra": {"coarse_x": np.ones(4)}}, r"expected coarse_x of shape \(3,\).*got \(4,\)"),
    ],
)
def test_array_of_another_scheme_is_named(wrong: dict[str, np.ndarray], message: str) -> None:
    arguments = {"points_px": np.ones((3, 2)), "confidence": np.ones(3)} | wrong
    with pytest.raises(ValueError, match=message):
        Prediction("a.png", SCHEME, spacing_mm=None, spacing_source="unknown", **arguments)


def test_frame_has_a_row_for_each_landmark_and_the_tables_columns() -> None:
    points_px = np.array([[10.25, 20.5], [np.nan, np.nan]])
    scheme = LandmarkScheme("two", (Landmark("S", "sella"), Landmark("N", "nasion")))
    extra = {"spread_px": np.array([1.5, np.nan])}
    frame = Prediction("1.png", scheme, points_px, np.array([0.5, np.nan]), (0.1, 0.2), "user", extra).to_frame()
    assert list(frame.columns) == [*COLUMNS, "spread_px"]
    known = [column for column in frame.columns if not column.endswith("error_mm") and column != "radius90_mm"]
    assert frame[known].iloc[0].tolist() == pytest.approx(
        ["1.png", "S", 10.25, 20.5, 1.025, 4.1, 0.5, "user", "found", "", 1.5]
    )
    assert frame.iloc[1][["x_px", "y_px", "x_mm", "y_mm", "confidence", "spread_px"]].isna().all()
    assert frame[["expected_error_mm", "radius90_mm"]].isna().all(axis=None)


def test_uncertainty_is_in_the_frame_and_of_the_scheme_s_shape() -> None:
    scheme = LandmarkScheme("two", (Landmark("S", "sella"), Landmark("N", "nasion")))
    given = {"expected_error_mm": np.array([0.8, np.nan]), "radius90_mm": np.array([1.7, np.nan])}
    found = Prediction("1.png", scheme, np.ones((2, 2)), np.ones(2), (0.1, 0.2), "user", **given)
    assert found.to_frame()["radius90_mm"].tolist() == pytest.approx([1.7, np.nan], nan_ok=True)
    with pytest.raises(
        ValueError, match=r"expected covariance_mm2 of shape \(2, 2, 2\) for scheme 'two', got \(2, 2\)"
    ):
        Prediction("1.png", scheme, np.ones((2, 2)), np.ones(2), None, "unknown", covariance_mm2=np.eye(2))


def test_a_damaged_film_has_no_expected_errors() -> None:
    scheme = LandmarkScheme("one", (Landmark("S", "sella"),))
    given = {"expected_error_mm": np.ones(1), "radius90_mm": np.ones(1), "covariance_mm2": np.ones((1, 2, 2))}
    found = Prediction("1.png", scheme, np.ones((1, 2)), np.ones(1), (0.1, 0.1), "user", **given)
    damaged = found.doubted(["Corrupt JPEG data"])
    assert damaged.expected_error_mm is None and damaged.radius90_mm is None and damaged.covariance_mm2 is None


def test_frame_and_file_hold_the_same(tmp_path: Path) -> None:
    points_px = np.random.default_rng(0).uniform(0, 2000, (len(ISBI19), 2))
    prediction = Prediction("1.png", ISBI19, points_px, np.linspace(0, 1, len(ISBI19)), (0.1, 0.1), "user")
    write_landmarks_csv(tmp_path / "t.csv", [prediction])
    table = pd.read_csv(tmp_path / "t.csv").fillna({"site": ""}).astype({"site": str})
    pd.testing.assert_frame_equal(table, prediction.to_frame(), atol=5e-4, rtol=0)


def test_frame_of_unknown_spacing_has_no_mm() -> None:
    prediction = Prediction("1.png", ISBI19, np.zeros((19, 2)), np.ones(19), None, "unknown")
    assert prediction.to_frame()[["x_mm", "y_mm"]].isna().all(axis=None)


def test_no_point_of_a_film_whose_decoder_complained_is_found() -> None:
    points_px, status = np.array([[1.0, 2.0], [np.nan] * 2, [3.0, 4.0]]), ("found", "outside", "doubtful")
    judged = Prediction("a.jpg", SCHEME, points_px, np.ones(3), None, "unknown", {}, status, ("tilted",), ("scale",))
    said = judged.doubted(("JPEG: bad data", "JPEG: 3 bytes"))
    assert said.status == ("doubtful", "outside", "doubtful") and said.doubts == ("scale", "file")
    assert said.remarks == ("tilted", "the file may be damaged and its points doubtful (JPEG: bad data; JPEG: 3 bytes)")
    np.testing.assert_array_equal(said.points_px, points_px)
    assert judged.doubted(()) is judged


def test_complaint_in_the_metadata_of_an_image_doubts_its_points() -> None:
    meta = {"spacing_mm": np.full(2, 0.1), "spacing_source": "user", "filename_or_obj": "a.jpg"}
    item = {"pred_px": np.ones((3, 2)), "confidence": np.ones(3)}
    complained = {"image": SimpleNamespace(meta=meta | {"film_remarks": "JPEG: bad data"})}
    silent = {"image": SimpleNamespace(meta=meta | {"film_remarks": ""})}
    assert to_prediction(item | complained, SCHEME).statuses == ("doubtful",) * 3
    assert to_prediction(item | silent, SCHEME).statuses == ("found",) * 3
