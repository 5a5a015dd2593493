"""Read the frame in which a viewer shows a film."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_ceph.data.film import FilmError, film_header
from monai_ceph.formats.viewer_frame import ViewerFrame


def viewer_frame(path: str | Path) -> ViewerFrame:
    """Return the frame in which ITK opens a film.

    Args:
        path: the film; only its header is read.
    Raises:
        FilmError: as :func:`~monai_ceph.data.film.read_film`, or the header's directions span no plane.
    """
    header = film_header(path)
    axes = range(header.GetNumberOfDimensions())
    frame = ViewerFrame(
        size=(header.GetDimensions(0), header.GetDimensions(1)),
        spacing_mm=(header.GetSpacing(0), header.GetSpacing(1)),
        origin_lps=_three([header.GetOrigin(axis) for axis in axes]),
        direction=np.stack([_three(header.GetDirection(axis)) for axis in (0, 1)], axis=1),
    )
    steps = frame.direction * frame.spacing_mm
    if not (np.isfinite(steps).all() and np.isfinite(frame.origin_lps).all() and np.linalg.matrix_rank(steps) == 2):
        raise FilmError(
            f"{path}: its header places no pixel anywhere (spacing {frame.spacing_mm}, directions "
            f"{frame.direction.T.tolist()}); save the film anew."
        )
    return frame


def _three(values: list[float]) -> np.ndarray:
    """Return a vector over a file's 2, 3 or more axes as the viewer's three components."""
    return np.array([*values, 0.0, 0.0])[:3]
