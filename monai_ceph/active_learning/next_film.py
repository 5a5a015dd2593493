"""Choose the next film to annotate from the films' records.

Records are made in the background and may be incomplete, so both rules always have an answer: films without a record
come after all others, sorted by name, and unusable films come last. A record of earlier weights is used until it is
replaced, since a ranking by the last model is better than none. If both kinds are mixed, films with older records tend
to come first, because the earlier model was less certain.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np

from monai_ceph.active_learning.selection import farthest_first
from monai_ceph.active_learning.uncertainty import FilmRecord


class Choice(NamedTuple):
    """A film, the value that it was chosen for, None if unknown, and what that value is."""

    film: str
    value: float | None
    measure: str = "uncertainty"


def most_uncertain(candidates: Collection[str], records: Mapping[str, FilmRecord]) -> Choice | None:
    """Return the candidate with the largest expected error; None without candidates.

    If a candidate has no expected error, all are compared by their uncertainty, since millimetres and confidences
    cannot be compared. Fine-tuned weights have none, nor has a film of unknown pixel size or without a face.

    >>> records = {"a": FilmRecord("w", 1, 1, 0.2), "b": FilmRecord("w", 1, 1, 0.6)}
    >>> most_uncertain(["a", "b", "c"], records)
    Choice(film='b', value=0.6, measure='uncertainty')
    """
    known = sorted(film for film in candidates if film in records and not records[film].error)
    for measure in ("expected_error_mm", "uncertainty"):
        values = {film: getattr(records[film], measure) for film in known}
        if known and None not in values.values():
            film = max(known, key=lambda name: values[name])
            return Choice(film, values[film], measure)
    return _without_record(candidates, records)


def most_different(
    candidates: Collection[str], known: Collection[str], records: Mapping[str, FilmRecord]
) -> Choice | None:
    """Return the candidate that looks least like the known films (annotated or reserved); None without candidates.

    See :func:`monai_ceph.active_learning.selection.farthest_first`, also for the first choice if no film is known.
    """
    features = {film: record.feature for film, record in records.items() if record.feature}
    films = sorted(features.keys() & set(candidates))
    if films:
        others = [features[film] for film in sorted(features.keys() & set(known))]
        [(row, distance)] = farthest_first(np.array([features[film] for film in films]), np.array(others))
        return Choice(films[row], None if np.isnan(distance) else distance, "distance")
    return _without_record(candidates, records)


def _without_record(candidates: Collection[str], records: Mapping[str, FilmRecord]) -> Choice | None:
    if not candidates:
        return None
    return Choice(min(candidates, key=lambda film: (film in records, film)), None)
