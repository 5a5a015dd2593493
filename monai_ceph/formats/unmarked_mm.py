"""Convert mm to film pixels for markups that do not name their film.

Such mm are either mm of a viewer or calibrated mm, whichever puts a face of possible size on the film.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_ceph.formats.points import AnnotationError
from monai_ceph.formats.viewer_frame import ViewerFrame

LARGEST_FACE_MM = 400
"""No detector for lateral films is longer, and a face on a film is magnified by no more than a seventh."""
SMALLEST_FACE_MM = 40
"""From sella to nasion alone it is 55 mm and more."""
TYPICAL_FACE_MM = 110
"""The longer side of the box around ISBI 2015's landmarks: the median of its 150 training films (84 to 138 mm)."""
CLEARLY = 1.5
"""Ratio of the sizes of two possible faces above which the likelier size decides."""
FEW = 5
"""Fewer landmarks than this may lie close together."""


def unmarked_to_px(
    positions: np.ndarray, path: Path, spacing_mm: tuple[float, float] | None, frame: ViewerFrame | None
) -> tuple[np.ndarray, list[str]]:
    """Return the film pixels of positions in mm of an unknown frame.

    Args:
        positions: (n, 3), mm; NaN stays NaN.
        path: the markups file, for messages.
        spacing_mm: (along x, along y) of the film, mm.
        frame: the frame in which a viewer opens the film.
    Returns:
        (n, 2), (x, y), film pixels, and a remark if the mm are taken as calibrated.
    Raises:
        AnnotationError: neither spacing nor frame is known, or neither makes a face of the positions.
    """
    viewer = None if frame is None else frame.to_px(positions)
    if spacing_mm is None:
        if viewer is None:
            raise AnnotationError(
                f"{path}: its positions are in mm; give the films' pixel spacing, or the films, to make them pixels."
            )
        return viewer, []
    calibrated = positions[:, :2] / spacing_mm
    likely = [px for px in (viewer, calibrated) if px is not None and _is_a_face(px, spacing_mm, frame)]
    # Of two possible sizes the likelier, where they differ much; or else what a viewer shows.
    sizes = [_extent_mm(points, spacing_mm) for points in likely]
    if len(likely) == 2 and max(sizes) > CLEARLY * min(sizes) and np.isfinite(positions[:, 0]).sum() >= FEW:
        likely.sort(key=lambda points: abs(np.log(_extent_mm(points, spacing_mm) / TYPICAL_FACE_MM)))
    if likely and likely[0] is viewer:
        return viewer, []
    if likely:
        return calibrated, [
            f"{path.parent}: its markups do not say which film they were made on; their mm are taken as the film's "
            "calibrated mm from the centre of the first pixel."
        ]
    extent = np.nanmax(positions, axis=0) - np.nanmin(positions, axis=0)
    remedy = (
        "is the pixel spacing right?" if frame else "give the films, so that they can be taken as a viewer shows them."
    )
    raise AnnotationError(
        f"{path}: its landmarks span {extent[0]:.0f} x {extent[1]:.0f} mm, which no face on a film does with a pixel "
        f"spacing of {' x '.join(f'{s:g}' for s in spacing_mm)} mm: they may be mm of a viewer that shows the "
        f"film with other pixels; {remedy}"
    )


def _is_a_face(points_px: np.ndarray, spacing_mm: tuple[float, float], frame: ViewerFrame | None) -> bool:
    """Return whether points can be a face's landmarks: on the film, neither too close together nor too far apart."""
    placed = points_px[np.isfinite(points_px).all(-1)]
    if not len(placed):
        return True
    if frame is not None and ((placed < -0.5) | (placed > np.asarray(frame.size) - 0.5)).any():
        return False
    extent_mm = _extent_mm(points_px, spacing_mm)
    return extent_mm <= LARGEST_FACE_MM and (len(placed) < FEW or extent_mm >= SMALLEST_FACE_MM)


def _extent_mm(points_px: np.ndarray, spacing_mm: tuple[float, float]) -> float:
    """Return the longer side of the box around some points."""
    if np.isnan(points_px).all():
        return 0.0
    return float(np.max((np.nanmax(points_px, axis=0) - np.nanmin(points_px, axis=0)) * spacing_mm))
