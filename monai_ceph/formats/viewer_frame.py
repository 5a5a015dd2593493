"""Convert between film pixels and the frame in which a viewer shows a film, such as 3D Slicer's.

The mm in a markups file are not calibrated: they follow from how ITK opens the film, a PNG with pixels of 1 mm, a JPEG
by its dots per inch, a DICOM file by some of its tags. So the viewer and this package agree on a point's pixel only if
both use the viewer's frame. Calibrated mm are computed from pixels afterwards, as everywhere else.
:func:`monai_ceph.data.viewer_frame.viewer_frame` reads the frame of a film.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class ViewerFrame:
    """Hold the plane in which a viewer shows a film.

    Args:
        size: (X, Y), pixels.
        spacing_mm: (along x, along y), mm, as ITK reads it from the file; not the film's calibrated spacing.
        origin_lps: (3,), LPS mm, the centre of the first pixel.
        direction: (3, 2), LPS; column k is the direction of the film's axis k.
    """

    size: tuple[int, int]
    spacing_mm: tuple[float, float]
    origin_lps: np.ndarray
    direction: np.ndarray

    @classmethod
    def from_matrix(cls, size: tuple[int, int], ijk_to_lps: np.ndarray) -> ViewerFrame:
        """Return the frame of a matrix, the inverse of :attr:`ijk_to_lps`.

        Args:
            size: (X, Y), pixels.
            ijk_to_lps: (4, 4), from pixels to LPS mm.
        Raises:
            ValueError: the matrix spans no plane.
        """
        steps = np.asarray(ijk_to_lps, dtype=np.float64)[:3, :2]
        if not np.isfinite(ijk_to_lps).all() or np.linalg.matrix_rank(steps) < 2:
            raise ValueError(f"Expected a matrix that spans a plane, got the directions {steps.T.tolist()}.")
        x, y = np.linalg.norm(steps, axis=0).tolist()
        return cls(size, (x, y), np.asarray(ijk_to_lps, dtype=np.float64)[:3, 3], steps / (x, y))

    @classmethod
    def flat(cls, size: tuple[int, int], spacing_mm: tuple[float, float]) -> ViewerFrame:
        """Return the frame with the first pixel at the origin, x to the left and y to the back of the patient."""
        return cls(size, spacing_mm, np.zeros(3), np.eye(3)[:, :2])

    @property
    def ijk_to_lps(self) -> np.ndarray:
        """The (4, 4) matrix from pixels (x, y, slice, 1) to LPS mm, as in 3D Slicer."""
        matrix = np.eye(4)
        matrix[:3, :2] = self._pixel_steps
        matrix[:3, 2] = np.cross(*self.direction.T)
        matrix[:3, 3] = self.origin_lps
        return matrix

    def to_lps(self, points_px: np.ndarray) -> np.ndarray:
        """Convert pixels of the film to the positions where a viewer shows them.

        Args:
            points_px: (N, 2), (x, y); NaN stays NaN.
        Returns:
            (N, 3) float64, LPS mm.
        """
        return np.asarray(points_px, dtype=np.float64) @ self._pixel_steps.T + self.origin_lps

    def to_px(self, points_lps: np.ndarray) -> np.ndarray:
        """Invert :meth:`to_lps` for points on the film's plane; project others onto it.

        Args:
            points_lps: (N, 3), LPS mm; NaN stays NaN.
        Returns:
            (N, 2) float64, (x, y), pixels of the film.
        """
        return (np.asarray(points_lps, dtype=np.float64) - self.origin_lps) @ np.linalg.pinv(self._pixel_steps).T

    def off_plane_mm(self, points_lps: np.ndarray) -> np.ndarray:
        """Return how far points (N, 3), LPS mm, lie in front of or behind the film's plane, (N,), mm."""
        on_plane = self.to_lps(self.to_px(points_lps))
        return np.linalg.norm(np.asarray(points_lps, dtype=np.float64) - on_plane, axis=-1)

    @property
    def _pixel_steps(self) -> np.ndarray:
        """The steps from a pixel to its neighbours along x and along y: (3, 2), LPS mm."""
        return self.direction * self.spacing_mm
