"""Any source, recognised by what it is."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from monai_ceph.formats.annotations import mean_annotations, read_annotations
from monai_ceph.formats.points import AnnotationError, Annotations
from monai_ceph.landmarks import ISBI19, Landmark, LandmarkScheme

AB = LandmarkScheme("ab", (Landmark("A", "a"), Landmark("B", "b")))
POINTS = np.array([[10.0, 20.0], [30.0, 40.5]])
NOWHERE = [np.nan, np.nan]


def isbi(path: Path, points: np.ndarray = POINTS) -> None:
    path.write_text("".join(f"{x},{y}\n" for x, y in points) + "1\n2\n")


def labelme(path: Path, points: np.ndarray = POINTS) -> None:
    shapes = [{"label": f"l{k}", "points": [list(p)], "shape_type": "point"} for k, p in enumerate(points, 1)]
    path.write_text(json.dumps({"shapes": shapes}))


def markups(path: Path, points: np.ndarray = POINTS) -> None:
    controls = [{"label": s, "position": [*(0.1 * p), 0.0]} for s, p in zip(AB.symbols, points, strict=True)]
    path.write_text(json.dumps({"markups": [{"type": "Fiducial", "controlPoints": controls}]}))


@pytest.mark.parametrize(("suffix", "write"), [(".txt", isbi), (".json", labelme), (".mrk.json", markups)])
def test_folder_and_single_file_of_one_file_a_film(tmp_path: Path, suffix: str, write) -> None:
    folder = tmp_path / "anna"
    folder.mkdir()
    write(folder / f"001{suffix}")
    write(folder / f"002{suffix}", POINTS + 1)
    (folder / ".hidden.txt").write_text("x")
    (folder / "001.png").write_bytes(b"x")
    read = read_annotations(folder, AB, spacing_mm=0.1)
    remarks = 1 if suffix == ".mrk.json" else 0  # one for all of them, that they do not say which film they are of
    assert (read.observer, read.scheme, len(read.problems)) == ("anna", AB, remarks)
    assert list(read.points_px) == ["001", "002"]
    np.testing.assert_allclose(read.points_px["002"], POINTS + 1)
    one = read_annotations(str(folder / f"001{suffix}"), AB, spacing_mm=0.1)
    assert one.observer == "anna" and list(one.points_px) == ["001"]
    np.testing.assert_allclose(one.points_px["001"], POINTS)


def test_tables(tmp_path: Path) -> None:
    (tmp_path / "kaggle.CSV").write_text("image_path,1_x,1_y,2_x,2_y\n001.jpg,10,20,30,40.5\n")
    (tmp_path / "project.csv").write_text("image,landmark,x_px,y_px\n001.jpg,A,10,20\n001.jpg,B,30,40.5\n")
    for name in ("kaggle.CSV", "project.csv"):
        read = read_annotations(tmp_path / name, AB)
        assert read.observer == Path(name).stem
        np.testing.assert_array_equal(read.points_px["001"], POINTS)


def test_what_is_no_annotation(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"nowhere: there is no such annotation; expected a \.csv"):
        read_annotations(tmp_path / "nowhere", AB)
    with pytest.raises(AnnotationError, match=r"nowhere\.csv: there is no such annotation; check the path"):
        read_annotations(tmp_path / "nowhere.csv", AB)
    with pytest.raises(AnnotationError, match=r"found neither \.txt nor \.json files in this folder"):
        read_annotations(tmp_path, AB)
    (tmp_path / "film.png").write_bytes(b"x")
    with pytest.raises(AnnotationError, match=r"film\.png: expected a \.csv"):
        read_annotations(tmp_path / "film.png", AB)
    (tmp_path / "1.json").write_text("{not json")
    with pytest.raises(AnnotationError, match=r"1\.json, line 1: this is not JSON"):
        read_annotations(tmp_path / "1.json", AB)
    (tmp_path / "1.json").write_text("[1, 2]")
    with pytest.raises(AnnotationError, match=r"1\.json: expected JSON of labelme \('shapes'\), Slicer"):
        read_annotations(tmp_path, AB)


def test_folder_of_two_kinds_or_with_one_film_twice(tmp_path: Path) -> None:
    isbi(tmp_path / "001.txt")
    labelme(tmp_path / "001.json")
    with pytest.raises(AnnotationError, match=r"found both \.txt and \.json files"):
        read_annotations(tmp_path, AB)
    (tmp_path / "001.txt").unlink()
    markups(tmp_path / "001.mrk.json")
    with pytest.raises(AnnotationError, match=r"film '001' is annotated in .*001\.json as well; remove one of them"):
        read_annotations(tmp_path, AB, 0.1)


def test_wrong_number_of_points_names_the_file(tmp_path: Path) -> None:
    isbi(tmp_path / "001.txt")
    isbi(tmp_path / "002.txt", POINTS[:1])
    with pytest.raises(AnnotationError, match=r"002\.txt: expected 2 points 'x,y' for scheme 'ab', got 1"):
        read_annotations(tmp_path, AB)


def test_mean_of_two_observers() -> None:
    anna = Annotations("anna", AB, {"1": POINTS, "2": POINTS}, ("slip",))
    bert = Annotations("bert", AB, {"1": POINTS + np.array([2, 4]), "2": np.array([[0.0, 0.0], NOWHERE])}, ("slip",))
    mean = mean_annotations([anna, bert])
    assert mean.observer == "mean of anna, bert"
    np.testing.assert_array_equal(mean.points_px["1"], POINTS + np.array([1, 2]))
    np.testing.assert_array_equal(mean.points_px["2"], [[5, 10], NOWHERE])
    assert mean.problems == ("slip", "Film '2': landmark B has no mean, as 'bert' left it out.")


def test_mean_of_a_film_that_one_observer_did_not_see() -> None:
    mean = mean_annotations([Annotations("anna", AB, {"1": POINTS}), Annotations("bert", AB, {})])
    assert np.isnan(mean.points_px["1"]).all()
    assert mean.problems == ("Film '1': observer 'bert' did not annotate it, so it has no mean.",)


def test_mean_of_one_none_and_of_different_schemes() -> None:
    anna = Annotations("anna", AB, {"1": POINTS})
    assert mean_annotations([anna]) is anna
    with pytest.raises(AnnotationError, match="at least one observer, got none"):
        mean_annotations([])
    with pytest.raises(AnnotationError, match="Observers 'anna' and 'bert' have different schemes, 'ab' and 'isbi19'"):
        mean_annotations([anna, Annotations("bert", ISBI19, {})])


@pytest.mark.real_films
def test_real_observers(real_films: Path) -> None:
    senior = read_annotations(real_films / "isbi2015" / "train_senior.csv")
    junior = read_annotations(real_films / "isbi2015" / "train_junior.csv")
    assert senior.problems == junior.problems == () and len(senior.points_px) == len(junior.points_px) == 150
    with (real_films / "isbi2015" / "train_senior.csv").open(newline="") as file:
        row = list(csv.reader(file))[17]
    np.testing.assert_array_equal(senior.points_px["017"].ravel(), np.array(row[1:], float))
    apart = [np.linalg.norm(senior.points_px[f] - junior.points_px[f], axis=-1).mean() * 0.1 for f in senior.points_px]
    assert np.mean(apart) == pytest.approx(2.35, abs=0.02)

    hamedan = [read_annotations(real_films / "hamedan" / name) for name in ("observer_a", "observer_b")]
    a, b = (np.stack([one.points_px[f] for f in sorted(one.points_px)]) for one in hamedan)
    assert a.shape == b.shape == (20, 19, 2) and hamedan[0].problems == hamedan[1].problems == ()
    assert 1.2 < np.nanmean(np.linalg.norm(a - b, axis=-1)) * 0.127 < 1.8
