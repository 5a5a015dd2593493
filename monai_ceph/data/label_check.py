"""Check labels that annotators send: accept them unchanged, or refuse them with the reason.

A label is Slicer markups (.mrk.json) in the frame in which a viewer opened the film. Reading annotation files
(:mod:`monai_ceph.formats.annotations`) tolerates errors, because their author cannot be asked; here the author can.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from reprlib import repr as shown
from typing import Any

import numpy as np

from monai_ceph.formats.files import parse_json
from monai_ceph.formats.labelme import parse_labelme
from monai_ceph.formats.markups import Fiducial, parse_fiducials
from monai_ceph.formats.points import AnnotationError, SourceFilm, check_source, is_placeholder, off_film
from monai_ceph.formats.viewer_frame import ViewerFrame
from monai_ceph.landmarks import LandmarkScheme

LARGEST_BYTES = 1_000_000
"""Slicer writes about 500 bytes for a landmark."""
OFF_PLANE_MM = 0.5
"""Half of the thickness that a viewer gives to a film; a click somewhere in its slice is on the film."""
FROM_SLICER = "From 3D Slicer, send it with the button 'Send landmarks'; Submit Label sends boxes alone."
UNPLACED = ("undefined", "missing")
"""What Slicer calls a point that was not placed, and one that was said to be absent."""

SAME_PX = 0.1
"""How far apart two geometries may put a corner of a film and be the same: viewers keep them in 32-bit floats."""


class LabelError(AnnotationError):
    """A label cannot be accepted; the message says why."""


class LabelSizeError(LabelError):
    """A label is larger than the limit."""


def read_label(
    content: bytes, frame: ViewerFrame, scheme: LandmarkScheme, where: str = "The label", film: str | None = None
) -> np.ndarray:
    """Read the points of one film from a label.

    Args:
        content: the content of the .mrk.json file.
        frame: the film's frame.
        scheme: the landmarks. Each must be in the list once; one that cannot be seen has no position and the status
            "undefined" or "missing".
        where: the label's name in messages.
        film: the film's name; a label that names another film is refused.
    Returns:
        (N, 2) float64, (x, y), pixels of the film; NaN where a landmark cannot be seen.
    Raises:
        LabelSizeError: more than :data:`LARGEST_BYTES`.
        LabelError: the content is not UTF-8, not JSON or not one Fiducial list; a landmark is missing, doubled or
            unknown; a position is not a number, is a placeholder, or lies off the film or its plane; or the label
            belongs to another film.
    """
    if len(content) > LARGEST_BYTES:
        raise LabelSizeError(f"{where}: expected at most {LARGEST_BYTES / 1e6:g} MB, got more; is it a label?")
    try:
        fiducials = parse_fiducials(parse_json(content.decode("utf-8-sig"), where), where)
    except UnicodeDecodeError as error:
        raise LabelError(f"{where}: expected UTF-8 text with Slicer markups (.mrk.json).") from error
    except AnnotationError as error:
        raise LabelError(f"{error} {FROM_SLICER}") from error
    _check_labels(fiducials.points, scheme, where)
    place = {point.label: point.position for point in fiducials.points}
    positions = np.array([place[symbol] for symbol in scheme.symbols])
    if np.isnan(positions).all():
        raise LabelError(f"{where}: not one of its landmarks is placed; place those that can be seen.")
    own_frame = fiducials.frame or frame
    points_px = positions[:, :2] if fiducials.in_pixels else own_frame.to_px(positions)
    away = np.abs(positions[:, 2]) if fiducials.in_pixels else own_frame.off_plane_mm(positions)
    for k in np.flatnonzero(away > OFF_PLANE_MM):
        raise LabelError(
            f"{where}: landmark {scheme.symbols[k]} is {away[k]:.3g} mm off the film's plane; place it on the film."
        )
    for problem in check_source(SourceFilm(where, fiducials.film, fiducials.size), film, frame.size):
        raise LabelError(f"{problem} Place the landmarks on this film.")
    for symbol, point in zip(scheme.symbols, points_px, strict=True):
        if is_placeholder(*point):
            raise LabelError(
                f"{where}: landmark {symbol} at ({point[0]:g}, {point[1]:g}) px stands for a landmark that was not "
                "marked; place it, or say with the positionStatus 'undefined' that it cannot be seen."
            )
    for point in off_film(scheme, points_px, frame.size):
        raise LabelError(f"{where}: {point} is off the {frame.size[0]} x {frame.size[1]} film; place it on the film.")
    return points_px


def from_labelme(
    content: bytes, frame: ViewerFrame, scheme: LandmarkScheme, film: Path, where: str = "The label"
) -> np.ndarray | None:
    """Read the points of one film from a file that labelme wrote.

    Args:
        content: what the file holds.
        frame: the film's.
        scheme: the landmarks; one that is not in the file cannot be seen.
        film: the film's file.
        where: what to call the label in messages.
    Returns:
        (N, 2) float64, (x, y), pixels of the film, NaN where a landmark cannot be seen; None if it is no such file.
    Raises:
        LabelError: a shape that is not a landmark's point, a landmark that is given twice, or another film.
    """
    try:
        shapes = json.loads(content)
    except (ValueError, RecursionError):  # reading it as markups raises the error
        return None
    if not isinstance(shapes, dict) or "shapes" not in shapes:
        return None
    try:
        points_px, problems, source = parse_labelme(shapes, Path(where), scheme)
    except AnnotationError as error:
        raise LabelError(str(error)) from error
    problems = [problem for problem in problems if not problem.endswith(" is missing.")]
    problems += check_source(source or SourceFilm(where), film.name, frame.size)
    if problems:
        raise LabelError(" ".join(problems))
    return points_px


def _check_labels(points: list[Fiducial], scheme: LandmarkScheme, where: str) -> None:
    """Raise LabelError unless each landmark is there once, either placed or marked as not visible."""
    count = Counter(point.label for point in points)
    for label in count:
        if label not in scheme.symbols:
            raise LabelError(
                f"{where}: {shown(label)} is no landmark of scheme '{scheme.name}'; expected the labels "
                f"{' '.join(scheme.symbols)}."
            )
    doubled = [symbol for symbol in scheme.symbols if count[symbol] > 1]
    if doubled:
        raise LabelError(f"{where}: given more than once: {' '.join(doubled)}; expected each landmark once.")
    missing = [symbol for symbol in scheme.symbols if symbol not in count]
    if missing:
        raise LabelError(
            f"{where}: without {' '.join(missing)}; expected all landmarks of scheme '{scheme.name}', those that "
            "cannot be seen with the positionStatus 'undefined'."
        )
    for label, status, _ in points:
        if status != "defined" and status not in UNPLACED:
            raise LabelError(
                f"{where}: landmark {label} has the positionStatus {shown(status)}; expected 'defined', 'undefined' or "
                "'missing'."
            )


def check_screen(screen: Any, frame: ViewerFrame, film: str) -> None:
    """Refuse points placed on another film, or on this film after its spacing was changed in the viewer.

    Such points are mm in another frame: they may still lie on the film, but not at their landmarks.

    Args:
        screen: how the viewer shows the film: ``size``, [X, Y] pixels; ``ijk_to_lps``, 4 x 4, row by row, from pixels
            to LPS mm.
        frame: the film's.
        film: its name, for messages.
    Raises:
        LabelError: it shows another size or geometry, or ``screen`` is not as above.
    """
    try:
        size = tuple(int(count) for count in screen["size"])
        ijk_to_lps = np.array(screen["ijk_to_lps"], dtype=np.float64).reshape(4, 4)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise LabelError("screen: expected {'size': [X, Y], 'ijk_to_lps': 4 rows of 4 numbers}.") from error
    if size != frame.size:
        raise LabelError(
            f"The film on the screen is {' x '.join(map(str, size))} px, but '{film}' is {frame.size[0]} x "
            f"{frame.size[1]}: another film."
        )
    corners = np.array([[0, 0], [size[0], 0], [0, size[1]], size], dtype=np.float64)
    shown_lps = corners @ ijk_to_lps[:3, :2].T + ijk_to_lps[:3, 3]
    moved = np.linalg.norm(frame.to_px(shown_lps) - corners, axis=-1)
    if not (moved.max() <= SAME_PX and frame.off_plane_mm(shown_lps).max() <= OFF_PLANE_MM):
        raise LabelError(
            f"The viewer shows another geometry than the file of '{film}' has (was its spacing changed?), so points "
            "would be taken for others; open the film again, and place them anew."
        )
