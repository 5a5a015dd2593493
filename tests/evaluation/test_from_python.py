"""evaluate and compare called from Python: they return a result and print nothing."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from monai_ceph import evaluate
from monai_ceph.evaluation import compare
from monai_ceph.formats import Annotations
from monai_ceph.landmarks import ISBI19, Landmark, LandmarkScheme
from monai_ceph.prediction import Prediction
from monai_ceph.writers.evaluation_files import summary_csv

FILMS = ("001", "002", "003", "004")
N = len(ISBI19)


@pytest.fixture(autouse=True)
def silent(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    assert capfd.readouterr() == ("", "")


def truth() -> Annotations:
    return Annotations("anna", ISBI19, {film: np.full((N, 2), 500.0) for film in FILMS})


def predictions(*offsets_px: float) -> list[Prediction]:
    """Return predictions whose points are shifted right by a given offset on each film."""
    return [
        Prediction(f"{film}.png", ISBI19, np.tile([500.0 + offset, 500.0], (N, 1)), np.ones(N), None, "unknown")
        for film, offset in zip(FILMS, offsets_px, strict=True)
    ]


def test_predictions_in_memory_are_scored() -> None:
    evaluation = evaluate(predictions(10, 10, 30, 30), [truth()], spacing_mm=0.1)
    [scores] = evaluation.scores
    assert (scores.reference, scores.films, evaluation.references) == ("anna", FILMS, ("anna",))
    assert scores.summary["overall"]["mre"] == pytest.approx(2.0)
    assert scores.summary["overall"]["sdr_percent"]["2"] == 50


def test_frame_and_summary_file_agree() -> None:
    evaluation = evaluate(predictions(10, 10, 30, 35), [truth()], spacing_mm=0.1)
    frame, rows = evaluation.to_frame(), list(csv.DictReader(io.StringIO(summary_csv(evaluation))))
    assert len(frame) == len(rows) == (N + 1) * 9
    for expected, row in zip(rows, frame.to_dict("records"), strict=True):
        assert [row[name] for name in ("landmark", "figure")] == [expected[name] for name in ("landmark", "figure")]
        for name in ("value", "low", "high"):
            number = float(expected[name] or math.nan)
            assert row[name] == pytest.approx(number, abs=5.1e-5, nan_ok=True)


def test_predictions_in_memory_are_compared() -> None:
    pytest.importorskip("scipy")
    paired = compare(predictions(10, 10, 10, 10), predictions(20, 20, 20, 30), [truth()], spacing_mm=0.1)
    frame = paired.to_frame()
    overall = frame[(frame["landmark"] == "all") & (frame["statistic"] == "mre_mm")].iloc[0]
    assert (paired.a, paired.b, overall["n"]) == ("A", "B", 4 * N)
    assert overall[["a", "b", "difference"]].tolist() == pytest.approx([1.0, 2.25, 1.25])
    assert len(frame) == 2 * (N + 1)


def test_pandas_tables_are_scored_as_the_same_points_in_memory() -> None:
    predicted = predictions(10, 10, 30, 30)
    expected = evaluate(predicted, [truth()], spacing_mm=0.1)
    points = [(f"{film}.png", symbol, 500.0, 500.0) for film in FILMS for symbol in ISBI19.symbols]
    reference = pd.DataFrame(points, columns=["image", "landmark", "x_px", "y_px"])
    frames = pd.concat([prediction.to_frame() for prediction in predicted])
    evaluation = evaluate(frames, [reference, reference], spacing_mm=0.1)
    assert evaluation.references == ("reference 1", "reference 2")
    assert evaluation.scores[0].summary == expected.scores[0].summary


def test_pandas_table_without_a_landmark_column_is_refused() -> None:
    frame = predictions(1, 1, 1, 1)[0].to_frame().drop(columns="landmark")
    with pytest.raises(ValueError, match="predictions: expected the columns image,landmark,x_px,y_px"):
        evaluate(frame, [truth()], spacing_mm=0.1)


def test_two_predictions_of_one_film_are_refused() -> None:
    with pytest.raises(ValueError, match="There are two predictions of the film '001'"):
        evaluate(predictions(1, 1, 1, 1) * 2, [truth()], spacing_mm=0.1)


def test_points_of_another_scheme_are_refused() -> None:
    other = LandmarkScheme("one", (Landmark("S", "sella"),))
    with pytest.raises(ValueError, match="'bert' has the landmarks of 'one', not of 'isbi19'"):
        evaluate(predictions(1, 1, 1, 1), [Annotations("bert", other, {"001": np.zeros((1, 2))})], spacing_mm=0.1)
