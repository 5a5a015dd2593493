"""One name for a film, its annotation and its prediction."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_ceph.film_names import film_name, same_film, spelled_like


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("001.jpg", "001"),
        (Path("films") / "001.BMP", "001"),
        ("001.nii.gz", "001"),
        ("001.mrk.json", "001"),
        ("001.json", "001"),
        (r"C:\films\001.tif", "001"),
        ("../images/125.tif", "125"),
        ("1.2.840.10008.1", "1.2.840.10008.1"),
        ("1.2.840.10008.1.dcm", "1.2.840.10008.1"),
        ("patient.of.today.png", "patient.of.today"),
        (".png", ".png"),
        ("film", "film"),
        ("NAME.jpg.json", "NAME"),
        ("name.j\u017fon", "name.j\u017fon"),  # a long s is no s
        ("NAME.jpg.mrk.json", "NAME"),
        ("NAME.JPG.MRK.JSON", "NAME"),
        ("scan.tif.png", "scan"),
        ("1.2.840.10008.1.dcm.mrk.json", "1.2.840.10008.1"),
        ("Zoe\u0308.png", "Zo\u00eb"),
    ],
)
def test_name_without_folder_and_suffix(path: str | Path, name: str) -> None:
    assert film_name(path) == name


def test_same_film_as_a_person_reads_names() -> None:
    assert same_film("films/Zoe\u0308.JPG", "zo\u00cb.jpg.mrk.json")
    assert not same_film("a1.png", "a2.png")


def test_names_that_differ_in_case_alone_are_matched_unless_that_tells_films_apart() -> None:
    assert spelled_like(["img1", "b", "c"], ["IMG1", "b"]) == {"img1": "IMG1", "b": "b", "c": "c"}
    assert spelled_like(["a", "A"], ["A"]) == {"a": "a", "A": "A"}
    assert spelled_like(["a"], ["A", "\u0041\u030a", "b"]) == {"a": "A"}
    assert spelled_like(["aa"], ["AA", "Aa"]) == {"aa": "aa"}
