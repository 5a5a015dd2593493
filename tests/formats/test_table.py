"""The two kinds of CSV."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_ceph.formats.points import AnnotationError
from monai_ceph.formats.table import read_table
from monai_ceph.landmarks import ISBI19, Landmark, LandmarkScheme

AB = LandmarkScheme("ab", (Landmark("A", "a"), Landmark("B", "b")))
PROJECT = "image,landmark,x_px,y_px,x_mm,y_mm,confidence\n"
KAGGLE = "image_path,1_x,1_y,2_x,2_y\n"


def table(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "points.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_project_table(tmp_path: Path) -> None:
    text = PROJECT + "1.png,B,3,4.5,,,\n1.png,A,1,2,0.1,0.2,0.9\n2.png,A,5,6,,,\n2.png,B,,,,,\n"
    points, problems = read_table(table(tmp_path, text), AB)
    np.testing.assert_array_equal(points["1"], [[1, 2], [3, 4.5]])
    np.testing.assert_array_equal(points["2"], [[5, 6], [np.nan, np.nan]])
    assert problems == [f"{tmp_path / 'points.csv'}, film '2': landmark B is missing."]


def test_project_table_with_other_columns_in_another_order(tmp_path: Path) -> None:
    text = "note,y_px,x_px,landmark,image\nhello,2,1,A,1.png\n,4,3,B,1.png\n"
    np.testing.assert_array_equal(read_table(table(tmp_path, text), AB)[0]["1"], [[1, 2], [3, 4]])


def test_landmark_whose_symbol_is_an_apostrophe_away_from_another(tmp_path: Path) -> None:
    rows = "".join(f"1.png,{symbol},{k},{2 * k},,,\n" for k, symbol in enumerate(ISBI19.symbols))
    points, problems = read_table(table(tmp_path, PROJECT + rows), ISBI19)
    np.testing.assert_array_equal(points["1"], [[k, 2 * k] for k in range(len(ISBI19))])
    assert problems == []


def test_project_table_with_a_doubled_point(tmp_path: Path) -> None:
    text = PROJECT + "1.png,A,1,2,,,\n1.png,A,1,3,,,\n1.png,B,3,4,,,\n1.png,B,3,4,,,\n"
    points, problems = read_table(table(tmp_path, text), AB)
    np.testing.assert_array_equal(points["1"], [[np.nan, np.nan], [3, 4]])
    assert len(problems) == 1 and "film '1': landmark A is given 2 times" in problems[0]


def test_kaggle_table(tmp_path: Path) -> None:
    points, problems = read_table(table(tmp_path, KAGGLE + "001.jpg,1,2,3,4\na/002.jpg,5,6,,\n"), AB)
    np.testing.assert_array_equal(points["001"], [[1, 2], [3, 4]])
    np.testing.assert_array_equal(points["002"], [[5, 6], [np.nan, np.nan]])
    assert len(problems) == 1 and "film '002': landmark B is missing" in problems[0]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_endings_byte_order_mark_and_blank_lines(tmp_path: Path, end: str, mark: str) -> None:
    text = mark + end.join([KAGGLE.strip(), "001.jpg,1, 2,3,4", "", " , , , , ", "002.jpg,5,6,7,8", ""])
    points, problems = read_table(table(tmp_path, text), AB)
    assert sorted(points) == ["001", "002"] and problems == []
    np.testing.assert_array_equal(points["002"], [[5, 6], [7, 8]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"the table is empty; expected a header"),
        (KAGGLE, r"the table has a header but no row"),
        (KAGGLE + "001.jpg,1,2,3\n", r"line 2: expected 5 cells like the header, got 4"),
        (KAGGLE + "001.jpg,1,2,3,4\n\n002.jpg,1,2,3,4,5\n", r"line 4: expected 5 cells like the header, got 6"),
        (KAGGLE + "001.jpg,1,2,3,four\n", r"line 2, landmark B: expected a number of pixels, got 'four'"),
        (KAGGLE + "001.jpg,nan,nan,3,4\n", r"line 2, landmark A: expected a number of pixels, got 'nan'"),
        (KAGGLE + "001.jpg,1,2,inf,4\n", r"line 2, landmark B: expected a number of pixels, got 'inf'"),
        (KAGGLE + "001.jpg,1,,3,4\n", r"line 2, landmark A: expected a number of pixels, got ''"),
        (KAGGLE + ",1,2,3,4\n", r"line 2: the name of the film is empty"),
        (KAGGLE + "001.jpg,1,2,3,4\n001.png,1,2,3,4\n", r"line 3: film '001' is in line 2 already"),
        ("image_path,1_x,1_y\n001.jpg,1,2\n", r"for the 2 landmarks of scheme 'ab', got a header with 1 landmarks"),
        (PROJECT + "1.png,C,1,2,,,\n", r"line 2: scheme 'ab' has no landmark 'C'; it has A B"),
        (PROJECT + "1.png,A,1,x,,,\n", r"line 2: expected a number of pixels, got 'x'"),
        (PROJECT + "1.png,A,1,2,,,\n1.jpg,B,1,2,,,\n", r"line 3: '1.jpg' and '1.png' are the same film name"),
        ("image;landmark;x_px;y_px\n1.png;A;1;2\n", r"separated by commas, got the header 'image;landmark;x_px;y_px'"),
        ("a,b\n1,2\n", r"expected the columns image,landmark,x_px,y_px or image_path,1_x,1_y"),
        ("image,landmark\n1,2\n".encode("utf-16"), r"expected UTF-8 text"),
    ],
)
def test_malformed_table_names_file_and_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = table(tmp_path, text)
    with pytest.raises(AnnotationError, match=message) as caught:
        read_table(path, AB)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)
