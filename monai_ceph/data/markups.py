"""3D Slicer's Fiducial markups (.mrk.json): one list of labelled control points for a film.

Positions are mm in LPS or RAS, from the centre of the film's first pixel, so pixels need the film's spacing. A list
whose ``coordinateUnits`` are pixels (as the project writes it where the spacing is unknown) needs none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.data.points import AnnotationError, finite, place_points
from monai_ceph.landmarks import LandmarkScheme


def parse_markups(
    content: dict[str, Any], path: Path, scheme: LandmarkScheme, spacing_mm: tuple[float, float] | None = None
) -> tuple[np.ndarray, list[str]]:
    """Points out of a markups file. A control point's label is the landmark's symbol.

    Args:
        content: the parsed JSON.
        path: the file it came from, for messages.
        scheme: the landmarks.
        spacing_mm: (along x, along y) of the film, mm.
    Returns:
        (N, 2) float64, film pixels; and the problems: missing, doubled and unknown landmarks.
    Raises:
        AnnotationError: not a Fiducial list, not one label of the scheme, mm without a spacing, other units.
    """
    lists = content.get("markups")
    lists = lists if isinstance(lists, list) else []
    fiducials = [markup for markup in lists if isinstance(markup, dict) and markup.get("type") == "Fiducial"]
    if len(fiducials) != 1:
        raise AnnotationError(f"{path}: expected Slicer markups with one Fiducial list, got {len(fiducials)}.")
    fiducial = fiducials[0]
    scale = np.array([1.0, 1.0]) if _in_pixels(fiducial, path) else _mm_scale(path, spacing_mm)
    if fiducial.get("coordinateSystem", "LPS") in ("RAS", "0", 0):
        scale = -scale
    marks, problems, labels = [], [], []
    for point in fiducial.get("controlPoints") or []:
        label = str(point.get("label")).strip()
        labels.append(label)
        if label not in scheme.symbols:
            problems.append(f"{path}: the label '{label}' is not a landmark of scheme '{scheme.name}'; it is not used.")
        elif point.get("positionStatus", "defined") == "defined":
            x, y = _position(point, f"{path}, label '{label}'")
            marks.append((label, x * scale[0], y * scale[1]))
    if labels and len(problems) == len(labels):
        raise AnnotationError(
            f"{path}: none of its labels ({', '.join(sorted(set(labels)))}) is a landmark of scheme '{scheme.name}'; "
            f"expected the symbols {' '.join(scheme.symbols)}."
        )
    points, found = place_points(scheme, marks, str(path))
    return points, problems + found


def _in_pixels(fiducial: dict[str, Any], path: Path) -> bool:
    units = fiducial.get("coordinateUnits", "mm")
    unit = units[0] if isinstance(units, list) and units else units
    if unit in ("mm", "{pixels}", "px", "pixel", "pixels"):
        return bool(unit != "mm")
    raise AnnotationError(f"{path}: expected coordinateUnits 'mm' or pixels, got {units!r}.")


def _mm_scale(path: Path, spacing_mm: tuple[float, float] | None) -> np.ndarray:
    if spacing_mm is None:
        raise AnnotationError(f"{path}: its positions are in mm; give the films' pixel spacing to make them pixels.")
    return 1 / np.asarray(spacing_mm, dtype=np.float64)


def _position(point: dict[str, Any], where: str) -> tuple[float, float]:
    position = point.get("position")
    if not isinstance(position, list) or len(position) != 3:
        raise AnnotationError(f"{where}: expected a position [x, y, z], got {position!r}.")
    return finite(position[0], where), finite(position[1], where)
