"""3D Slicer's Fiducial markups (.mrk.json): one list of labelled control points for a film.

Positions are mm in LPS or RAS, or pixels if ``coordinateUnits`` says so. This package writes the frame of the mm under
the key ``film`` of the list: the film's file name, its size in pixels and ``ijk_to_lps``, the matrix from pixels to mm.
Viewers drop this key when they save the file; :func:`parse_markups` then uses the film itself, or its pixel spacing.
"""

from __future__ import annotations

from pathlib import Path
from reprlib import repr as shown  # what a file holds may be long or deep
from typing import Any, NamedTuple

import numpy as np

from monai_ceph.atomic import write_text
from monai_ceph.film_names import film_name
from monai_ceph.formats.files import json_text
from monai_ceph.formats.points import AnnotationError, FilmPoints, SourceFilm, place_points
from monai_ceph.formats.unmarked_mm import unmarked_to_px
from monai_ceph.formats.viewer_frame import ViewerFrame
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
        label: its label, without surrounding white space.
        status: its ``positionStatus``.
        position: (x, y, z), LPS; NaN unless its status is "defined".
    """

    label: str
    status: str
    position: tuple[float, float, float]


class FiducialList(NamedTuple):
    """The control points of a file.

    Args:
        points: all points, with any label, in the file's order.
        in_pixels: positions are (x, y, 0) in pixels of the film instead of mm.
        film: file name of the film, if the file states it.
        size: (X, Y) of the film, pixels, if the file states it.
        frame: the frame of the positions, if the file states it.
    """

    points: list[Fiducial]
    in_pixels: bool
    film: str | None = None
    size: tuple[int, int] | None = None
    frame: ViewerFrame | None = None


def parse_fiducials(content: Any, where: str) -> FiducialList:
    """Read the control points of a markups file, and what it says about its film.

    Args:
        content: the parsed JSON.
        where: the file it came from, for messages.
    Raises:
        AnnotationError: there is not one Fiducial list, the coordinate system or unit is unknown, or a control point is
            malformed.
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
    return FiducialList([_fiducial(point, sign, where) for point in points], in_pixels, *_film(fiducial, where))


def parse_markups(
    content: dict[str, Any],
    path: Path,
    scheme: LandmarkScheme,
    spacing_mm: tuple[float, float] | None = None,
    frame: ViewerFrame | None = None,
) -> FilmPoints:
    """Read the points of a markups file. A control point's label is the landmark's symbol.

    Positions in mm are converted with the frame that the file states. Otherwise they are either in the frame in which a
    viewer opens the film, or in calibrated mm from the centre of the first pixel (with a remark): whichever puts a face
    of possible size on the film. If both do, the likelier size decides, then the viewer's frame.

    Args:
        content: the parsed JSON.
        path: the file it came from, for messages.
        scheme: the landmarks.
        spacing_mm: (along x, along y) of the film, mm.
        frame: the frame in which a viewer opens the film. Positions in pixels need neither.
    Returns:
        The points; problems are missing, doubled and unknown landmarks, and mm that may be other mm.
    Raises:
        AnnotationError: as :func:`parse_fiducials`, or no label is in the scheme, or mm cannot be converted to pixels.
    """
    fiducials = parse_fiducials(content, str(path))
    problems = [
        f"{path}: the label '{point.label}' is not a landmark of scheme '{scheme.name}'; it is not used."
        for point in fiducials.points
        if point.label not in scheme.symbols
    ]
    used = [point for point in fiducials.points if point.label in scheme.symbols]
    if fiducials.points and not used:
        labels = sorted({point.label for point in fiducials.points})
        raise AnnotationError(
            f"{path}: none of its labels ({', '.join(labels)}) is a landmark of scheme '{scheme.name}'; "
            f"expected the symbols {' '.join(scheme.symbols)}."
        )
    positions = np.array([point.position for point in used]).reshape(-1, 3)
    if fiducials.in_pixels:
        points_px = positions[:, :2]
    elif fiducials.frame is not None:
        points_px = fiducials.frame.to_px(positions)
    else:
        points_px, remarks = unmarked_to_px(positions, path, spacing_mm, frame)
        problems += remarks
    # Markups have four decimals; more would be what the conversion adds.
    rows = zip((point.label for point in used), *np.round(points_px, 6).T.tolist(), strict=True) if used else ()
    return place_points(scheme, rows, SourceFilm(str(path), fiducials.film, fiducials.size), problems)


def markups_name(image: str) -> str:
    """Return the file name of a film's markups. It keeps the film's suffix: film.png and film.dcm are two films."""
    return f"{image}.mrk.json"


