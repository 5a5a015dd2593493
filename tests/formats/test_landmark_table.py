from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monai_ceph.formats.annotations import read_annotations
from monai_ceph.formats.landmark_table import landmarks_csv_text, write_landmarks_csv
from monai_ceph.landmarks import Landmark, LandmarkScheme
from monai_ceph.prediction import Prediction

SCHEME = LandmarkScheme("two", (Landmark("S", "sella"), Landmark("Pog'", "soft pogonion")))
FOUND = Prediction("a film.png", SCHEME, np.array([[10.25, 20.5], [3, 4]]), np.array([0.5, 1]), (0.1, 0.2), "user")
LOST = Prediction("b.dcm", SCHEME, np.full((2, 2), np.nan), np.full(2, np.nan), None, "unknown")


def test_table_is_the_contracts_letter_by_letter() -> None:
    assert landmarks_csv_text([FOUND, LOST]) == (
        "image,landmark,x_px,y_px,x_mm,y_mm,confidence,spacing_source,status,expected_error_mm,radius90_mm,site\n"
        "a film.png,S,10.250,20.500,1.0250,4.1000,0.5000,user,found,,,\n"
        "a film.png,Pog',3.000,4.000,0.3000,0.8000,1.0000,user,found,,,\n"
        "b.dcm,S,,,,,,unknown,missing,,,\n"
        "b.dcm,Pog',,,,,,unknown,missing,,,\n"
    )


def test_unknown_spacing_leaves_millimetres_empty_and_keeps_pixels() -> None:
    text = landmarks_csv_text([Prediction("a.png", SCHEME, np.ones((2, 2)), np.ones(2), None, "unknown")])
    assert text.splitlines()[1] == "a.png,S,1.000,1.000,,,1.0000,unknown,found,,,"


def test_expected_errors_are_in_the_table_to_a_thousandth() -> None:
    errors = {"expected_error_mm": np.array([0.75, np.nan]), "radius90_mm": np.array([1.23456, np.nan])}
    text = landmarks_csv_text([replace(FOUND, **errors)])
    assert [line.split(",")[-3:-1] for line in text.splitlines()[1:]] == [["0.750", "1.235"], ["", ""]]


def test_extra_columns_follow_and_are_empty_where_a_film_has_none() -> None:
    more = Prediction("c.png", SCHEME, np.ones((2, 2)), np.ones(2), None, "unknown", {"spread_px": np.array([1, 2.5])})
    rows = list(csv.DictReader(io.StringIO(landmarks_csv_text([FOUND, more]))))
    assert [row["spread_px"] for row in rows] == ["", "", "1.0000", "2.5000"]


def test_file_name_with_comma_and_quotes_survives() -> None:
    name = 'film "1", left.png'
    text = landmarks_csv_text([Prediction(name, SCHEME, np.ones((2, 2)), np.ones(2), None, "unknown")])
    assert next(csv.DictReader(io.StringIO(text)))["image"] == name


def test_extra_column_of_a_taken_name_is_refused() -> None:
    clash = Prediction("c.png", SCHEME, np.ones((2, 2)), np.ones(2), None, "unknown", {"x_mm": np.ones(2)})
    with pytest.raises(ValueError, match=r"extra columns \['x_mm'\] have names that the landmark table uses"):
        landmarks_csv_text([clash])


def test_no_films_give_a_header() -> None:
    assert (
        landmarks_csv_text([])
        == "image,landmark,x_px,y_px,x_mm,y_mm,confidence,spacing_source,status,expected_error_mm,radius90_mm,site\n"
    )


def test_the_package_reads_what_it_writes(tmp_path: Path) -> None:
    write_landmarks_csv(tmp_path / "landmarks.csv", [FOUND])
    read = read_annotations(tmp_path / "landmarks.csv", SCHEME)
    np.testing.assert_allclose(read.points_px["a film"], FOUND.points_px)
