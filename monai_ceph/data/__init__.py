"""Films and data sets.

Names are loaded when they are first used, so that the names of films do not load ITK. The generic ``datalist``
function is left in its module, :mod:`monai_ceph.data.datalist`, whose name it would hide.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monai_ceph.data.datalist import isbi2015_datalist
    from monai_ceph.data.film import FilmInfo, film_size, read_film
    from monai_ceph.data.film_format import FilmError
    from monai_ceph.data.film_list import film_spacings, read_film_list
    from monai_ceph.data.film_reader import FilmReader
    from monai_ceph.data.film_search import FoundFilms, find_films, search_films
    from monai_ceph.data.film_workers import FilmCrashError, FilmWorkers
    from monai_ceph.data.label_check import LabelError
    from monai_ceph.data.label_folder import LabelFolder, UnknownFilmError, UnknownLabelError

_HOME = {
    "FilmCrashError": "film_workers",
    "FilmError": "film_format",
    "FilmInfo": "film",
    "FilmReader": "film_reader",
    "FilmWorkers": "film_workers",
    "FoundFilms": "film_search",
    "LabelError": "label_check",
    "LabelFolder": "label_folder",
    "UnknownFilmError": "label_folder",
    "UnknownLabelError": "label_folder",
    "film_size": "film",
    "film_spacings": "film_list",
    "find_films": "film_search",
    "isbi2015_datalist": "datalist",
    "read_film": "film",
    "read_film_list": "film_list",
    "search_films": "film_search",
}

__all__ = [
    "FilmCrashError",
    "FilmError",
    "FilmInfo",
    "FilmReader",
    "FilmWorkers",
    "FoundFilms",
    "LabelError",
    "LabelFolder",
    "UnknownFilmError",
    "UnknownLabelError",
    "film_size",
    "film_spacings",
    "find_films",
    "isbi2015_datalist",
    "read_film",
    "read_film_list",
    "search_films",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
