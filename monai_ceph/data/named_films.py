"""The films of a folder by their names, for annotations that say only which film they are of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from monai_ceph.data.film_format import FilmError
from monai_ceph.data.film_search import find_films
from monai_ceph.data.film_workers import viewer_frame_apart
from monai_ceph.film_names import film_name, spelled_like
from monai_ceph.formats.viewer_frame import ViewerFrame


def named_films(folder: str | Path | None) -> dict[str, Path]:
    """Return film name -> film of a folder; nothing if there is no folder. Raises FilmError."""
    return {} if folder is None else unique_films(find_films([folder]))


def unique_films(paths: Iterable[Path]) -> dict[str, Path]:
    """Map film names to files.

    Raises:
        FilmError: two files have the same film name, so it is unknown to which an annotation belongs.
    """
    films: dict[str, Path] = {}
    for path in paths:
        name = film_name(path)
        if name in films:
            raise FilmError(f"{path}: a film of the same name is at {films[name]}; rename or remove one of them.")
        films[name] = path
    return films


def by_file_name(films: Iterable[Path], advice: str) -> dict[str, Path]:
    """Return file name -> film.

    Raises:
        ValueError: two films have one file name, so their results would be mixed up; the message ends with the advice.

    >>> by_file_name([Path("a/1.png"), Path("b/1.png")], "rename one")
    Traceback (most recent call last):
    ValueError: 'b/1.png' and 'a/1.png' have one file name, and results go by it; rename one.
    """
    named: dict[str, Path] = {}
    for film in films:
        if film.name in named:
            raise ValueError(f"'{film}' and '{named[film.name]}' have one file name, and results go by it; {advice}.")
        named[film.name] = film
    return named


def frame_finder(films: Mapping[str, Path]) -> Callable[[str], ViewerFrame | None]:
    """Return a function of a film's name: the frame in which a viewer opens that film, None if it is not there.

    >>> frame_finder({})("001") is None
    True
    """

    def frame_of(name: str) -> ViewerFrame | None:
        path = films.get(spelled_like([name], films)[name])
        return None if path is None else viewer_frame_apart(path)

    return frame_of
