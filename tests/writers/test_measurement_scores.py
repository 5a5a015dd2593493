"""Agreement of measurements as text and CSV: rates of the challenge, and nothing where they cannot be had."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from monai_ceph.landmarks import ISBI19
from monai_ceph.metrics.reference_scores import ReferenceScores
from monai_ceph.writers.measurement_scores import AGREEMENT_COLUMNS, agreement_csv, classification_text
from tests.analysis import faces


def _scores(moved_mm: float, keep: int = 19) -> ReferenceScores:
    """Two faces whose upper incisor is found further in front than it is."""
    target = np.stack([faces.LOOKS_RIGHT, faces.LOOKS_RIGHT])
    points = target.copy()
    points[0, ISBI19.index("U1"), 0] += moved_mm
    return ReferenceScores(
        "predictions", "mean of a, b", ISBI19.symbols[:keep], ("1", "2"), points[:, :keep], target[:, :keep]
    )


def test_the_text_has_a_row_for_each_measurement_of_the_challenge_and_their_mean() -> None:
    lines = classification_text([_scores(4.0)]).splitlines()
    assert lines[0].split("  ")[0] == "success classification rate (same class) (%)"
    rows = {line.split()[0]: line.split()[1:] for line in lines[3:] if not line.startswith("-")}
    # 3.16 mm is normal; 7.07 mm is a large overjet: one of two films has another class.
    assert rows["MW"] == ["50.00", "(50.0)"] and rows["ANB"] == ["100.00", "(100.0)"]
    assert rows["mean"] == ["93.75", "(93.8)"]


def test_without_a_landmark_of_the_challenge_there_is_no_text() -> None:
    assert classification_text([_scores(0.0, keep=18)]) != ""  # the last, articulare, is not needed
    assert classification_text([_scores(0.0, keep=17)]) == ""


def test_the_csv_has_every_measurement_that_can_be_made() -> None:
    header, *rows = csv.reader(agreement_csv([_scores(1.0)]).splitlines())
    assert tuple(header) == AGREEMENT_COLUMNS and len(rows) == len(faces.RIGHT)
    by_name = {(row[2], row[3]): dict(zip(header, row, strict=True)) for row in rows}
    row = by_name["McNamara (men)", "U1 to A vertical"]
    assert (row["n"], row["mae"], row["bias"], row["classified"], row["same_percent"]) == (
        "2",
        "0.5000",
        "0.5000",
        "",
        "",
    )
    assert float(row["dahlberg"]) == pytest.approx(0.5)
    assert by_name["ISBI 2015", "MW"]["success_percent"] == "100.0000"
    assert len(list(csv.reader(agreement_csv([_scores(1.0, keep=2)]).splitlines()))) == 2  # S-N alone
