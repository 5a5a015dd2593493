"""Films of this machine, and what is saved of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_ceph.formats.annotations import read_annotations
from monai_ceph.formats.points import AnnotationError, Annotations
from monai_ceph.landmarks import ISBI19
from monai_ceph.page.film_files import FilmFiles
from monai_ceph.predictor.predictor import Predictor

POINTS = np.stack([np.linspace(10, 90, 19), np.linspace(20, 60, 19)], 1)


def _no_predictor() -> Predictor:
    raise AssertionError("the predictor is not needed")


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "films" / name for name in ("A film.png", "b.bmp")]
    paths[0].parent.mkdir()
    for path in paths:
        Image.effect_noise((100, 80), 60).save(path)
    return paths


@pytest.fixture
def work(films: list[Path], tmp_path: Path) -> FilmFiles:
    given = Annotations("out", ISBI19, {"a film": POINTS})
    return FilmFiles(films, tmp_path / "corrected", ISBI19, _no_predictor, given, 0.5)


def test_points_of_a_file_are_proposed_whatever_the_case_of_the_films_name(work: FilmFiles) -> None:
    np.testing.assert_array_equal(work.predict("A film.png").points_px, POINTS)
    nothing = work.predict("b.bmp")
    assert set(nothing.statuses) == {"missing"}


def test_saved_points_are_in_markups_and_table_and_come_back(work: FilmFiles, films: list[Path]) -> None:
    moved = POINTS + 1.25
    moved[4] = np.nan
    before = work.revision()
    assert [row.state for row in work.films()] == ["new", "new"]
    work.save("A film.png", moved, "")
    assert work.revision() != before
    again = FilmFiles(films, work.output, ISBI19, _no_predictor, None, 0.5)
    assert [row.state for row in again.films()] == ["labelled", "new"]
    [label] = again.labels("A film.png")
    np.testing.assert_allclose(label.points_px, moved, atol=1e-4)
    assert again.labels("b.bmp") == []
    table = read_annotations(work.output / "landmarks.csv")
    np.testing.assert_allclose(table.points_px["A film"], moved, atol=1e-3)
    row = (work.output / "landmarks.csv").read_text().splitlines()[1]
    assert row.startswith("A film.png,S,11.250,21.250,5.6250,10.6250")


def test_a_second_film_joins_the_table(work: FilmFiles) -> None:
    work.save("b.bmp", POINTS, "")
    work.save("A film.png", POINTS, "")
    assert set(read_annotations(work.output / "landmarks.csv").points_px) == {"A film", "b"}


def test_two_films_of_one_name_are_refused(films: list[Path], tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    twin = other / films[0].name
    twin.write_bytes(films[0].read_bytes())
    with pytest.raises(ValueError, match="have one file name, and results go by it; view them separately"):
        FilmFiles([films[0], twin], tmp_path / "out", ISBI19, _no_predictor)


def test_a_damaged_label_is_named(work: FilmFiles) -> None:
    (work.output / "b.bmp.mrk.json").write_text("[1, 2]")
    with pytest.raises(AnnotationError, match=r"b\.bmp\.mrk\.json: expected Slicer markups, got \[1, 2\]"):
        work.labels("b.bmp")


def test_a_film_that_was_not_given_is_unknown(work: FilmFiles) -> None:
    with pytest.raises(LookupError, match=r"There is no film '\.\./secret\.png' here"):
        work.film("../secret.png")
