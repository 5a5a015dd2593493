"""Check and measure points while a person corrects them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monai_ceph.analysis import measure
from monai_ceph.face_shape import FaceShape, expected_places, fit_either_side, noise_mm
from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.prediction import Prediction

FAR_MM = 10.0
"""A correction of this length is rare: more likely, another landmark was moved."""
ODD = 6.0
"""Distance from the place that all other points suggest, in standard deviations."""
UNMOVED_PX = 0.01
"""A point this near to its proposal is the proposal; files round positions."""
FEWEST = 4
"""Fewer points than this would fit any face."""


@dataclass(frozen=True)
class PointWarning:
    """Something odd about a point.

    Args:
        symbol: the landmark.
        text: a sentence.
    """

    symbol: str
    text: str


def warn(
    points_px: np.ndarray,
    proposal_px: np.ndarray,
    spacing_mm: Sequence[float] | None,
    scheme: LandmarkScheme,
    shape: FaceShape | None,
) -> list[PointWarning]:
    """Return what is odd about the points of a film.

    Args:
        points_px: (N, 2), (x, y); NaN where a landmark cannot be seen.
        proposal_px: (N, 2), what the model proposed; NaN where it found nothing.
        spacing_mm: (along x, along y), mm; None where unknown. Distances are then in pixels of a face of mean size.
        scheme: the landmarks.
        shape: how faces look; None checks only the distance to the proposal.
    Returns:
        At most one warning for each landmark: far from its proposal, or where no face has it.
    Example:
        >>> from monai_ceph.landmarks import ISBI19
        >>> from monai_ceph.phantoms.mean_shape import MEAN_MM
        >>> proposal_px = MEAN_MM * 10 + 1200
        >>> points_px = proposal_px.copy()
        >>> points_px[0] += 150
        >>> [warning.symbol for warning in warn(points_px, proposal_px, (0.1, 0.1), ISBI19, None)]
        ['S']
    """
    x, y = spacing_mm or (1.0, 1.0)
    square, pixel_mm = np.array([1.0, y / x]), np.nan if spacing_mm is None else x
    off_shape = np.full(len(scheme), np.nan)
    placed = np.isfinite(points_px).all(-1)
    if shape is not None and placed.sum() >= FEWEST:
        fit, _ = fit_either_side(points_px * square, placed.astype(float), shape)
        if fit is not None:
            _, off_shape = expected_places(points_px * square, noise_mm(np.ones(len(scheme))), fit, shape)
            pixel_mm = fit.working_mm if spacing_mm is None else x
    moved_mm = np.hypot(*((points_px - proposal_px) * square).T) * pixel_mm
    warnings = []
    for symbol, moved, off in zip(scheme.symbols, moved_mm, off_shape, strict=True):
        if moved > FAR_MM:
            text = f"{symbol} is {moved:.0f} mm from its proposal. Is it the right landmark?"
            warnings.append(PointWarning(symbol, text))
        elif off > ODD:
            text = f"No face has {symbol} here, judging by the other points. Have two points been swapped?"
            warnings.append(PointWarning(symbol, text))
    return warnings


def measured(
    points_px: np.ndarray,
    spacing_mm: Sequence[float] | None,
    scheme: LandmarkScheme,
    proposal: Prediction | None = None,
) -> list[dict[str, Any]]:
    """Return the measurements of a film, ready for JSON.

    Args:
        points_px: (N, 2), (x, y); NaN where a landmark cannot be seen.
        spacing_mm: (along x, along y), mm; None where unknown.
        scheme: the landmarks.
        proposal: gives intervals of 90 % to measurements whose points all lie where it has them. Nothing is known of
            the error of points that a person has moved.
    Returns:
        The rows of :meth:`monai_ceph.analysis.Measurements.to_frame`; None for unknown numbers.
    Example:
        >>> from monai_ceph.landmarks import ISBI19
        >>> from monai_ceph.phantoms.mean_shape import MEAN_MM
        >>> rows = {row["measurement"]: row["value"] for row in measured(MEAN_MM * 10 + 1200, (0.1, 0.1), ISBI19)}
        >>> round(rows["SNA"], 1)
        82.5
    """
    covariance_mm2 = None
    if proposal is not None and proposal.covariance_mm2 is not None:
        same = np.abs(points_px - proposal.points_px).max(-1) <= UNMOVED_PX
        covariance_mm2 = np.where(same[:, None, None], proposal.covariance_mm2, np.nan)
    table = measure(points_px, spacing_mm, scheme, covariance_mm2=covariance_mm2).to_frame()
    table = table.replace([np.inf, -np.inf], np.nan)  # a ratio to points that coincide
    return table.astype(object).where(table.notna(), None).to_dict("records")
