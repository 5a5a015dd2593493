"""Set a film upright for an exported model, which scales it itself, as an array."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from monai_ceph.film_pose import FilmPose, face_window
from monai_ceph.refinement import UprightFilm, moved


def upright_film(
    film: np.ndarray, pose: FilmPose, window_mm: Sequence[float], finest_mm: float
) -> tuple[np.ndarray, UprightFilm]:
    """Set a film upright, and cut a window around the face if the pose says where it is.

    Args:
        film: (X, Y), gray values as stored.
        pose: the pose of the film.
        window_mm: (x, y), size of the window. A tilted window is filled with the mean outside the film; an upright one
            is cropped to the film.
        finest_mm: pixels much smaller than this are averaged in blocks first.
    Returns:
        (X', Y') gray values, and where they lie in the film.
    Example:
        >>> from monai_ceph.film_pose import Orientation
        >>> film = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        >>> upright, view = upright_film(film, FilmPose((0.1, 0.2), Orientation(1)), (200.0, 200.0), 0.1)
        >>> upright.tolist(), view.pixel_mm
        ([[4.0, 1.0], [5.0, 2.0], [6.0, 3.0]], (0.2, 0.1))
        >>> moved(np.array([[0, 1]]), view.to_film).tolist()
        [[0.0, 0.0]]
    """
    block = max(1, int(finest_mm / max(pose.working_mm)))
    if block > 1:
        x, y = (n // block for n in film.shape)
        film = film[: x * block, : y * block].reshape(x, block, y, block).mean((1, 3), dtype=np.float32)
    to_film = np.diag([block, block, 1.0])
    to_film[:2, 2] = (block - 1) / 2
    swapped, flipped, turned = pose.orientation.set_upright(film.shape)
    to_film = to_film @ turned
    film = np.flip(film.T if swapped else film, flipped)
    if pose.orientation.inverted:
        film = -film.astype(np.float32)
    mm = np.array(pose.working_mm[::-1] if swapped else pose.working_mm) * block
    if pose.centre_px is not None:
        # A tilted window has square pixels.
        square = mm / mm.min() if pose.tilt_deg else np.ones(2)
        mm, centre = mm / square, moved(np.array(pose.centre_px), np.linalg.inv(to_film)) * square
        window = [round(n) for n in np.array(window_mm) / mm]
        size, placed = face_window(film.shape, centre, window, pose.tilt_deg)
        placed = np.diag([*(1 / square), 1.0]) @ placed
        film = _sampled(film, size, placed) if pose.tilt_deg else _cropped(film, size, placed)
        to_film = to_film @ placed
    return film, UprightFilm((film.shape[0], film.shape[1]), to_film, (float(mm[0]), float(mm[1])))


def at_least(film: np.ndarray, view: UprightFilm, least_mm: float) -> tuple[np.ndarray, UprightFilm]:
    """Return a film at least so large, mm, filled with the mean at its end."""
    missing = [max(0, math.ceil(least_mm / mm) + 1 - n) for n, mm in zip(film.shape, view.pixel_mm, strict=True)]
    if not any(missing):
        return film, view
    filled = np.pad(film, [(0, n) for n in missing], constant_values=film.mean())
    return filled, view._replace(size=(filled.shape[0], filled.shape[1]))


def _cropped(film: np.ndarray, size: tuple[int, int], to_film: np.ndarray) -> np.ndarray:
    x, y = to_film[:2, 2].astype(int)
    return film[x : x + size[0], y : y + size[1]]


def _sampled(film: np.ndarray, size: tuple[int, int], to_film: np.ndarray) -> np.ndarray:
    """Return the film at the places of another grid, between pixels in proportion."""
    mean = film.mean(dtype=np.float64)
    edged = np.pad(film.astype(np.float32) - np.float32(mean), 1)
    x, y = (index.astype(np.float32) for index in np.ogrid[: size[0], : size[1]])
    out = np.full(size, mean, dtype=np.float32)
    places = [to_film[k, 0] * x + to_film[k, 1] * y + to_film[k, 2] + 1 for k in (0, 1)]
    low, part = [], []
    for place, n in zip(places, edged.shape, strict=True):
        place = np.clip(place, 0, n - 1)
        low.append(np.minimum(place.astype(np.int32), n - 2))
        part.append((place - low[-1]).astype(np.float32))
    for dx in (0, 1):
        for dy in (0, 1):
            weight = (part[0] if dx else 1 - part[0]) * (part[1] if dy else 1 - part[1])
            out += weight * edged[low[0] + dx, low[1] + dy]
    return out
