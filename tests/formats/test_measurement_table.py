"""The table of measurements: one row each, empty cells for the unknown, remarks on landmarks that were not found."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np

from monai_ceph.analysis import MEASUREMENTS
from monai_ceph.formats.measurement_table import MEASUREMENT_COLUMNS, measurements_csv_text
from monai_ceph.landmarks import ISBI19
from monai_ceph.prediction import annotated
from tests.analysis import faces


def test_the_table_has_norm_z_class_and_empty_cells_for_the_unknown() -> None:
    face = replace(annotated("a, b.png", ISBI19, faces.LOOKS_RIGHT), spacing_mm=(1.0, 1.0))
    header, *rows = csv.reader(measurements_csv_text([face]).splitlines())
    assert tuple(header) == MEASUREMENT_COLUMNS and len(rows) == len(MEASUREMENTS)
    by_name = {(row[1], row[2]): row for row in rows}
    assert by_name["Downs", "convexity"] == [
        *("a, b.png", "Downs", "convexity", "-1.64", "deg", "0", "5.09", "-0.32"),
        *("", "", "", "", ""),
    ]
    assert by_name["ISBI 2015", "MW"][3:] == ["3.16", "mm", "", "", "", "", "", "1", "normal", ""]
    assert by_name["Steiner", "L1 to N-B"][5:8] == ["4", "", ""]


def test_the_interval_follows_from_the_uncertainty_of_the_points() -> None:
    covariance = np.tile(0.25 * np.eye(2), (19, 1, 1))
    face = annotated("face.png", ISBI19, faces.LOOKS_RIGHT)
    face = replace(face, spacing_mm=(1.0, 1.0), covariance_mm2=covariance)
    rows = [row[1:] for row in csv.reader(measurements_csv_text([face]).splitlines())]
    [s_n] = [row for row in rows if row[:2] == ["Jarabak", "S-N"]]
    assert s_n[7:9] == ["68.84", "71.16"]  # 70 -+ 1.645 times the root of 2 * 0.25


def test_what_rests_on_a_landmark_that_was_not_found_says_so() -> None:
    points = faces.LOOKS_RIGHT.copy()
    points[ISBI19.index("Ar")] = np.nan
    status = ["found"] * 19
    status[ISBI19.index("A")], status[ISBI19.index("Ar")] = "doubtful", "missing"
    face = replace(annotated("face.png", ISBI19, points), status=tuple(status))
    remarks = dict(zip(face.measurements().names, face.measurements().remarks, strict=True))
    assert remarks["Steiner", "SNA"] == "A doubtful" and remarks["Steiner", "SNB"] == ""
    assert remarks["Jarabak", "saddle angle"] == "no point Ar"
