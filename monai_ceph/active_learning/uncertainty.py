"""Keep a record of each film of a folder for active learning: how uncertain the model is, and how the film looks.

A record names the weights and the version of the file that it was made from, see :mod:`monai_ceph.film_records`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.active_learning.selection import film_uncertainty, thumbnail
from monai_ceph.atomic import make_folder, remove_leftovers
from monai_ceph.data.film_process import WorkerStartError
from monai_ceph.film_records import FilmRecords, RecordError
from monai_ceph.predictor.bundle import root_cause
from monai_ceph.predictor.predictor import Predictor

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FilmRecord:
    """What is known about a film.

    Args:
        weights: the weights that made the record.
        bytes, mtime_ns: size and time of the film's file, which show whether it has changed since.
        uncertainty: see :func:`monai_ceph.active_learning.selection.film_uncertainty`; None if the film cannot be used.
        feature: see :func:`monai_ceph.active_learning.selection.thumbnail`; empty if the film cannot be used.
        error: why it cannot be used, a sentence.
        expected_error_mm: mean over the landmarks, see :class:`monai_ceph.prediction.Prediction`; None where unknown.
    """

    weights: str
    bytes: int
    mtime_ns: int
    uncertainty: float | None = None
    feature: tuple[float, ...] = ()
    error: str = ""
    expected_error_mm: float | None = None


def read_records(folder: Path) -> dict[str, FilmRecord]:
    """Return film -> record; a record that is damaged or has another layout is named in the log and left out."""
    records, stored = {}, FilmRecords(folder)
    for film in stored.films():
        try:
            if content := stored.read(film):
                records[film] = _film_record(content)
        except RecordError as error:
            logger.warning("%s The film is scored again.", error)
        except (KeyError, TypeError, ValueError):
            logger.warning("The score of '%s' in '%s' has another form; the film is scored again.", film, folder)
    return records


def _film_record(content: Mapping[str, Any]) -> FilmRecord:
    """Return a stored record. Raises KeyError, TypeError or ValueError if it has another layout."""
    measures = {name: content.get(name) for name in ("uncertainty", "expected_error_mm")}
    numbers = {name: None if value is None else float(value) for name, value in measures.items()}
    return FilmRecord(**{**content, **numbers, "feature": tuple(map(float, content["feature"]))})


def outdated(films: Mapping[str, Path], records: Mapping[str, FilmRecord], weights: str) -> list[str]:
    """Return the films whose record is missing, of other weights, or of another file under the same name; sorted."""
    return sorted(film for film, path in films.items() if not _holds(records.get(film), path, weights))


def update_records(
    films: Mapping[str, Path], folder: Path, weights: str, load: Callable[[], Predictor]
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
        OSError: the folder cannot be written, or no process that reads films can be started.
    """
    waiting = outdated(films, read_records(folder), weights)
    if not waiting:
        return {}
    predictor, records, made = load(), FilmRecords(make_folder(folder)), {}
    remove_leftovers(folder, older_than_s=60)  # another process may be scoring
    for film in waiting:
        try:
            made[film] = _record(films[film], weights, predictor)
        except FileNotFoundError:  # taken away meanwhile
            continue
        records.write(film, asdict(made[film]))
    return made


def _record(film: Path, weights: str, predictor: Predictor) -> FilmRecord:
    stat = film.stat()
    record = FilmRecord(weights, stat.st_size, stat.st_mtime_ns)
    try:
        item = predictor.load(film)
        small = np.round(thumbnail(np.asarray(item["image"])[0]), 3)
        prediction = predictor.predict(item)
        unsure, expected = film_uncertainty(prediction.confidence), prediction.expected_error_mm
    except Exception as error:  # libraries raise what they like on a broken film
        cause = root_cause(error)
        if isinstance(cause, WorkerStartError):
            raise cause from None
        return replace(record, error=str(cause) or type(cause).__name__)
    mean_mm = None if expected is None or np.isnan(expected).all() else round(float(np.nanmean(expected)), 4)
    return replace(record, uncertainty=round(unsure, 5), feature=tuple(small.tolist()), expected_error_mm=mean_mm)


def _holds(record: FilmRecord | None, film: Path, weights: str) -> bool:
    try:
        stat = film.stat()
    except OSError:  # the film is gone, so there is nothing to look at
        return True
    current = (weights, stat.st_size, stat.st_mtime_ns)
    return record is not None and (record.weights, record.bytes, record.mtime_ns) == current
