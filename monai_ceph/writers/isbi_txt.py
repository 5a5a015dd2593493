"""The ISBI 2015 challenge's annotation files: a line ``x,y`` for each landmark, in the scheme's order."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_ceph.atomic import write_text
from monai_ceph.landmarks import LandmarkScheme


def isbi_text(points_px: np.ndarray, scheme: LandmarkScheme) -> str:
    """Points of a film as the challenge's text, to a thousandth of a pixel.

    The challenge's own files hold whole pixels, and after the points eight classes, which are no one's annotation here.

    Args:
        points_px: (N, 2), (x, y), film pixels.
        scheme: the landmarks, for the message.
    Raises:
        ValueError: a landmark is NaN; the format has no way to leave one out.
    """
    absent = [symbol for symbol, point in zip(scheme.symbols, points_px, strict=True) if not np.isfinite(point).all()]
    if absent:
        raise ValueError(
            f"without {' '.join(absent)}, and ISBI's .txt cannot leave a landmark out; use csv or labelme."
        )
    return "".join(f"{x:.3f},{y:.3f}\n" for x, y in points_px.tolist())


def write_isbi_text(path: str | Path, points_px: np.ndarray, scheme: LandmarkScheme) -> None:
    """Writes :func:`isbi_text` to a file, whole or not at all."""
    write_text(path, isbi_text(points_px, scheme))
