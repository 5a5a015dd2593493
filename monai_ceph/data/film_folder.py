"""Find the films of a folder and its subfolders by ids.

    FOLDER/film.png ...                              a film's id is its name without suffix
    FOLDER/patient/film.png ...                      in a subfolder, it is patient__film

Nothing is kept in memory, so users may add and remove files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from reprlib import repr as shown
from typing import Any

from monai_ceph.data.film_format import FilmError
from monai_ceph.data.film_search import looks_like_film
from monai_ceph.data.film_workers import viewer_frame_apart
from monai_ceph.data.plain_names import is_listed
from monai_ceph.film_names import film_name
from monai_ceph.formats.viewer_frame import ViewerFrame
from monai_ceph.wording import named

INSIDE = "__"
"""What separates a folder from a film in the id of a film in a folder: an id is part of URLs and file names."""


class UnknownFilmError(LookupError):
    """There is no film of this id in the folder."""


class SameFilmError(ValueError):
    """Two films have the same id, so it is unknown to which of them a label belongs."""


class FilmFolder:
    """The films of a folder and its subfolders, except those in its top subfolder "labels".

    Args:
        folder: the folder.
    Raises:
        FilmError: there is no such folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).resolve()
        if not self.folder.is_dir():
            raise FilmError(f"{folder}: there is no such folder; give the folder of the films.")

    def films(self) -> dict[str, Path]:
        """Return film id -> file for the films that exist now, sorted by name.

        Files count as in :func:`~monai_ceph.data.film_search.find_films`, except hidden files and links that lead out
        of the folder. If several films have the same id, the first by file name counts.
        """
        films: dict[str, Path] = {}
        for path in self._film_files():
            films.setdefault(self.film_id(path), path)
        return films

    def film_id(self, path: Path) -> str:
        """Return the id of a film of this folder: its name without suffix, after the folders that it lies in."""
        return INSIDE.join((*path.relative_to(self.folder).parts[:-1], film_name(path)))

    def film(self, film_id: str) -> Path:
        """Return the file of a film, the first by file name if several have its id. Raises UnknownFilmError."""
        return self._films_of(film_id)[0]

    def only_film(self, film_id: str) -> Path:
        """Return the file of a film. Raises UnknownFilmError, or SameFilmError if another film has the same id."""
        films = self._films_of(film_id)
        if len(films) > 1:
            raise SameFilmError(
                f"There are {len(films)} films '{film_id}': {named([self._short(film) for film in films])}. Rename or "
                "remove all but one, and look at the film again."
            )
        return films[0]

    def frame(self, film_id: str) -> ViewerFrame:
        """Return the frame in which a viewer opens a film. Raises UnknownFilmError, FilmError."""
        return film_frame(self.film(film_id))

    def clashes(self) -> list[tuple[Path, Path]]:
        """Return (film, listed film) for each film that :meth:`films` omits because another one has its id."""
        listed: dict[str, Path] = {}
        pairs = [(path, listed.setdefault(self.film_id(path), path)) for path in self._film_files()]
        return [(path, same_id) for path, same_id in pairs if path != same_id]

    def problems(self) -> list[str]:
        """Return a sentence for each reason why files of the folder that may be films cannot be served."""
        sentences = [
            f"'{self._short(path)}' and '{self._short(listed)}' have one id, '{self.film_id(listed)}': rename or "
            "remove one of them; until then no label of it is taken."
            for path, listed in self.clashes()
        ]
        links = [path for path in self._walk() if path.is_symlink() and not self._is_inside(path)]
        if outside := [self._short(path) for path in links if path.exists()]:
            sentences.append(
                f"Links that lead out of the folder are not followed ({named(outside, 3)}): copy the films, or serve "
                "the folder that they lie in."
            )
        if broken := [self._short(path) for path in links if not path.exists()]:
            sentences.append(f"Links that lead nowhere: {named(broken, 3)}.")
        return sentences

    def _short(self, path: Path) -> str:
        return str(path.relative_to(self.folder))

    def _films_of(self, film_id: str) -> list[Path]:
        films = list(self._film_files(check_id(film_id)))
        if not films:
            raise _unknown(film_id)
        return films

    def _film_files(self, film_id: str | None = None) -> Iterator[Path]:
        return (path for path in self._walk(film_id) if self._is_inside(path) and looks_like_film(path))

    def _walk(self, film_id: str | None = None) -> Iterator[Path]:
        """Yield the files of the folder and its subfolders, by name, except hidden ones and labels.

        Args:
            film_id: if given, yield only files that have this id, and list no folder that cannot hold one.
        """
        for folder, folders, names in os.walk(self.folder):
            above = "".join(f"{part}{INSIDE}" for part in Path(folder).relative_to(self.folder).parts)
            folders[:] = sorted(
                name
                for name in folders
                if is_listed(name)
                and (above or name != "labels")
                and (film_id is None or film_id.startswith(f"{above}{name}{INSIDE}"))
            )
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            for name in sorted([*names, *links]):
                if is_listed(name) and (film_id is None or film_id == above + film_name(name)):
                    yield Path(folder, name)

    def _is_inside(self, path: Path) -> bool:
        """Return whether a path is a file and, if it is a link, leads to a file in the folder."""
        return path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(self.folder))


def check_id(film_id: Any) -> str:
    """Return a film's id if files can be named after it. Raises UnknownFilmError."""
    if not isinstance(film_id, str) or not is_listed(film_id):
        raise _unknown(film_id)
    return film_id


def film_frame(film: Path) -> ViewerFrame:
    """Return the frame of a film, cached until its file changes, so that labels need not wait for the film reader."""
    try:
        state = film.stat()
    except FileNotFoundError:  # removed meanwhile; the reader raises the error
        return viewer_frame_apart(film)
    return _frame_of(film, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _frame_of(film: Path, size: int, mtime_ns: int) -> ViewerFrame:
    return viewer_frame_apart(film)


def _unknown(film_id: Any) -> UnknownFilmError:
    return UnknownFilmError(f"There is no film {shown(film_id)} in the folder.")
