"""Refine the global stage's points with the local stage, and look again where a point cannot be.

The module does not need torch, so every backend can use it: a backend brings the local stage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from monai_ceph.face_shape import expected_places, noise_mm
from monai_ceph.pose_search import Look, PoseSearch

LocalStage = Callable[[np.ndarray], np.ndarray]
"""Where to look, (N, 2), array indices of an upright film -> (N, 6): x, y, confidence, and the heatmap's spread."""


class UprightFilm(NamedTuple):
    """Describe the array in which the local stage looks.

    Args:
        size: (X, Y).
        to_film: (3, 3), affine from its indices to film pixels.
        pixel_mm: (along x, along y), size of its pixels at the working scale.
    Example:
        >>> UprightFilm((970, 1200), np.eye(3), (0.2, 0.2)).size
        (970, 1200)
    """

    size: tuple[int, int]
    to_film: np.ndarray
    pixel_mm: tuple[float, float]


def refined_points(
    look: Look, view: UprightFilm, local: LocalStage, search: PoseSearch | None, far: float = 3.0
) -> np.ndarray:
    """Find the points of a film whose pose is known.

    Args:
        look: what the global stage saw.
        view: the film as the local stage sees it.
        local: the local stage.
        search: knows faces; without it, or where no face was seen, the local stage looks where the global stage did.
        far: distance from where the other points place a point, in standard deviations, beyond which it is looked for
            there.
    Returns:
        (N, 3 + 7) float64: x and y in film pixels, the confidence (0 to 1), and
        :data:`~monai_ceph.landmark_status.EVIDENCE`.
    Example:
        >>> from monai_ceph.film_pose import FilmPose
        >>> look = Look(FilmPose((0.1, 0.1)), np.array([[50.0, 60.0, 0.9]]), None, 0.0)
        >>> view = UprightFilm((100, 100), np.eye(3), (0.1, 0.1))
        >>> local = lambda start: np.column_stack([start + 1, [[0.8, 4.0, 0.0, 4.0]]])
        >>> refined_points(look, view, local, search=None).round(3).tolist()
        [[51.0, 61.0, 0.8, 0.9, 0.141, 0.0, 0.0, 4.0, 0.0, 4.0]]
    """
    to_view = np.linalg.inv(view.to_film)
    coarse = start = moved(look.points[:, :2], to_view)
    if search is not None and not look.agreement >= search.believable:
        search = None  # no face was seen
    if search is not None:
        expected, distance = _expected(look.points, look, search)
        start = np.where(~(distance <= far)[:, None], moved(expected, to_view), coarse)
    points = local(start)
    if search is not None:
        points = _second_look(points, look, view, local, search, far)
    off_mm = np.hypot(*((points[:, :2] - coarse) * view.pixel_mm).T)
    film_wide = np.tile([look.agreement, float(look.pose.orientation.inverted)], (len(points), 1))
    linear = view.to_film[:2, :2]
    spread = linear @ points[:, [3, 4, 4, 5]].reshape(-1, 2, 2) @ linear.T
    rows = [moved(points[:, :2], view.to_film), points[:, 2], look.points[:, 2], off_mm, film_wide]
    return np.column_stack([*rows, spread.reshape(-1, 4)[:, [0, 1, 3]]])


def moved(points: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Move (N, 2) points by a (3, 3) affine.

    >>> moved(np.array([[1.0, 2.0]]), np.diag([2.0, 3.0, 1.0])).tolist()
    [[2.0, 6.0]]
    """
    return np.asarray(points @ affine[:2, :2].T + affine[:2, 2])


def _expected(points: np.ndarray, look: Look, search: PoseSearch) -> tuple[np.ndarray, np.ndarray]:
    """Return expected places, (N, 2) film pixels, and distances, (N,), of (N, 3) points in film pixels."""
    assert look.fit is not None
    working = np.array(look.pose.working_mm)
    places, distance = expected_places(points[:, :2] * working, noise_mm(points[:, 2]), look.fit, search.shape)
    return places / working, distance


def _second_look(
    points: np.ndarray, look: Look, view: UprightFilm, local: LocalStage, search: PoseSearch, far: float
) -> np.ndarray:
    """Search points far from their expected places again there, and keep the result if it agrees better."""

    def compared(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _expected(np.column_stack([moved(rows[:, :2], view.to_film), rows[:, 2]]), look, search)

    expected, distance = compared(points)
    places = moved(expected, np.linalg.inv(view.to_film))
    inside = ((places >= 0) & (places <= np.array(view.size) - 1)).all(-1)
    lost = (distance > far) & inside
    if not lost.any():
        return points
    again = np.where(lost[:, None], local(np.where(lost[:, None], places, points[:, :2])), points)
    better = _likelihood(again, compared(again)[1]) > _likelihood(points, distance)
    return np.where((lost & better)[:, None], again, points)


def _likelihood(points: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Combine, as a logarithm, what the points' own heatmaps and the other points say."""
    return np.asarray(np.log(np.maximum(points[:, 2], 1e-4)) - distance**2 / 2)
