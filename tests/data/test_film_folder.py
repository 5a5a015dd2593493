"""The films of a folder: what is listed, under which id, and what is not served."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monai_ceph.data.film_folder import FilmFolder, SameFilmError
from monai_ceph.data.film_format import FilmError
from tests.data.label_files import write_film


@pytest.fixture
def films(tmp_path: Path) -> FilmFolder:
    folder = tmp_path / "films"
    folder.mkdir()
    write_film(folder / "7.jpg")
    return FilmFolder(folder)


def test_films_of_a_folder_like_those_of_predict(tmp_path: Path) -> None:
    folder = tmp_path / "my films"
    folder.mkdir()
    for name in ("a b.PNG", "ä.Jpeg", "c.bmp", "d.TIFF", "c d 3.45\u202fPM.png"):
        write_film(folder / name)
    dicom = folder / "1.2.840.10008.1"
    dicom.write_bytes(b"\0" * 128 + b"DICM")
    for name in (".hidden.png", "notes.txt", "a b.png.overlay.png", "DICOMDIR", "landmarks.csv", "7.mrk.json"):
        (folder / name).write_bytes(dicom.read_bytes() if name == "DICOMDIR" else b"")
    (folder / "sub.png").mkdir()
    write_film(folder / "sub.png" / "inside.png")
    films = FilmFolder(folder)
    (folder / "labels").mkdir()
    write_film(folder / "labels" / "no film.png")
    names = ["1.2.840.10008.1", "a b", "c d 3.45\u202fPM", "c", "d", "ä", "sub.png__inside"]
    assert list(films.films()) == names
    assert films.film("sub.png__inside") == folder / "sub.png" / "inside.png"
    assert films.film("a b") == folder / "a b.PNG"
    assert films.clashes() == [] and films.problems() == []


def test_two_films_of_one_id(films: FilmFolder) -> None:
    write_film(films.folder / "7.bmp")
    write_film(films.folder / "7.png")
    assert films.film("7").name == "7.bmp"
    assert [(later.name, first.name) for later, first in films.clashes()] == [("7.jpg", "7.bmp"), ("7.png", "7.bmp")]
    assert films.problems()[0].startswith("'7.jpg' and '7.bmp' have one id, '7': rename or remove")
    with pytest.raises(SameFilmError, match=r"There are 3 films '7': 7.bmp, 7.jpg, 7.png. Rename or remove"):
        films.only_film("7")
    (films.folder / "7__7").mkdir()
    write_film(films.folder / "7__7" / "7.png")
    write_film(films.folder / "7__7__7.png")
    assert films.problems()[-1].startswith("'7__7/7.png' and '7__7__7.png' have one id, '7__7__7'")
    assert {film_id: films.film(film_id) for film_id in films.films()} == films.films()


def test_links_count_only_within_the_folder(films: FilmFolder, tmp_path: Path) -> None:
    write_film(tmp_path / "secret.png")
    (films.folder / "out.png").symlink_to(tmp_path / "secret.png")
    (films.folder / "in.png").symlink_to(films.folder / "7.jpg")
    (films.folder / "broken.png").symlink_to(films.folder / "nothing.png")
    (films.folder / "round.png").symlink_to(films.folder / "round.png")
    os.mkfifo(films.folder / "pipe.png")
    (tmp_path / "patients").mkdir()
    write_film(tmp_path / "patients" / "x.png")
    (films.folder / "linked folder").symlink_to(tmp_path / "patients")
    assert list(films.films()) == ["7", "in"]
    assert films.problems() == [
        "Links that lead out of the folder are not followed (linked folder, out.png): copy the films, or serve the "
        "folder that they lie in.",
        "Links that lead nowhere: broken.png, round.png.",
    ]


def test_names_that_no_answer_could_hold_are_passed_over(films: FilmFolder) -> None:
    os.rename(write_film(films.folder / "x.png"), os.fsencode(films.folder) + b"/\xff.png")
    write_film(films.folder / "x.png").rename(films.folder / "new\nline.png")
    assert list(films.films()) == ["7"]


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(FilmError, match=r"none: there is no such folder; give the folder of the films"):
        FilmFolder(tmp_path / "none")
