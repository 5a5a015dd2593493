"""3D Slicer's markups: one Fiducial list (.mrk.json) for a film."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.atomic import write_text
from monai_ceph.data.names import film_name
from monai_ceph.data.viewer_frame import ViewerFrame
from monai_ceph.writers.prediction import Prediction

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
PIXEL_UNITS = ("{pixels}", "UCUM", "pixels")
"""How DICOM codes the unit pixel; the schema allows such a triple where the unit is not a length."""


def to_markups(prediction: Prediction, frame: ViewerFrame | None = None) -> dict[str, Any]:
    """A prediction as Slicer's markups.

    In a viewer's frame, a position is where the viewer shows the landmark on the film it has opened. Without one it is
    LPS mm, ``[x * spacing_x, y * spacing_y, 0]``, from the centre of the film's first pixel. Where the spacing is
    unknown it is ``[x, y, 0]`` in pixels, as on a film that Slicer opened with a spacing of 1, and
    ``coordinateUnits`` is :data:`PIXEL_UNITS`. A landmark that was not found stays in the list, without a position and
    with ``positionStatus`` "undefined".

    Args:
        prediction: of one film.
        frame: of the film, see :func:`~monai_ceph.data.viewer_frame.viewer_frame`.
    Returns:
        What the .mrk.json holds, ready for ``json.dumps``.
    Source:
        Slicer's markups schema 1.0.3.
    """
    known = frame is not None or prediction.spacing_mm is not None
    positions = _positions(prediction, frame)
    points = []
    for k, landmark in enumerate(prediction.scheme.landmarks):
        found = bool(np.isfinite(positions[k]).all())
        confidence = float(prediction.confidence[k])
        point: dict[str, Any] = {
            "id": str(k + 1),
            "label": landmark.symbol,
            "description": landmark.name + (f"; confidence {confidence:.3f}" if np.isfinite(confidence) else ""),
            "associatedNodeID": "",
            "selected": True,
            "locked": False,
            "visibility": True,
            "positionStatus": "defined" if found else "undefined",
        }
        if found:
            point["position"] = [round(float(value), 4) for value in positions[k]]
        points.append(point)
    return {
        "@schema": SCHEMA,
        "markups": [
            {
                "type": "Fiducial",
                "name": film_name(prediction.image),
                "coordinateSystem": "LPS",
                "coordinateUnits": "mm" if known else list(PIXEL_UNITS),
                "locked": False,
                "fixedNumberOfControlPoints": True,
                "labelFormat": "%N-%d",
                "lastUsedControlPointNumber": len(points),
                "controlPoints": points,
            }
        ],
    }


def _positions(prediction: Prediction, frame: ViewerFrame | None) -> np.ndarray:
    """(N, 3); NaN where a landmark was not found."""
    points_px = np.asarray(prediction.points_px, dtype=np.float64)
    if frame is not None:
        return frame.to_lps(points_px)
    return np.pad(points_px if prediction.spacing_mm is None else prediction.points_mm, ((0, 0), (0, 1)))


def write_markups(path: str | Path, prediction: Prediction) -> None:
    """Writes :func:`to_markups` to a file (``.mrk.json``), whole or not at all."""
    write_text(path, json.dumps(to_markups(prediction), indent=2, ensure_ascii=False) + "\n")
