"""Score points against a reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monai_ceph.evaluation.film_spacings import Spacings
from monai_ceph.formats.points import Annotations
from monai_ceph.metrics.reference_scores import ReferenceScores, score_films


def score(
    points: Annotations,
    name: str,
    reference: Annotations,
    spacings_mm: Spacings,
    compared: str = "predictions",
) -> ReferenceScores:
    """Score points against a reference on the films where it has at least one landmark.

    Args:
        points: the points to score.
        name: name of the reference.
        reference: reference points, of the same scheme.
        spacings_mm: film -> (along x, along y), mm.
        compared: name of the points.
    Raises:
        ValueError: no film is left to score.
    """
    points_mm, target_mm = (
        {film: np.asarray(px, dtype=np.float64) * spacings_mm[film] for film, px in side.points_px.items()}
        for side in (points, reference)
    )
    return score_films(compared, name, points.scheme.symbols, points_mm, target_mm)


def agreement(
    points: Annotations, compared: str, reference: Annotations, name: str, spacings_mm: Spacings
) -> ReferenceScores | None:
    """Score one annotation against another.

    Neither is a prediction, so a landmark that one of them lacks counts as unknown rather than missing.

    Returns:
        The scores on the films that both have, or None if they have no landmark in common.
    """
    films = sorted(points.points_px.keys() & reference.points_px.keys())
    both = {film: np.isfinite(points.points_px[film] + reference.points_px[film]).all(-1) for film in films}
    films = [film for film in films if both[film].any()]
    if not films:
        return None
    target = {film: np.where(both[film][:, None], reference.points_px[film], np.nan) for film in films}
    shared = replace(points, points_px={film: points.points_px[film] for film in films})
    return score(shared, name, replace(reference, points_px=target), spacings_mm, compared)
