"""Faces made up from a few numbers, for tests of what knows how faces look."""

from __future__ import annotations

import numpy as np

from monai_ceph.face_shape import FaceShape
from monai_ceph.phantoms.mean_shape import MEAN_MM

SYMBOLS = tuple(f"L{k}" for k in range(19))


def faces_mm(count: int = 60, spread_mm: float = 2.0, seed: int = 0) -> np.ndarray:
    """(count, 19, 2): a mean face with neighbours that vary together, of other sizes, tilts and places."""
    random = np.random.default_rng(seed)
    mean = np.asarray(MEAN_MM, dtype=np.float64)
    apart = np.linalg.norm(mean[:, None] - mean[None], axis=-1)
    root = np.linalg.cholesky(np.exp(-((apart / 40) ** 2) / 2) + 1e-6 * np.eye(len(mean)))
    faces = mean + spread_mm * np.einsum("ij,fjk->fik", root, random.normal(size=(count, *mean.shape)))
    angle, size = random.normal(0, 0.07, count), random.normal(1, 0.06, count)
    turn = np.stack([np.stack([np.cos(angle), -np.sin(angle)], -1), np.stack([np.sin(angle), np.cos(angle)], -1)], 1)
    return size[:, None, None] * np.einsum("fij,fnj->fni", turn, faces) + random.normal(0, 10, (count, 1, 2))


def face_shape() -> FaceShape:
    return FaceShape.estimate(SYMBOLS, faces_mm())
