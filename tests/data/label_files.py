"""Small films, and their labels as a viewer would send them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from monai_ceph.data.viewer_frame import viewer_frame
from monai_ceph.landmarks import Landmark, LandmarkScheme

AB = LandmarkScheme("ab", (Landmark("A", "a"), Landmark("B", "b")))


def write_film(path: Path) -> Path:
    """A film of 20 x 30 pixels, whose viewer takes 0.1 mm from its dots per inch."""
    array = np.arange(600).reshape(30, 20) % 251
    Image.fromarray(array.astype(np.uint8)).save(path, dpi=(254, 254))
    return path


def label_bytes(film: Path, points_px: Any, scheme: LandmarkScheme = AB) -> bytes:
    """A film's label (.mrk.json) in the frame in which a viewer opens it; NaN is not placed."""
    points = []
    for symbol, position in zip(scheme.symbols, viewer_frame(film).to_lps(np.asarray(points_px)), strict=True):
        placed = bool(np.isfinite(position).all())
        points.append({"label": symbol, "positionStatus": "defined" if placed else "undefined"})
        if placed:
            points[-1]["position"] = position.tolist()
    return json.dumps({"markups": [{"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": points}]}).encode()
