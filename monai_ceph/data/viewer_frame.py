"""Where a viewer shows a film: the frame in which 3D Slicer, or whatever else opens films with ITK, places its points.

A markups file holds mm, but not the mm that are measured with: a viewer knows the file alone, and lays a PNG out with
pixels of 1 mm, a JPEG by its dots per inch, a DICOM film by the tags that ITK goes by. A point is on the same pixel for
the viewer and for this package only if both take it through the viewer's frame. Calibrated mm come in afterwards, from
pixels, as everywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monai_ceph.data.film import FilmError, film_header


@dataclass(frozen=True, eq=False)
class ViewerFrame:
    """The plane that a film's file says it lies in.

    Args:
        size: (X, Y), pixels.
        spacing_mm: (along x, along y), mm, as ITK takes it from the file; not the film's calibrated spacing.
        origin_lps: (3,), LPS mm, the centre of the first pixel.
        direction: (3, 2), LPS; column k is the direction of the film's axis k.
    """

    size: tuple[int, int]
    spacing_mm: tuple[float, float]
    origin_lps: np.ndarray
    direction: np.ndarray

    def to_lps(self, points_px: np.ndarray) -> np.ndarray:
        """Pixels of the film -> where a viewer shows them.

        Args:
            points_px: (N, 2), (x, y); NaN stays NaN.
        Returns:
            (N, 3) float64, LPS mm.
        """
        return np.asarray(points_px, dtype=np.float64) @ self._pixel_steps.T + self.origin_lps

    def to_px(self, points_lps: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`to_lps`, of points on the film's plane; others are projected onto it.

        Args:
            points_lps: (N, 3), LPS mm; NaN stays NaN.
        Returns:
            (N, 2) float64, (x, y), pixels of the film.
        """
        return (np.asarray(points_lps, dtype=np.float64) - self.origin_lps) @ np.linalg.pinv(self._pixel_steps).T

    def off_plane_mm(self, points_lps: np.ndarray) -> np.ndarray:
        """(N,), mm: how far points (N, 3), LPS mm, lie in front of or behind the film's plane."""
        on_plane = self.to_lps(self.to_px(points_lps))
        return np.linalg.norm(np.asarray(points_lps, dtype=np.float64) - on_plane, axis=-1)

    @property
    def _pixel_steps(self) -> np.ndarray:
        """(3, 2), LPS mm: from a pixel to its neighbour along x and along y."""
        return self.direction * self.spacing_mm


def viewer_frame(path: str | Path) -> ViewerFrame:
    """The frame in which ITK opens a film.

    Args:
        path: the film; only its header is read.
    Raises:
        FilmError: as :func:`~monai_ceph.data.film.read_film`, or the header places all pixels on a line or nowhere.
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
    """A vector of a file's 2, 3 or more axes as the viewer has it, in three."""
    return np.array([*values, 0.0, 0.0])[:3]
