"""The ISBI 2015 challenge: the two layouts in which its films are found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from monai_ceph.data.film_format import FilmError
from monai_ceph.data.named_films import unique_films
from monai_ceph.film_names import FILM_SUFFIXES
from monai_ceph.formats.points import AnnotationError


def find_isbi2015(dataset_dir: Path, observers: Sequence[str]) -> tuple[dict[str, Path], dict[str, tuple[Path, ...]]]:
    """Find films and annotations in either layout.

    Official: ``RawImage/*/NNN.bmp`` and ``AnnotationsByMD/400_<observer>/NNN.txt``. Copies: ``cepha400/NNN.jpg`` and
    ``train_<observer>.csv``, ``test1_<observer>.csv`` ... beside it. Films of any format will do.

    Returns:
        Film id ("001") -> file; and observer -> folders or tables that
        :func:`~monai_ceph.formats.annotations.read_annotations` reads.
    Raises:
        FilmError: no film; the message names the folders looked for.
        AnnotationError: no annotation of an observer; likewise.
    """
    if not dataset_dir.is_dir():
        raise FilmError(f"{dataset_dir}: there is no such folder; give the folder of the ISBI 2015 data set.")
    official, copies = dataset_dir / "RawImage", dataset_dir / "cepha400"
    folder = official if official.is_dir() else copies
    if not folder.is_dir():
        raise FilmError(
            f"{dataset_dir}: no ISBI 2015 films here; looked for the folders 'RawImage' (official layout) and "
            "'cepha400' (copies with CSV annotations)."
        )
    films = unique_films(
        p for p in sorted(folder.rglob("*")) if p.name.lower().endswith(FILM_SUFFIXES) and not p.name.startswith(".")
    )
    if not films:
        raise FilmError(f"{folder}: no film in this folder; expected files such as 001.bmp or 001.jpg.")
    annotations = {}
    for observer in observers:
        texts = dataset_dir / "AnnotationsByMD" / f"400_{observer}"
        tables = tuple(sorted(dataset_dir.glob(f"*_{observer}.csv")))
        annotations[observer] = (texts,) if texts.is_dir() else tables
        if not annotations[observer]:
            raise AnnotationError(
                f"{dataset_dir}: no annotation by observer '{observer}'; looked for the folder "
                f"'AnnotationsByMD/400_{observer}' and tables '*_{observer}.csv'."
            )
    return films, annotations
