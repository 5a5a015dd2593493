"""Films and data sets.

Names are loaded when they are first used, so that the names of films do not load ITK. The generic ``datalist``
function is left in its module, :mod:`monai_ceph.data.datalist`, whose name it would hide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monai_ceph.lazy_names import lazy_names

if TYPE_CHECKING:
    from monai_ceph.data.datalist import isbi2015_datalist
    from monai_ceph.data.film import FilmInfo, film_size, read_film
    from monai_ceph.data.film_folder import UnknownFilmError
    from monai_ceph.data.film_format import FilmError
    from monai_ceph.data.film_list import film_spacings, read_film_list
    from monai_ceph.data.film_process import FilmCrashError
    from monai_ceph.data.film_reader import FilmReader
    from monai_ceph.data.film_search import FoundFilms, find_films, search_films
    from monai_ceph.data.film_workers import FilmWorkers
    from monai_ceph.data.label_check import LabelError
    from monai_ceph.data.label_folder import LabelFolder, UnknownLabelError

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

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "datalist": ["isbi2015_datalist"],
        "film": ["FilmInfo", "film_size", "read_film"],
        "film_folder": ["UnknownFilmError"],
        "film_format": ["FilmError"],
        "film_list": ["film_spacings", "read_film_list"],
        "film_reader": ["FilmReader"],
        "film_search": ["FoundFilms", "find_films", "search_films"],
        "film_process": ["FilmCrashError"],
        "film_workers": ["FilmWorkers"],
        "label_check": ["LabelError"],
        "label_folder": ["LabelFolder", "UnknownLabelError"],
    },
)
