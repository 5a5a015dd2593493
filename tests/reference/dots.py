"""A bright dot, and where it is: by its own centre of mass, with nothing from the package."""

from __future__ import annotations

import numpy as np


def draw(size: tuple[int, int], place: tuple[float, float], sigma: float) -> np.ndarray:
    """(1, X, Y) float32: a Gaussian of height 1 on black."""
    xs, ys = np.meshgrid(np.arange(size[0]), np.arange(size[1]), indexing="ij")
    return np.exp(-((xs - place[0]) ** 2 + (ys - place[1]) ** 2) / (2 * sigma**2))[None].astype(np.float32)


def find(image: np.ndarray) -> tuple[float, float] | None:
    """(1, X, Y) -> the dot's centre of mass; None where it is not whole, or too small to be located at all."""
    picture = np.asarray(image, dtype=np.float64)[0]
    if min(picture.shape) < 8 or picture.max() < 0.3:
        return None
    border = np.concatenate(
        [picture[:2].ravel(), picture[-2:].ravel(), picture[:, :2].ravel(), picture[:, -2:].ravel()]
    )
    if border.max() > 1e-3 * picture.max():
        return None
    total = picture.sum()
    x = (picture.sum(1) * np.arange(picture.shape[0])).sum() / total
    y = (picture.sum(0) * np.arange(picture.shape[1])).sum() / total
    return float(x), float(y)


def expected(point_px: tuple[float, float], affine: np.ndarray) -> tuple[float, float]:
    """The dot's film position in an array whose affine maps array index -> film pixel."""
    affine = np.asarray(affine, dtype=np.float64)
    full = np.eye(4)
    if affine.shape == (3, 3):
        full[:2, :2], full[:2, 3] = affine[:2, :2], affine[:2, 2]
    else:
        full = affine
    index = np.linalg.solve(full, np.array([point_px[0], point_px[1], 0.0, 1.0]))
    return float(index[0]), float(index[1])
