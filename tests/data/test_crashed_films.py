from __future__ import annotations

from pathlib import Path

import pytest

from monai_ceph.data.crashed_films import CrashedFilms
from monai_ceph.data.film_workers import FilmCrashError


def film(folder: Path, name: str = "a #1 ö.png", content: bytes = b"film") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_film_is_remembered_by_another_run_and_only_it(tmp_path: Path) -> None:
    bad, good = film(tmp_path), film(tmp_path, "b.png")
    CrashedFilms(tmp_path).add(bad, FilmCrashError(f"{bad}: it hangs."))
    with pytest.raises(FilmCrashError, match=r"a #1 ö\.png: it hangs\. \(It did so before; to try it again, remove"):
        CrashedFilms(tmp_path).check(bad)
    CrashedFilms(tmp_path).check(good)
    CrashedFilms(tmp_path).check(tmp_path / "gone.png")


def test_film_that_was_copied_anew_is_tried_again(tmp_path: Path) -> None:
    bad = film(tmp_path)
    CrashedFilms(tmp_path).add(bad, FilmCrashError("it hangs."))
    film(tmp_path, content=b"another")
    CrashedFilms(tmp_path).check(bad)


def test_damaged_lines_and_forgetting(tmp_path: Path) -> None:
    bad = film(tmp_path)
    crashed = CrashedFilms(tmp_path)
    crashed.path.write_bytes(b"\xff\n{}\n[]\n3\n")
    crashed.add(bad, FilmCrashError("it hangs."))
    with pytest.raises(FilmCrashError, match="it hangs"):
        crashed.check(bad)
    crashed.forget()
    crashed.forget()
    crashed.check(bad)
