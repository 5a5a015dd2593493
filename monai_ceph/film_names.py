"""Name films by the key that matches films, annotations and predictions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

FILM_SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".mha", ".mhd", ".nii", ".nii.gz", ".dcm", ".dicom",
)  # fmt: skip
"""Suffixes (lower case) that a folder is searched for; a DICOM file needs none."""

OVERLAY_SUFFIX = ".overlay.png"
"""What a result's picture is called: a folder is searched for films, not for these."""

REPORT_SUFFIXES = (".report.pdf", ".report.html")
"""What a film's report is called, on paper and as a page."""

SR_SUFFIX = ".sr.dcm"
"""What a film's DICOM SR is called."""

_SUFFIXES = re.compile(
    rf"(?<=.)({'|'.join(map(re.escape, FILM_SUFFIXES))}|\.mrk\.json|\.json|\.txt|\.csv)+\Z", re.I | re.S | re.A
)


def without_folder(path: str | Path) -> str:
    """Return the last part of a path; either kind of slash separates folders.

    >>> without_folder("films/001.jpg"), without_folder(r"C:\\films\\001.jpg")
    ('001.jpg', '001.jpg')
    """
    return str(path).replace("\\", "/").rpartition("/")[2]


def film_name(path: str | Path) -> str:
    """Return the name of a film without folder and suffixes, from the path of the film or of its annotation.

    All suffixes of films and annotations are removed, in any case, so that a film and its annotation have the same
    name. Other dots stay, as in ``1.2.840.10008.1``, the name of a DICOM file without a suffix. Either kind of slash
    separates folders, because tables may have been written on Windows, and letters are in Unicode's composed form
    (NFC), because macOS may have decomposed them.

    >>> film_name("films/001.jpg"), film_name("001.jpg.mrk.json"), film_name("001.JSON")
    ('001', '001', '001')
    """
    return _SUFFIXES.sub("", _composed(path))


def film_suffix(path: str | Path) -> str:
    """Return what :func:`film_name` cuts off a file's name.

    >>> film_suffix("films/001.NII.gz"), film_suffix("1.2.840.10008.1")
    ('.NII.gz', '')
    """
    suffix = _SUFFIXES.search(_composed(path))
    return suffix[0] if suffix else ""


def same_film(a: str | Path, b: str | Path) -> bool:
    """Return whether two names or paths are of one film, up to folder, suffixes, Unicode form and case.

    >>> same_film("Anna.JPG", "anna.json")
    True
    """
    return _folded(film_name(a)) == _folded(film_name(b))


def spelled_like(names: Iterable[str], reference: Iterable[str]) -> dict[str, str]:
    """Match film names that differ in case only.

    Args:
        names: film names, as :func:`film_name` gives them.
        reference: the names to match them with.
    Returns:
        For each name, its spelling in ``reference``. A name is unchanged if ``reference`` has it in this spelling or
        not at all, or if two films on either side differ in case only.

    >>> spelled_like(["a", "B"], ["A", "B", "c"])
    {'a': 'A', 'B': 'B'}
    """
    names, reference = list(names), set(reference)
    spelling = _unambiguous(reference)
    unambiguous = _unambiguous(names)
    return {
        name: name if name in reference or unambiguous[_folded(name)] is None else spelling.get(_folded(name)) or name
        for name in names
    }


def _unambiguous(names: Iterable[str]) -> dict[str, str | None]:
    """Map folded names to names, or to None if there are several."""
    by_folded: dict[str, str | None] = {}
    for name in names:
        by_folded[_folded(name)] = name if by_folded.get(_folded(name), name) == name else None
    return by_folded


def _composed(path: str | Path) -> str:
    return unicodedata.normalize("NFC", without_folder(path))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
