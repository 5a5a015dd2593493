"""Labels as a viewer would send them, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.data.viewer_frame import viewer_frame
from monai_ceph.landmarks import Landmark, LandmarkScheme

AB = LandmarkScheme("ab", (Landmark("A", "a"), Landmark("B", "b")))


def label_bytes(film: Path, points_px: Any, scheme: LandmarkScheme = AB) -> bytes:
    """A film's label (.mrk.json) in the frame in which a viewer opens it; NaN is not placed."""
    points = []
    for symbol, position in zip(scheme.symbols, viewer_frame(film).to_lps(np.asarray(points_px)), strict=True):
        placed = bool(np.isfinite(position).all())
        points.append({"label": symbol, "positionStatus": "defined" if placed else "undefined"})
        if placed:
            points[-1]["position"] = position.tolist()
    return json.dumps({"markups": [{"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": points}]}).encode()
