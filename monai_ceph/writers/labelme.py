"""labelme's annotations: one JSON file for a film, one point for a landmark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.atomic import write_text
from monai_ceph.landmarks import LandmarkScheme

VERSION = "5.5.0"
"""Of labelme, whose layout this is."""


def to_labelme(image: str, size: tuple[int, int], points_px: np.ndarray, scheme: LandmarkScheme) -> dict[str, Any]:
    """Points of a film as labelme's JSON.

    Args:
        image: where the film is, seen from the JSON file.
        size: (X, Y) of the film, pixels.
        points_px: (N, 2), (x, y), film pixels; a landmark that is NaN is left out.
        scheme: the landmarks; a point's label is its symbol.
    """
    shapes: list[dict[str, Any]] = [
        {"label": symbol, "points": [point], "group_id": None, "description": "", "shape_type": "point", "flags": {}}
        for symbol, point in zip(scheme.symbols, np.round(points_px, 3).tolist(), strict=True)
        if np.isfinite(point).all()
    ]
    return {
        "version": VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": image,
        "imageData": None,
        "imageHeight": size[1],
        "imageWidth": size[0],
    }


def write_labelme(
    path: str | Path, image: str, size: tuple[int, int], points_px: np.ndarray, scheme: LandmarkScheme
) -> None:
    """Writes :func:`to_labelme` to a file, whole or not at all."""
    write_text(path, json.dumps(to_labelme(image, size, points_px, scheme), indent=2, ensure_ascii=False) + "\n")
