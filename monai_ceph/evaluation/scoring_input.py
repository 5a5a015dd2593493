"""Read and select what `evaluate` and `compare` score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from monai_ceph.data.named_films import named_films
from monai_ceph.evaluation.film_spacings import Spacing, Spacings, common_spacing, film_spacings
from monai_ceph.evaluation.points import Observers, Points, contradictions, read_observers, read_predictions
from monai_ceph.evaluation.selection import among, choose_references, films_to_leave_out, landmarks_to_keep, restrict
from monai_ceph.evaluation.settings import Settings
from monai_ceph.landmarks import get_scheme
from monai_ceph.spacing import check_spacing
from monai_ceph.wording import count, named


@dataclass(frozen=True)
class ScoringInput:
    """Hold points to score, the observers' points, and what the user asked for.

    Args:
        predicted: names and points of each set of predictions, all on the same films.
        observers: all points of each observer, also on films without prediction.
        scored: those on the predicted films.
        truths: the references that the protocol chooses.
        settings: those that do not depend on spacings; its remarks are on films that only one set of predictions has.
        user_mm: the user's spacing, (along x, along y), mm.
        films: film name -> file, if the films are there.
    """

    predicted: Observers
    observers: Observers
    scored: Observers
    truths: Observers
    settings: Settings
    user_mm: Spacing | None
    films: Mapping[str, Path]

    def spacings(self, films: Sequence[str]) -> tuple[dict[str, Spacing], list[str]]:
        """Return the spacing of films, and remarks, see :func:`~monai_ceph.evaluation.film_spacings.film_spacings`."""
        return film_spacings(films, [*self.predicted, *self.observers], self.user_mm)

    def problems(self) -> list[str]:
        """Return what is odd about the points, in themselves and on their films."""
        tables = [*self.predicted, *self.truths]
        problems = [problem for _, table in tables for problem in table.problems]
        return problems + contradictions([*self.predicted, *self.scored], self.films)

    def settings_with(self, spacings_mm: Spacings, remarks: Sequence[str]) -> dict[str, Any]:
        """Return all fields of :class:`~monai_ceph.evaluation.settings.Settings`."""
        spacing_mm = common_spacing({film: spacings_mm[film] for film in self.predicted[0][1].points_px})
        return vars(replace(self.settings, spacing_mm=spacing_mm, remarks=tuple(remarks)))


def read_scoring_input(
    predictions: Mapping[str, Points],
    references: Sequence[Points],
    spacing_mm: float | tuple[float, float] | None,
    protocol: str,
    scheme: str | Path,
    exclude: Sequence[str],
    exclude_landmarks: Sequence[str],
    films: str | Path | None,
) -> ScoringInput:
    """Read and select what is scored.

    Args:
        predictions: sets of predictions by name; a file is named by its path. What all of them have is scored.
        references, spacing_mm, protocol, scheme, exclude, exclude_landmarks, films: as in
            :func:`monai_ceph.evaluation.evaluate.evaluate`.
    Raises:
        ValueError: the input cannot be scored; the message names the file and the remedy.
    """
    user_mm = None if spacing_mm is None else check_spacing(spacing_mm, "--spacing")
    film_files = named_films(films)
    full_scheme = get_scheme(scheme)
    landmarks = landmarks_to_keep(exclude_landmarks, full_scheme)
    tables = [
        (str(source) if isinstance(source, (str, Path)) else name, read_predictions(source, full_scheme))
        for name, source in predictions.items()
    ]
    common, remarks = _common_films(tables)
    without = films_to_leave_out(exclude, common)
    scored_films = common.difference(*without.values())
    predicted = [(name, restrict(table, landmarks, scored_films)) for name, table in tables]
    observers = [
        (name, restrict(points, landmarks))
        for name, points in read_observers(references, full_scheme, predicted[0][1], user_mm, film_files)
    ]
    scored = among(scored_films, observers)
    settings = Settings(
        protocol=protocol,
        scheme=landmarks.name,
        excluded_films=without,
        excluded_landmarks=tuple(exclude_landmarks),
        remarks=remarks,
    )
    truths = choose_references(scored, protocol)
    return ScoringInput(predicted, observers, scored, truths, settings, user_mm, film_files)


def _common_films(tables: Observers) -> tuple[set[str], tuple[str, ...]]:
    """Return the films that all tables have, and a remark on films that only one of them has."""
    films = {name: set(table.points_px) for name, table in tables}
    common = set.intersection(*films.values())
    if not common and len(films) > 1:
        raise ValueError(
            f"{' and '.join(films)} have no film in common "
            f"({'; '.join(named(sorted(own), 3) for own in films.values())}). Films are matched by file name without "
            "folder and suffix."
        )
    return common, tuple(
        f"{name}: {count(len(own - common), 'film')} only in this table, left out: {named(sorted(own - common))}."
        for name, own in films.items()
        if own - common
    )
