"""Films and points together, in either layout of ISBI 2015 and in any folder."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import itk
import numpy as np
import pytest

from monai_ceph.data.datalist import datalist, isbi2015_datalist
from monai_ceph.data.film_format import FilmError
from monai_ceph.formats.points import AnnotationError
from monai_ceph.landmarks import ISBI19, Landmark, LandmarkScheme

AB = LandmarkScheme("ab", (Landmark("A", "a"), Landmark("B", "b")))
SIZE = (60, 80)
SENIOR = np.arange(2 * len(ISBI19)).reshape(-1, 2).astype(float)
JUNIOR = SENIOR + np.array([4, 1])


def film(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    itk.imwrite(itk.image_from_array(np.zeros(SIZE[::-1], np.uint8)), str(path))


def official(root: Path, films: tuple[str, ...] = ("001", "151", "301")) -> Path:
    for name, folder in zip(films, ("TrainingData", "Test1Data", "Test2Data"), strict=True):
        film(root / "RawImage" / folder / f"{name}.bmp")
        for observer, points in (("senior", SENIOR), ("junior", JUNIOR)):
            text = root / "AnnotationsByMD" / f"400_{observer}" / f"{name}.txt"
            text.parent.mkdir(parents=True, exist_ok=True)
            text.write_text("".join(f"{x:.0f},{y:.0f}\r\n" for x, y in points) + "1\r\n" * 8)
    return root


def copies(root: Path, tables: dict[str, tuple[str, ...]] | None = None) -> Path:
    for name in ("001", "151", "301"):
        film(root / "cepha400" / f"{name}.jpg")
    header = "image_path," + ",".join(f"{k}_x,{k}_y" for k in range(1, len(ISBI19) + 1))
    for part, names in (tables or {"train": ("001",), "test1": ("151",), "test2": ("301",)}).items():
        for observer, points in (("senior", SENIOR), ("junior", JUNIOR)):
            rows = [f"{name}.jpg," + ",".join(f"{v:.0f}" for v in points.ravel()) for name in names]
            (root / f"{part}_{observer}.csv").write_text("\n".join([header, *rows]))
    return root


@pytest.mark.parametrize("layout", [official, copies])
def test_either_layout_of_isbi2015(tmp_path: Path, layout) -> None:
    items = isbi2015_datalist(layout(tmp_path))
    assert [item["film"] for item in items] == ["001", "151", "301"]
    for item in items:
        assert sorted(item) == ["film", "image", "points_px"]
        assert isinstance(item["image"], str) and Path(item["image"]).stem == item["film"]
        assert item["points_px"].dtype == np.float32
        np.testing.assert_array_equal(item["points_px"], (SENIOR + JUNIOR) / 2)


@pytest.mark.parametrize("layout", [official, copies])
def test_chosen_films_and_observers_of_isbi2015(tmp_path: Path, layout) -> None:
    items = isbi2015_datalist(layout(tmp_path), films=["301", 1], observers=("senior",))
    assert [item["film"] for item in items] == ["301", "001"]
    np.testing.assert_array_equal(items[0]["points_px"], SENIOR)


def test_test_films_without_their_tables_are_left_out_with_a_warning(tmp_path: Path) -> None:
    copies(tmp_path, {"train": ("001",)})
    with pytest.warns(UserWarning, match="2 films are left out, as not every observer annotated them: 151, 301"):
        items = isbi2015_datalist(tmp_path)
    assert [item["film"] for item in items] == ["001"]
    with pytest.raises(AnnotationError, match="film '151' is wanted but not annotated by 'senior', 'junior'"):
        isbi2015_datalist(tmp_path, [151])


def test_isbi2015_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FilmError, match="nowhere: there is no such folder; give the folder of the ISBI 2015 data set"):
        isbi2015_datalist(tmp_path / "nowhere")
    with pytest.raises(FilmError, match=r"looked for the folders 'RawImage' \(official layout\) and 'cepha400'"):
        isbi2015_datalist(tmp_path)
    (tmp_path / "RawImage").mkdir()
    with pytest.raises(FilmError, match=r"RawImage: no film in this folder; expected files such as 001\.bmp"):
        isbi2015_datalist(tmp_path)
    film(tmp_path / "RawImage" / "009.bmp")
    with pytest.raises(
        AnnotationError,
        match=r"no annotation by observer 'senior'; looked for the folder 'AnnotationsByMD/400_senior' and tables",
    ):
        isbi2015_datalist(tmp_path)
    with pytest.raises(FilmError, match="film '002' is wanted but not there; there are 4 films"):
        isbi2015_datalist(official(tmp_path), [2])


def test_isbi2015_with_one_film_in_two_tables_or_two_files(tmp_path: Path) -> None:
    copies(tmp_path, {"train": ("001",), "test1": ("001",)})
    with pytest.raises(AnnotationError, match="film '001' is in another table of 'senior' as well"):
        isbi2015_datalist(tmp_path)
    film(tmp_path / "cepha400" / "001.bmp")
    with pytest.raises(FilmError, match=r"a film of the same name is at .*001\.bmp; rename or remove one"):
        isbi2015_datalist(tmp_path)


def write_table(path: Path, films: dict[str, str]) -> Path:
    path.write_text("image_path,1_x,1_y,2_x,2_y\n" + "".join(f"{name},{cells}\n" for name, cells in films.items()))
    return path


def test_any_folder_of_films(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        film(tmp_path / "films" / name)
    anna = write_table(tmp_path / "anna.csv", {"b.png": "1,2,3,4", "a.png": "5,6,,", "z.png": "1,2,3,4"})
    bert = write_table(tmp_path / "bert.csv", {"a.png": "7,8,9,10", "b.png": "3,4,5,6"})
    with pytest.warns(UserWarning, match="1 films are left out, as not every observer annotated them: c"):
        items = datalist(tmp_path / "films", [anna, bert], AB)
    assert [item["film"] for item in items] == ["a", "b"]
    np.testing.assert_array_equal(items[0]["points_px"], [[6, 7], [np.nan, np.nan]])
    np.testing.assert_array_equal(items[1]["points_px"], [[2, 3], [4, 5]])
    assert [item["film"] for item in datalist(tmp_path / "films", [anna, bert], AB, ["b"])] == ["b"]


def test_point_off_the_film(tmp_path: Path) -> None:
    film(tmp_path / "films" / "a.png")
    anna = write_table(tmp_path / "anna.csv", {"a.png": "59.4,79.4,60,3"})
    with pytest.raises(
        AnnotationError, match=r"anna\.csv, film 'a': landmark B at \(60\.0, 3\.0\) px is off the 60 x 80 film"
    ):
        datalist(tmp_path / "films", [anna], AB)


def test_annotations_of_other_films_or_none(tmp_path: Path) -> None:
    film(tmp_path / "films" / "a.png")
    anna = write_table(tmp_path / "anna.csv", {"z.png": "1,2,3,4"})
    with pytest.raises(AnnotationError, match=r"none of its 1 films \(such as 'a'\) is annotated by 'anna'"):
        datalist(tmp_path / "films", [anna], AB)
    with pytest.raises(AnnotationError, match="expected at least one annotation source, got none"):
        datalist(tmp_path / "films", [], AB)


@pytest.mark.real_films
def test_real_films(real_films: Path) -> None:
    items = isbi2015_datalist(real_films / "isbi2015", films=range(1, 4))
    assert [item["film"] for item in items] == ["001", "002", "003"]
    np.testing.assert_array_equal(items[0]["points_px"][0], [832, 993.5])
    folder = real_films / "hamedan"
    items = datalist(folder / "images", [folder / "observer_a", folder / "observer_b"])
    assert len(items) == 20 and all(np.isfinite(item["points_px"]).all() for item in items)


FIVE = LandmarkScheme("five", tuple(Landmark(symbol, symbol) for symbol in "SNABG"))
FACE_PX = np.array([[120.0, 100.0], [300.0, 104.0], [280.0, 340.0], [260.0, 380.0], [140.0, 220.0]])


def own_films(folder: Path, mm_per_px: float, **more: object) -> tuple[Path, Path]:
    """A PNG of 400 x 480 pixels, and its points in mm as a viewer of some pixel size saves them."""
    folder.mkdir(exist_ok=True)
    itk.imwrite(itk.image_from_array(np.zeros((480, 400), np.uint8)), str(folder / "a.png"))
    rows = zip(FIVE.symbols, (mm_per_px * FACE_PX).tolist(), strict=True)
    points = [{"label": symbol, "position": [*position, 0.0]} for symbol, position in rows]
    labels = folder / "labels"
    labels.mkdir(exist_ok=True)
    content = {"markups": [{"type": "Fiducial", "controlPoints": points, **more}]}
    (labels / "a.png.mrk.json").write_text(json.dumps(content))
    return folder, labels


@pytest.mark.parametrize("mm_per_px", [1.0, 0.5], ids=["as Slicer shows a PNG", "calibrated"])
def test_slicers_mm_for_own_films_of_a_known_spacing(tmp_path: Path, mm_per_px: float) -> None:
    films, labels = own_films(tmp_path / "films", mm_per_px)
    with warnings.catch_warnings():
        warnings.simplefilter("error" if mm_per_px == 1 else "ignore")
        (item,) = datalist(films, [labels], FIVE, spacing_mm=0.5)
    np.testing.assert_allclose(item["points_px"], FACE_PX)


def test_annotation_of_another_film_is_never_learned_from(tmp_path: Path) -> None:
    films, labels = own_films(tmp_path / "films", 1.0, film={"name": "b.png", "size": [400, 480]})
    with pytest.raises(AnnotationError, match=r"a\.png\.mrk\.json: it was made on another film, 'b\.png', not on 'a'"):
        datalist(films, [labels], FIVE, spacing_mm=0.5)
    films, labels = own_films(tmp_path / "films", 1.0, film={"name": "a.png", "size": [800, 960]})
    with pytest.raises(AnnotationError, match=r"made on a film of 800 x 960 pixels, but this one has 400 x 480"):
        datalist(films, [labels], FIVE, spacing_mm=0.5)
