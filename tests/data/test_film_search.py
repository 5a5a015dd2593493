from __future__ import annotations

import os
from pathlib import Path

from monai_ceph.data.film_search import find_films, search_films
from tests.data.film_files import picture, write_dicom


def test_everything_that_is_passed_over_is_named(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", ".hidden.png", "notes.txt", "DICOMDIR", "landmarks.csv", "a.png.overlay.png"):
        (tmp_path / name).write_bytes(b"no matter what")
    (tmp_path / "inside").mkdir()
    (tmp_path / ".monai_ceph").mkdir()
    write_dicom(tmp_path / "1.2.3", picture())
    os.mkfifo(tmp_path / "pipe.png")
    found = search_films([tmp_path])
    assert (
        [path.name for path in found.films] == ["1.2.3", "a.JPG", "b.png"] == [p.name for p in find_films([tmp_path])]
    )
    assert {path.name: reason for path, reason in found.passed_over} == {
        ".monai_ceph": "a result",
        ".hidden.png": "hidden",
        "DICOMDIR": "a DICOM directory",
        "a.png.overlay.png": "a result",
        "inside": "a folder, which is not searched",
        "landmarks.csv": "a result",
        "notes.txt": "no film by its name or content",
        "pipe.png": "no file",
    }


def test_what_is_named_itself_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_bytes(b"a film, says the user")
    (tmp_path / "a.png").write_bytes(b"one")
    found = search_films([tmp_path, tmp_path / "odd.txt"])
    assert [path.name for path in found.films] == ["a.png", "odd.txt"] and found.passed_over == []
