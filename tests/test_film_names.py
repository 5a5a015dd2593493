"""One name for a film, its annotation and its prediction."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_ceph.film_names import film_name


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
    ],
)
def test_name_without_folder_and_suffix(path: str | Path, name: str) -> None:
    assert film_name(path) == name
