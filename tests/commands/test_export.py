"""``monai-ceph export --labels``: labels of two annotators are exported and read back by this package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from monai_ceph.cli import main
from monai_ceph.commands.export import LABEL_FORMATS, MODEL_FORMATS
from monai_ceph.data.label_folder import LabelFolder
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.formats.landmark_table import write_landmarks_csv
from monai_ceph.landmarks import ISBI19
from monai_ceph.prediction import annotated
from tests.data.label_files import label_bytes, write_film

FILMS = ("a film.PNG", "1.2.jpg")


def points(shift: float) -> np.ndarray:
    return np.stack([np.linspace(0.25, 19.125, 19), np.linspace(0.1, 28, 19)], 1) + shift


TRUTH = {"anna": points(0), "ben": points(0.3)}


@pytest.fixture
def films(tmp_path: Path) -> LabelFolder:
    """A folder in which Anna labelled both films, and then Ben the first."""
    folder = tmp_path / "my films"
    folder.mkdir()
    films = LabelFolder(folder)
    for name in FILMS:
        film = write_film(folder / name)
        films.save(film.name[: -len(film.suffix)], label_bytes(film, TRUTH["anna"], ISBI19), user="anna")
    films.save("a film", label_bytes(folder / FILMS[0], TRUTH["ben"], ISBI19), user="ben")
    films.save("a film", label_bytes(folder / FILMS[0], points(0.1), ISBI19), "original", user="model")
    return films


EXPECTED = {
    "anna": {"a film": TRUTH["anna"], "1.2": TRUTH["anna"]},
    "ben": {"a film": TRUTH["ben"]},
    "final": {"a film": TRUTH["ben"], "1.2": TRUTH["anna"]},
}


@pytest.mark.parametrize("format", LABEL_FORMATS)
def test_exported_labels_can_be_read_back(
    films: LabelFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    output = tmp_path / "new" / "labels"
    arguments = ["export", "--labels", str(films.folder), "--format", format, "--output", str(output)]
    assert main(arguments) == 0
    suffix = ".csv" if format == "csv" else ""
    assert sorted(path.name for path in output.iterdir()) == [f"{user}{suffix}" for user in EXPECTED]
    for user, expected in EXPECTED.items():
        read = read_annotations(output / f"{user}{suffix}")
        assert (read.observer, read.problems, read.points_px.keys()) == (user, (), expected.keys())
        for film, points_px in expected.items():
            np.testing.assert_allclose(read.points_px[film], points_px, atol=0.0005 + 1e-9)
    assert capsys.readouterr().out.splitlines() == [
        f"{output / 'anna'}{suffix}: 2 films",
        f"{output / 'ben'}{suffix}: 1 film",
        f"{output / 'final'}{suffix}: 2 films",
    ]
    assert main(arguments) == 0  # exporting again to the same folder works


def test_table_holds_the_names_of_the_films_files(films: LabelFolder, tmp_path: Path) -> None:
    main(["export", "--labels", str(films.folder), "--format", "csv", "--output", str(tmp_path / "out")])
    header, first = (tmp_path / "out" / "anna.csv").read_text().splitlines()[:2]
    assert (
        header
        == "image,landmark,x_px,y_px,x_mm,y_mm,confidence,spacing_source,status,expected_error_mm,radius90_mm,site"
    )
    assert first == "1.2.jpg,S,0.250,0.100,,,,unknown,found,,,"


def test_labelme_file_holds_the_path_of_the_film(films: LabelFolder, tmp_path: Path) -> None:
    main(["export", "--labels", str(films.folder), "--format", "labelme", "--output", str(tmp_path / "out")])
    file = tmp_path / "out" / "anna" / "a film.json"
    content = json.loads(file.read_text())
    assert (file.parent / content["imagePath"]).resolve() == films.film("a film")
    assert (content["imageWidth"], content["imageHeight"], content["imageData"]) == (20, 30, None)
    assert content["shapes"][0]["label"] == "S" and content["shapes"][0]["points"] == [[0.25, 0.1]]


@pytest.mark.parametrize(("format", "status"), [("csv", 0), ("labelme", 0), ("isbi", 1)])
def test_unplaced_landmark_is_exported_as_missing(
    films: LabelFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str, status: int
) -> None:
    unseen = points(0)
    unseen[[1, 2]] = np.nan
    films.save("a film", label_bytes(films.film("a film"), unseen, ISBI19), user="anna")
    out = tmp_path / "out"
    assert main(["export", "--labels", str(films.folder), "--format", format, "--output", str(out)]) == status
    read = read_annotations(out / ("anna.csv" if format == "csv" else "anna"))
    if format == "isbi":
        assert capsys.readouterr().err.splitlines() == [
            f"{user}, film 'a film': without N Or, and ISBI's .txt cannot leave a landmark out; use csv or labelme."
            for user in ("anna", "final")
        ]
        assert read.points_px.keys() == {"1.2"}
    else:
        np.testing.assert_allclose(read.points_px["a film"], unseen, atol=0.0005 + 1e-9)


@pytest.mark.parametrize("format", LABEL_FORMATS)
def test_unreadable_label_is_reported_and_the_others_are_written(
    films: LabelFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    films.label("1.2").write_text("{}")
    out = tmp_path / "out"
    assert main(["export", "--labels", str(films.folder), "--format", format, "--output", str(out)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("final, film '1.2': The label of film '1.2', ") and "expected Slicer markups" in line
    assert read_annotations(out / ("final.csv" if format == "csv" else "final")).points_px.keys() == {"a film"}


def test_exported_labels_can_be_evaluated(
    films: LabelFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["export", "--labels", str(films.folder), "--format", "csv", "--output", str(tmp_path / "out")])
    prediction = annotated("a film.PNG", ISBI19, points(0) + np.array([0.6, 0.8]))
    write_landmarks_csv(tmp_path / "landmarks.csv", [prediction])
    observers = [str(tmp_path / "out" / f"{user}.csv") for user in ("anna", "ben")]
    result = tmp_path / "scores.json"
    command = ["evaluate", str(tmp_path / "landmarks.csv"), *observers, "--spacing", "0.1", "--protocol", "each"]
    assert main([*command, "--json", str(result)]) == 0
    assert "ben" in capsys.readouterr().out
    comparisons = json.loads(result.read_text())["comparisons"]
    mre = {Path(one["reference"]).stem: one["overall"]["mre"] for one in comparisons}
    assert mre == pytest.approx({"anna": 0.1, "ben": np.hypot(0.3, 0.5) / 10}, abs=1e-4)


@pytest.mark.parametrize("format", MODEL_FORMATS)
def test_formats_of_bundles_and_labels_cannot_be_mixed(
    films: LabelFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    output = ["--output", str(tmp_path / "out")]
    assert main(["export", "--labels", str(films.folder), "--format", format, *output]) == 1
    assert f"--format {format} is for a bundle; for --labels choose csv, labelme, isbi." in capsys.readouterr().err
    assert main(["export", "--format", "isbi", *output]) == 1
    assert "--format isbi is for labels; give their folder with --labels FOLDER." in capsys.readouterr().err
    assert main(["export", "--labels", str(films.folder), "--bundle", "b", *output]) == 1
    assert "--bundle and --labels export different things; give one of them." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_folder_without_labels_is_an_error(
    films: LabelFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = ["--output", str(tmp_path / "out")]
    (tmp_path / "empty").mkdir()
    assert main(["export", "--labels", str(tmp_path / "empty"), *output]) == 1
    assert "there is no final label in this folder; expected labels/final/<film>.mrk.json" in capsys.readouterr().err
    assert main(["export", "--labels", str(tmp_path / "none"), *output]) == 1
    assert "there is no such folder; give the folder of the films" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
