"""Find films among files and folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from monai_ceph.data.film_format import FilmError, is_dicom
from monai_ceph.film_names import FILM_SUFFIXES, OVERLAY_SUFFIX, REPORT_SUFFIXES, SR_SUFFIX
from monai_ceph.film_records import STATE_FOLDER

RESULT = "a result"
"""Why a prediction's own files are passed over."""
_RESULTS = (OVERLAY_SUFFIX, *REPORT_SUFFIXES, SR_SUFFIX, ".mrk.json", "landmarks.csv")


class FoundFilms(NamedTuple):
    """Hold the result of :func:`search_films`.

    Args:
        films: each film once, sorted.
        passed_over: files and folders in the searched folders that are not films, each with the reason; sorted.

    >>> FoundFilms([Path("film.png")], [(Path("notes.txt"), "no film")]).films[0].name
    'film.png'
    """

    films: list[Path]
    passed_over: list[tuple[Path, str]]


def find_films(paths: Sequence[str | Path]) -> list[Path]:
    """Return the films that :func:`search_films` finds, without what it passed over.

    >>> from monai_ceph.phantoms import write_phantoms
    >>> films = write_phantoms("films", count=2, size=(484, 600), spacing_mm=0.4)
    >>> [film.name for film in find_films(["films"])]
    ['phantom_000.png', 'phantom_001.png']
    """
    return search_films(paths).films


def search_films(paths: Sequence[str | Path]) -> FoundFilms:
    """Search files and folders for films.

    A file that is named is always tried, whatever it is called. In a folder, files with a suffix of
    ``FILM_SUFFIXES`` (in any case) count, and DICOM files whatever their suffix, with a preamble or without. Hidden
    files, DICOM directories, pictures of results (``*.overlay.png``) and everything else are passed over, and folders
    inside are not searched.

    Args:
        paths: files and folders.
    Raises:
        FilmError: nothing given, a path that does not exist, or a folder without a film.

    >>> from monai_ceph.phantoms import write_phantoms
    >>> films = write_phantoms("films", count=1, size=(484, 600), spacing_mm=0.4)
    >>> [path.name for path, reason in search_films(["films"]).passed_over]
    ['points.csv']
    """
    if not paths:
        raise FilmError("No film was given; name at least one film or folder.")
    films: set[Path] = set()
    passed_over: dict[Path, str] = {}
    for path in map(Path, paths):
        if path.is_dir():
            reasons = {inside: _passed_over(inside) for inside in path.iterdir()}
            in_folder = {inside for inside, reason in reasons.items() if reason is None}
            if not in_folder:
                raise FilmError(
                    f"{path}: there is no film in this folder; expected files ending in {' '.join(FILM_SUFFIXES)} "
                    "directly in it (folders inside are not searched)."
                )
            films |= in_folder
            passed_over.update({inside: reason for inside, reason in reasons.items() if reason is not None})
        elif path.exists():
            films.add(path)
        else:
            raise FilmError(f"{path}: there is no such film or folder; check the path.")
    return FoundFilms(sorted(films), sorted((path, why) for path, why in passed_over.items() if path not in films))


def looks_like_film(path: Path) -> bool:
    """Return whether a file counts as a film in a folder, by its suffix or, without a known suffix, its content."""
    return _no_film(path) is None


def _passed_over(path: Path) -> str | None:
    """Return why a file or folder is not a film; None if it is one."""
    if path.name == STATE_FOLDER:
        return RESULT
    if not path.is_file():
        return "a folder, which is not searched" if path.is_dir() else "no file"
    return "hidden" if path.name.startswith(".") else _no_film(path)


def _no_film(path: Path) -> str | None:
    if path.name.upper() == "DICOMDIR":
        return "a DICOM directory"
    if path.name.endswith(_RESULTS):
        return RESULT
    if path.name.lower().endswith(FILM_SUFFIXES) or is_dicom(path):
        return None
    return "no film by its name or content"
