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
class FilmScore:
    """What was found out about a film.

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


def read_scores(folder: Path) -> dict[str, FilmScore]:
    """Film -> score, of the films that have one; a file that cannot be read or is none of these counts for nothing."""
    scores = {}
    for path in sorted(folder.glob("[!.]*.json")) if folder.is_dir() else []:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            scores[path.name.removesuffix(".json")] = FilmScore(**{**content, "feature": tuple(content["feature"])})
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return scores


def unscored(films: Mapping[str, Path], scores: Mapping[str, FilmScore], weights: str) -> list[str]:
    """The films whose score is missing, of other weights, or of another file under the same name; sorted."""
    return sorted(film for film, path in films.items() if not _holds(scores.get(film), path, weights))


def score_films(
    films: Mapping[str, Path],
    folder: Path,
    weights: str,
    load: Callable[[], Predictor],
) -> dict[str, FilmScore]:
    """Scores the films that :func:`unscored` names and writes each score as it is found.

    A film that cannot be used is noted as such and never stops the others.

    Args:
        films: film -> its file.
        folder: of the scores; made where it is not there.
        weights: which weights the system has.
        load: makes the system; not called when there is nothing to do.
    Returns:
        The new scores.
    Raises:
        OSError: the folder cannot be written.
    """
    waiting = unscored(films, read_scores(folder), weights)
    if not waiting:
        return {}
    system, folder, made = load(), make_folder(folder), {}
    for film in waiting:
        try:
            made[film] = _score(films[film], weights, system)
        except FileNotFoundError:  # taken away meanwhile
            continue
        write_text(folder / f"{film}.json", json.dumps(asdict(made[film])) + "\n")
    return made


def _score(film: Path, weights: str, system: Predictor) -> FilmScore:
    stat = film.stat()
    score = FilmScore(weights, stat.st_size, stat.st_mtime_ns)
    try:
        item = system.load(film)
        small = np.round(thumbnail(np.asarray(item["image"])[0]), 3)
        unsure = film_uncertainty(system.predict(item).confidence)
    except Exception as error:  # libraries raise what they like on a broken film
        return replace(score, error=str(root_cause(error)) or type(error).__name__)
    return replace(score, uncertainty=round(unsure, 5), feature=tuple(small.tolist()))


def _holds(score: FilmScore | None, film: Path, weights: str) -> bool:
    try:
        stat = film.stat()
    except OSError:  # no film any more, nothing to score
        return True
    return score is not None and (score.weights, score.bytes, score.mtime_ns) == (
        weights,
        stat.st_size,
        stat.st_mtime_ns,
    )