def to_markups(prediction: Prediction, frame: ViewerFrame | None = None) -> dict[str, Any]:
    """Return a prediction as Slicer's markups.

    In a viewer's frame, a position is where the viewer shows the landmark on the film. Without a frame it is in LPS mm,
    ``[x * spacing_x, y * spacing_y, 0]``, from the centre of the film's first pixel. If the spacing is unknown, it is
    ``[x, y, 0]`` in pixels, as on a film that Slicer opened with a spacing of 1, and ``coordinateUnits`` is
    :data:`PIXEL_UNITS`. The key ``film`` states the film, the frame and the site file.

    A landmark without a point stays in the list, without a position: with the ``positionStatus`` "missing" if it is
    outside the film, else "undefined". A doubtful one is not ``selected``, which Slicer shows in another colour; its
    description names the status, and the radius of the circle that holds the landmark with 90 %.

    Args:
        prediction: of one film.
        frame: the frame in which a viewer opens the film, see :func:`monai_ceph.data.viewer_frame.viewer_frame`.
    Returns:
        The content of the .mrk.json, ready for ``json.dumps``.
    Source:
        Slicer's markups schema 1.0.3.

    >>> from monai_ceph.landmarks import ISBI19
    >>> prediction = Prediction("film.png", ISBI19, np.full((19, 2), 500.0), np.ones(19), (0.1, 0.1), "user")
    >>> to_markups(prediction)["markups"][0]["controlPoints"][0]["position"]
    [50.0, 50.0, 0.0]
    """
    points_px, radius_mm = np.asarray(prediction.points_px, dtype=np.float64), prediction.errors_mm[1]
    film: dict[str, Any] = {"name": prediction.image}
    if prediction.site:
        film["site"] = prediction.site
    if frame is not None:
        film["size"] = list(frame.size)
    elif prediction.spacing_mm is not None:
        frame = ViewerFrame.flat((0, 0), prediction.spacing_mm)
    if frame is not None:
        film["ijk_to_lps"] = frame.ijk_to_lps.tolist()
    positions = np.pad(points_px, ((0, 0), (0, 1))) if frame is None else frame.to_lps(points_px)
    points = []
    for k, (landmark, status) in enumerate(zip(prediction.scheme.landmarks, prediction.statuses, strict=True)):
        is_found = bool(np.isfinite(positions[k]).all())
        confidence = float(prediction.confidence[k])
        point: dict[str, Any] = {
            "id": str(k + 1),
            "label": landmark.symbol,
            "description": landmark.name
            + (f"; confidence {confidence:.3f}" if np.isfinite(confidence) else "")
            + (f"; within {radius_mm[k]:.1f} mm with 90 %" if np.isfinite(radius_mm[k]) else "")
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
                "coordinateUnits": list(PIXEL_UNITS) if frame is None else "mm",
                "film": film,
                "locked": False,
                "fixedNumberOfControlPoints": True,
                "labelFormat": "%N-%d",
                "lastUsedControlPointNumber": len(points),
                "controlPoints": points,
            }
        ],
    }


def markups_text(prediction: Prediction, frame: ViewerFrame | None = None) -> str:
    """Return :func:`to_markups` as the text of a file.

    >>> import json
    >>> from monai_ceph.landmarks import ISBI19
    >>> prediction = Prediction("film.png", ISBI19, np.full((19, 2), 500.0), np.ones(19), (0.1, 0.1), "user")
    >>> json.loads(markups_text(prediction)) == to_markups(prediction)
    True
    """
    return json_text(to_markups(prediction, frame), indent=2)


def write_markups(path: str | Path, prediction: Prediction, frame: ViewerFrame | None = None) -> None:
    """Write :func:`to_markups` to a file (``.mrk.json``), completely or not at all.

    >>> from monai_ceph.landmarks import ISBI19
    >>> prediction = Prediction("film.png", ISBI19, np.full((19, 2), 500.0), np.ones(19), (0.1, 0.1), "user")
    >>> write_markups("film.png.mrk.json", prediction)
    """
    write_text(path, markups_text(prediction, frame))


def _in_pixels(fiducial: dict[str, Any], where: str) -> bool:
    units = fiducial.get("coordinateUnits", "mm")
    unit = units[0] if isinstance(units, list) and units else units
    if unit in ("mm", "{pixels}", "px", "pixel", "pixels"):
        return bool(unit != "mm")
    raise AnnotationError(f"{where}: expected coordinateUnits 'mm' or pixels, got {shown(units)}.")


def _sign(fiducial: dict[str, Any], where: str) -> float:
    """Return the factor that brings x and y to LPS; old files number the coordinate systems."""
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


def _film(fiducial: dict[str, Any], where: str) -> tuple[str | None, tuple[int, int] | None, ViewerFrame | None]:
    """Return name, size and frame of the film, as far as the list states them."""
    film = fiducial.get("film")
    if film is None:
        return None, None, None
    try:
        name, sides, matrix = film["name"], film.get("size"), film.get("ijk_to_lps")
        size = None if sides is None else (int(sides[0]), int(sides[1]))
        rows = None if matrix is None else np.array(matrix, dtype=np.float64).reshape(4, 4)
        frame = None if rows is None else ViewerFrame.from_matrix(size or (0, 0), rows)
        return str(name), size, frame
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise AnnotationError(
            f"{where}: expected a film {{'name', 'size': [X, Y], 'ijk_to_lps': 4 rows of 4 numbers}}, got "
            f"{shown(film)}."
        ) from error
