"""What active learning knows of the films of a folder: how unsure the model is of each, and what it looks like.

One small JSON file a film, ``<film>.json``, of the weights and the very file that it was made from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from monai_ceph.active_learning.selection import film_uncertainty, thumbnail
from monai_ceph.atomic import make_folder, write_text
from monai_ceph.predictor.bundle import root_cause
from monai_ceph.predictor.predictor import Predictor


@dataclass(frozen=True)
class FilmRecord:
    """What is known about a film.

    Args:
        weights: which weights were asked.
        bytes, mtime_ns: of the film's file, which tell whether it is still the one that was looked at.
        uncertainty: see :func:`monai_ceph.active_learning.selection.film_uncertainty`; None if the film cannot be used.
        feature: see :func:`monai_ceph.active_learning.selection.thumbnail`; empty if the film cannot be used.
        error: why it cannot be used, a sentence.
    """

    weights: str
    bytes: int
    mtime_ns: int
    uncertainty: float | None = None
    feature: tuple[float, ...] = ()
    error: str = ""


def read_records(folder: Path) -> dict[str, FilmRecord]:
    """Return film -> record; files that cannot be read as a record are passed over."""
    records = {}
    for path in sorted(folder.glob("[!.]*.json")) if folder.is_dir() else []:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            records[path.name.removesuffix(".json")] = FilmRecord(**{**content, "feature": tuple(content["feature"])})
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return records


def outdated(films: Mapping[str, Path], records: Mapping[str, FilmRecord], weights: str) -> list[str]:
    """Return the films whose record is missing, of other weights, or of another file under the same name; sorted."""
    return sorted(film for film, path in films.items() if not _holds(records.get(film), path, weights))


def update_records(
    films: Mapping[str, Path],
    folder: Path,
    weights: str,
    load: Callable[[], Predictor],
) -> dict[str, FilmRecord]:
    """Record the films that :func:`outdated` names, and write each record as it is made.

    A film that cannot be used is recorded as such and never stops the others.

    Args:
        films: film -> its file.
        folder: of the records; made where it is not there.
        weights: which weights the predictor has.
        load: makes the predictor; not called when there is nothing to do.
    Returns:
        The new records.
    Raises:
        OSError: the folder cannot be written.
    """
    waiting = outdated(films, read_records(folder), weights)
    if not waiting:
        return {}
    predictor, folder, made = load(), make_folder(folder), {}
    for film in waiting:
        try:
            made[film] = _record(films[film], weights, predictor)
        except FileNotFoundError:  # taken away meanwhile
            continue
        write_text(folder / f"{film}.json", json.dumps(asdict(made[film])) + "\n")
    return made


def _record(film: Path, weights: str, predictor: Predictor) -> FilmRecord:
    stat = film.stat()
    record = FilmRecord(weights, stat.st_size, stat.st_mtime_ns)
    try:
        item = predictor.load(film)
        small = np.round(thumbnail(np.asarray(item["image"])[0]), 3)
        unsure = film_uncertainty(predictor.predict(item).confidence)
    except Exception as error:  # libraries raise what they like on a broken film
        return replace(record, error=str(root_cause(error)) or type(error).__name__)
    return replace(record, uncertainty=round(unsure, 5), feature=tuple(small.tolist()))


def _holds(record: FilmRecord | None, film: Path, weights: str) -> bool:
    try:
        stat = film.stat()
    except OSError:  # no film any more, nothing to look at
        return True
    return record is not None and (record.weights, record.bytes, record.mtime_ns) == (
        weights,
        stat.st_size,
        stat.st_mtime_ns,
    )
