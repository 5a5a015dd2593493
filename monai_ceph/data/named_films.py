"""The films of a folder by their names, for annotations that say only which film they are of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from monai_ceph.data.film_search import find_films
from monai_ceph.data.film_workers import viewer_frame_apart
from monai_ceph.data.isbi2015 import unique_films
from monai_ceph.film_names import spelled_like
from monai_ceph.formats.viewer_frame import ViewerFrame


def named_films(folder: str | Path | None) -> dict[str, Path]:
    """Return film name -> film of a folder; nothing if there is no folder. Raises FilmError."""
    return {} if folder is None else unique_films(find_films([folder]))


def frame_finder(films: Mapping[str, Path]) -> Callable[[str], ViewerFrame | None]:
    """Return a function of a film's name: the frame in which a viewer opens that film, None if it is not there.

    >>> frame_finder({})("001") is None
    True
    """

    def frame_of(name: str) -> ViewerFrame | None:
        path = films.get(spelled_like([name], films)[name])
        return None if path is None else viewer_frame_apart(path)

    return frame_of
