"""Which film of a folder to annotate next, by its records.

Scores are made in the background and may lag behind, so both rules have an answer at any time: a film without a record
comes after all that have one, by name, and one that cannot be used comes last. A record of earlier weights counts as it
is until the film is looked at anew: a ranking by the last model is better than none, and where both kinds are mixed the
earlier ones, of a model that knew less, tend to come first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np

from monai_ceph.active_learning.film_records import FilmRecord
from monai_ceph.active_learning.selection import farthest_first


class Choice(NamedTuple):
    """A film and what it was chosen for: its uncertainty or distance, None where that is not known."""

    film: str
    value: float | None


def most_uncertain(candidates: Collection[str], records: Mapping[str, FilmRecord]) -> Choice | None:
    """The candidate that the model is least sure of; None without candidates."""
    known = {film: records[film].uncertainty for film in candidates if film in records and not records[film].error}
    if known:
        film = max(sorted(known), key=lambda name: known[name] or 0.0)
        return Choice(film, known[film])
    return _without_record(candidates, records)


def most_different(
    candidates: Collection[str], known: Collection[str], records: Mapping[str, FilmRecord]
) -> Choice | None:
    """The candidate that looks least like the known films (annotated, or about to be); None without candidates.

    See :func:`monai_ceph.active_learning.selection.farthest_first`, also for what comes first when no film is known.
    """
    features = {film: record.feature for film, record in records.items() if record.feature}
    films = sorted(features.keys() & set(candidates))
    if films:
        others = [features[film] for film in sorted(features.keys() & set(known))]
        [(row, distance)] = farthest_first(np.array([features[film] for film in films]), np.array(others))
        return Choice(films[row], None if np.isnan(distance) else distance)
    return _without_record(candidates, records)


def _without_record(candidates: Collection[str], records: Mapping[str, FilmRecord]) -> Choice | None:
    if not candidates:
        return None
    return Choice(min(candidates, key=lambda film: (film in records, film)), None)
