"""3D Slicer's Fiducial markups (.mrk.json): one list of labelled control points for a film.

Positions are mm in LPS or RAS, or pixels where ``coordinateUnits`` says so (as the project writes them where the
spacing is unknown). What the mm mean is the caller's business: from the centre of the film's first pixel with the
film's spacing (:func:`parse_markups`), or in the frame in which a viewer opened the film
(:mod:`monai_ceph.data.label_check`).
"""

from __future__ import annotations

import json
from pathlib import Path
from reprlib import repr as shown  # what a file holds may be long or deep
from typing import Any, NamedTuple

import numpy as np

from monai_ceph.atomic import write_text
from monai_ceph.film_names import film_name
from monai_ceph.formats.points import AnnotationError, place_points
from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.prediction import Prediction

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
PIXEL_UNITS = ("{pixels}", "UCUM", "pixels")
"""How DICOM codes the unit pixel; the schema allows such a triple where the unit is not a length."""

_LARGEST = 1e9  # no film is a thousand km away; JSON's whole numbers may be larger than any float


class Fiducial(NamedTuple):
    """One control point.

    Args:
        label: what it is called, without white space around.
        status: its ``positionStatus``.
        position: (x, y, z), LPS; NaN unless its status is "defined".
    """

    label: str
    status: str
    position: tuple[float, float, float]


class FiducialList(NamedTuple):
    points: list[Fiducial]
    in_pixels: bool
    """Positions are (x, y, 0) in pixels of the film instead of mm."""


def parse_fiducials(content: Any, where: str) -> FiducialList:
    """The control points of a markups file, as they are: of any labels, in the file's order.

    Args:
        content: the parsed JSON.
        where: the file it came from, for messages.
    Raises:
        AnnotationError: not one Fiducial list, another coordinate system or unit, or a malformed control point.
    """
    lists = content.get("markups") if isinstance(content, dict) else None
    lists = lists if isinstance(lists, list) else []
    fiducials = [markup for markup in lists if isinstance(markup, dict) and markup.get("type") == "Fiducial"]
    if len(fiducials) != 1:
        raise AnnotationError(f"{where}: expected Slicer markups with one Fiducial list, got {len(fiducials)}.")
    [fiducial] = fiducials
    in_pixels, sign = _in_pixels(fiducial, where), _sign(fiducial, where)
    points = fiducial.get("controlPoints", [])
    if not isinstance(points, list) or not all(isinstance(point, dict) for point in points):
        raise AnnotationError(f"{where}: expected a list of controlPoints, got {shown(points)}.")
    return FiducialList([_fiducial(point, sign, where) for point in points], in_pixels)


def parse_markups(
    content: dict[str, Any], path: Path, scheme: LandmarkScheme, spacing_mm: tuple[float, float] | None = None
) -> tuple[np.ndarray, list[str]]:
    """Points out of a markups file. A control point's label is the landmark's symbol.

    Args:
        content: the parsed JSON.
        path: the file it came from, for messages.
        scheme: the landmarks.
        spacing_mm: (along x, along y) of the film, mm; positions in pixels need none.
    Returns:
        (N, 2) float64, film pixels; and the problems: missing, doubled and unknown landmarks.
    Raises:
        AnnotationError: as :func:`parse_fiducials`, not one label of the scheme, or mm without a spacing.
    """
    fiducials = parse_fiducials(content, str(path))
    scale = np.array([1.0, 1.0]) if fiducials.in_pixels else _mm_scale(path, spacing_mm)
    marks, problems = [], []
    for label, _, (x, y, _) in fiducials.points:
        if label in scheme.symbols:
            marks.append((label, x * scale[0], y * scale[1]))
        else:
            problems.append(f"{path}: the label '{label}' is not a landmark of scheme '{scheme.name}'; it is not used.")
    if fiducials.points and not marks:
        labels = sorted({point.label for point in fiducials.points})
        raise AnnotationError(
            f"{path}: none of its labels ({', '.join(labels)}) is a landmark of scheme '{scheme.name}'; "
            f"expected the symbols {' '.join(scheme.symbols)}."
        )
    points, placing_problems = place_points(scheme, marks, str(path))
    return points, problems + placing_problems


def markups_name(image: str) -> str:
    """File name of a film's markups. The film's suffix stays in it: film.png and film.dcm are two films."""
    return f"{image}.mrk.json"


