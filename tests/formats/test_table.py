"""The two kinds of CSV."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from monai_ceph.formats.points import AnnotationError
from monai_ceph.formats.table import read_table
from monai_ceph.landmarks import ISBI19, Landmark, LandmarkScheme

AB = LandmarkScheme("ab", (Landmark("A", "a"), Landmark("B", "b")))
PROJECT = "image,landmark,x_px,y_px,x_mm,y_mm,confidence\n"
KAGGLE = "image_path,1_x,1_y,2_x,2_y\n"


def read(path: Path, scheme: LandmarkScheme = AB) -> tuple[dict[str, np.ndarray], list[str]]:
    found = read_table(path, scheme)
    return {film: one.points_px for film, one in found.items()}, [p for one in found.values() for p in one.problems]


def table(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "points.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_project_table(tmp_path: Path) -> None:
    text = PROJECT + "1.png,B,3,4.5,,,\n1.png,A,1,2,0.1,0.2,0.9\n2.png,A,5,6,,,\n2.png,B,,,,,\n"
    points, problems = read(table(tmp_path, text), AB)
    np.testing.assert_array_equal(points["1"], [[1, 2], [3, 4.5]])
    np.testing.assert_array_equal(points["2"], [[5, 6], [np.nan, np.nan]])
    assert problems == [f"{tmp_path / 'points.csv'}, film '2': landmark B is missing."]


def test_project_table_with_other_columns_in_another_order(tmp_path: Path) -> None:
    text = "note,y_px,x_px,landmark,image\nhello,2,1,A,1.png\n,4,3,B,1.png\n"
    np.testing.assert_array_equal(read(table(tmp_path, text), AB)[0]["1"], [[1, 2], [3, 4]])


def test_landmark_whose_symbol_is_an_apostrophe_away_from_another(tmp_path: Path) -> None:
    rows = "".join(f"1.png,{symbol},{k},{2 * k},,,\n" for k, symbol in enumerate(ISBI19.symbols, 1))
    points, problems = read(table(tmp_path, PROJECT + rows), ISBI19)
    np.testing.assert_array_equal(points["1"], [[k, 2 * k] for k in range(1, len(ISBI19) + 1)])
    assert problems == []


def test_project_table_with_a_doubled_point(tmp_path: Path) -> None:
    text = PROJECT + "1.png,A,1,2,,,\n1.png,A,1,3,,,\n1.png,B,3,4,,,\n1.png,B,3,4,,,\n"
    points, problems = read(table(tmp_path, text), AB)
    np.testing.assert_array_equal(points["1"], [[np.nan, np.nan], [3, 4]])
    assert len(problems) == 1 and "film '1': landmark A is given 2 times" in problems[0]


def test_kaggle_table(tmp_path: Path) -> None:
    points, problems = read(table(tmp_path, KAGGLE + "001.jpg,1,2,3,4\na/002.jpg,5,6,,\n"), AB)
    np.testing.assert_array_equal(points["001"], [[1, 2], [3, 4]])
    np.testing.assert_array_equal(points["002"], [[5, 6], [np.nan, np.nan]])
    assert len(problems) == 1 and "film '002': landmark B is missing" in problems[0]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_endings_byte_order_mark_and_blank_lines(tmp_path: Path, end: str, mark: str) -> None:
    text = mark + end.join([KAGGLE.strip(), "001.jpg,1, 2,3,4", "", " , , , , ", "002.jpg,5,6,7,8", ""])
    points, problems = read(table(tmp_path, text), AB)
    assert sorted(points) == ["001", "002"] and problems == []
    np.testing.assert_array_equal(points["002"], [[5, 6], [7, 8]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"the table is empty; expected a header"),
        (KAGGLE, r"the table has a header but no row"),
        (KAGGLE + "001.jpg,1,2,3\n", r"line 2, landmark B: expected a number of pixels, got ''"),
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
        (
            "image;landmark;x_px;y_px\n1.png;A;1;2\n1.png;B;1.2,5;2\n",
            r"line 3: expected a number of pixels, got '1\.2,5'",
        ),
        (PROJECT + '1.png,A,"1,5",2,,,\n', r"line 2: expected a number of pixels, got '1,5'"),
        ("image,landmark,x_px,x_px,y_px\n1.png,A,1,1,2\n", r"the header has the column 'x_px' 2 times; remove"),
        ("\n\n" + KAGGLE + '001.jpg,1,2,3,"4\n', r"this is not CSV \(.*EOF inside string"),
        ("\n\n" + KAGGLE + "\n001.jpg,1,2,3,4,5\n", r"line 5: expected 5 cells like the header, got 6"),
        ("a,b\n1,2\n", r"expected the columns image,landmark,x_px,y_px or image_path,1_x,1_y"),
        ("image,landmark\n1,2\n".encode("utf-16"), r"expected UTF-8 text"),
    ],
)
def test_malformed_table_names_file_and_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = table(tmp_path, text)
    with pytest.raises(AnnotationError, match=message) as caught:
        read_table(path, AB)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_table_as_excel_writes_it_in_europe(tmp_path: Path, end: str) -> None:
    rows = ["image;landmark;x_px;y_px;note", "Mädchen.png;A;1234,5;20", 'Mädchen.png;B;"30,25";40,75;"a; b"', ";;;;"]
    points, problems = read(table(tmp_path, "\ufeff" + end.join(rows) + end))
    np.testing.assert_array_equal(points["Mädchen"], [[1234.5, 20], [30.25, 40.75]])
    assert problems == []


def test_kaggle_table_with_other_columns_in_another_order(tmp_path: Path) -> None:
    text = "2_y\timage_path\t1_x\tnote\t1_y\t2_x\n4\t1.png\t1\thello\t2\t3\n"
    np.testing.assert_array_equal(read(table(tmp_path, text))[0]["1"], [[1, 2], [3, 4]])


def test_spacing_of_each_film_comes_from_its_mm(tmp_path: Path) -> None:
    """By hand: 10 px are 1 mm and 20 px are 4 mm on the first film; 0.2 mm on the second; the third has no mm."""
    rows = "1.png,A,10,20,1,4,\n1.png,B,30.123,40,3.0123,8,\n2.png,A,10,20,2,4,\n2.png,B,,,,,\n3.png,A,10,20,,,\n"
    found = read_table(table(tmp_path, PROJECT + rows + "3.png,B,1,2,,,\n"), AB)
    assert [one.source.spacing_mm for one in found.values()] == [(0.1, 0.2), (0.2, 0.2), None]
    assert [one.source.name for one in found.values()] == ["1.png", "2.png", "3.png"]


def test_mm_that_are_not_pixels_times_a_spacing_are_reported_and_not_used(tmp_path: Path) -> None:
    rows = "1.png,A,100,200,10,20,\n1.png,B,300,400,30,41,\n"
    one = read_table(table(tmp_path, PROJECT + rows), AB)["1"]
    assert one.source.spacing_mm is None
    assert (
        len(one.problems) == 1
        and "film '1': its mm are not its pixels times one spacing (landmark A)" in one.problems[0]
    )


def test_spacing_is_found_to_six_digits_from_rounded_numbers(tmp_path: Path) -> None:
    x = np.random.default_rng(0).uniform(100, 2400, (len(ISBI19), 2)).round(3)
    rows = "".join(
        f"1.png,{s},{a:.3f},{b:.3f},{0.127 * a:.4f},{0.143 * b:.4f},\n"
        for s, (a, b) in zip(ISBI19.symbols, x, strict=True)
    )
    assert read_table(table(tmp_path, PROJECT + rows), ISBI19)["1"].source.spacing_mm == (0.127, 0.143)


def test_hundred_thousand_rows_are_read_in_a_few_seconds(tmp_path: Path) -> None:
    """One second on the machine it was written on; the old reader took twenty."""
    films = 100_000 // len(ISBI19)
    rows = "".join(
        f"{film}.png,{symbol},{film % 2000}.5,{k}.25,,,\n"
        for film in range(films)
        for k, symbol in enumerate(ISBI19.symbols)
    )
    path = table(tmp_path, PROJECT + rows)
    begin = time.process_time()
    found = read_table(path, ISBI19)
    assert time.process_time() - begin < 10
    assert len(found) == films and found["7"].points_px[3].tolist() == [7.5, 3.25]
