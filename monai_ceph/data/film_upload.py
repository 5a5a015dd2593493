"""Check a film that somebody sends before it is copied into a folder of films."""

from __future__ import annotations

import re
from pathlib import Path

from monai_ceph.data.film_format import FilmError, film_format
from monai_ceph.data.film_search import looks_like_film
from monai_ceph.data.film_workers import read_film_apart
from monai_ceph.data.plain_names import check_name
from monai_ceph.film_names import FILM_SUFFIXES, film_name


def upload_name(film_id: str, path: Path) -> str:
    """Return the file name that a sent film gets: its id with the suffix of the file.

    Args:
        film_id: the id that the film is to have.
        path: the file that was sent.
    Raises:
        LabelError: the id is not a valid file name.
        FilmError: the file cannot be read as one film, has an unknown suffix, or has its pixels in another file.
    """
    check_name(film_id, "film id")
    suffix = max((suffix for suffix in FILM_SUFFIXES if path.name.lower().endswith(suffix)), key=len, default="")
    name = f"{film_id}{suffix}"
    if not suffix or film_name(name) != film_id or not looks_like_film(Path(name)):
        raise FilmError(
            f"Film '{film_id}': expected a file ending in one of {' '.join(FILM_SUFFIXES)}, got '{path.name}'."
        )
    try:
        # Checked before reading: an error about the bytes of another file would reveal them to the sender.
        if film_format(path) == "MetaImage" and not _holds_its_pixels(path):
            raise FilmError(f"{path}: its pixels are in another file; save it as one .mha file.")
        read_film_apart(path)
    except FilmError as error:
        raise FilmError(str(error).replace(str(path), f"Film '{film_id}'")) from error
    return name


def _holds_its_pixels(path: Path) -> bool:
    """Return whether a MetaImage names no other file, wherever its header ends."""
    content = path.read_bytes()
    local = re.findall(rb"ElementDataFile\s*[=:]\s*LOCAL\s", content, re.IGNORECASE)
    return bool(local) and len(local) == len(re.findall(rb"ElementDataFile", content, re.IGNORECASE))