def to_markups(prediction: Prediction, positions_lps: np.ndarray | None = None) -> dict[str, Any]:
    """A prediction as Slicer's markups.

    Unless positions are given, they are LPS mm, ``[x * spacing_x, y * spacing_y, 0]``, from the centre of the film's
    first pixel. Where the spacing is unknown they are ``[x, y, 0]`` in pixels, as on a film that Slicer opened with a
    spacing of 1, and ``coordinateUnits`` is :data:`PIXEL_UNITS`. A landmark without a
    point stays in the list, without a position: with the ``positionStatus`` "missing" if it is outside the film, else
    "undefined". A doubtful one is not ``selected``, which Slicer shows in another colour; its description names the
    status.

    Args:
        prediction: of one film.
        positions_lps: (N, 3), mm: where a viewer shows the landmarks on the film that it has opened, see
            :meth:`~monai_ceph.data.viewer_frame.ViewerFrame.to_lps`.
    Returns:
        What the .mrk.json holds, ready for ``json.dumps``.
    Source:
        Slicer's markups schema 1.0.3.
    """
    known = positions_lps is not None or prediction.spacing_mm is not None
    positions = _positions(prediction) if positions_lps is None else positions_lps
    points = []
    for k, (landmark, status) in enumerate(zip(prediction.scheme.landmarks, prediction.statuses, strict=True)):
        is_found = bool(np.isfinite(positions[k]).all())
        confidence = float(prediction.confidence[k])
        point: dict[str, Any] = {
            "id": str(k + 1),
            "label": landmark.symbol,
            "description": landmark.name
            + (f"; confidence {confidence:.3f}" if np.isfinite(confidence) else "")
            + (f"; {status}" if status != "found" else ""),
            "associatedNodeID": "",
            "selected": status == "found",
            "locked": False,
            "visibility": True,
            "positionStatus": "defined" if is_found else "missing" if status == "outside" else "undefined",
        }
        if is_found:
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


def _positions(prediction: Prediction) -> np.ndarray:
    """(N, 3), mm, or pixels where the spacing is unknown; NaN where a landmark was not found."""
    points_px = np.asarray(prediction.points_px, dtype=np.float64)
    return np.pad(points_px if prediction.spacing_mm is None else prediction.points_mm, ((0, 0), (0, 1)))


def write_markups(path: str | Path, prediction: Prediction) -> None:
    """Writes :func:`to_markups` to a file (``.mrk.json``), whole or not at all."""
    write_text(path, json.dumps(to_markups(prediction), indent=2, ensure_ascii=False) + "\n")


def _in_pixels(fiducial: dict[str, Any], where: str) -> bool:
    units = fiducial.get("coordinateUnits", "mm")
    unit = units[0] if isinstance(units, list) and units else units
    if unit in ("mm", "{pixels}", "px", "pixel", "pixels"):
        return bool(unit != "mm")
    raise AnnotationError(f"{where}: expected coordinateUnits 'mm' or pixels, got {shown(units)}.")


def _sign(fiducial: dict[str, Any], where: str) -> float:
    """What x and y are multiplied with to be LPS; old files number the systems."""
    system = fiducial.get("coordinateSystem", "LPS")
    if system in ("LPS", "1", 1):
        return 1.0
    if system in ("RAS", "0", 0):
        return -1.0
    raise AnnotationError(f"{where}: expected coordinateSystem 'LPS' or 'RAS', got {shown(system)}.")


def _fiducial(point: dict[str, Any], sign: float, where: str) -> Fiducial:
    label, status = point.get("label"), point.get("positionStatus", "defined")
    if not isinstance(label, str) or not isinstance(status, str):
        raise AnnotationError(f"{where}: expected a label for every control point, got {shown(point)}.")
    label = label.strip()
    if status != "defined":
        return Fiducial(label, status, (np.nan, np.nan, np.nan))
    position = point.get("position")
    if not isinstance(position, list) or len(position) != 3 or not all(_is_number(value) for value in position):
        raise AnnotationError(
            f"{where}, label {shown(label)}: expected a position [x, y, z] of three numbers, got {shown(position)}."
        )
    x, y, z = map(float, position)
    return Fiducial(label, status, (sign * x, sign * y, z))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < _LARGEST  # NaN is not smaller


def _mm_scale(path: Path, spacing_mm: tuple[float, float] | None) -> np.ndarray:
    if spacing_mm is None:
        raise AnnotationError(f"{path}: its positions are in mm; give the films' pixel spacing to make them pixels.")
    return 1 / np.asarray(spacing_mm, dtype=np.float64)
