"""Paint bodies as thickness along the X-ray beam; positions are in mm of the film."""

from __future__ import annotations

import numpy as np

from monai_ceph.phantoms.raster import Box, blur_matrix, fill_polygon, resize_matrix, ribbon

COARSE_MM = 1.0
"""Grid spacing for smooth fields."""


class Canvas:
    """Hold the thickness along the beam and paint on it, in mm of the film (0 = centre of the first pixel).

    Args:
        size: (X, Y) of the film, pixels.
        spacing_mm: (along x, along y), size of a pixel.
    Example:
        >>> canvas = Canvas((20, 30), (1.0, 1.0))
        >>> canvas.fill(np.array([[5.0, 5.0], [15.0, 5.0], [15.0, 15.0], [5.0, 15.0]]), 0.5)
        >>> float(canvas.thickness[10, 10]), float(canvas.thickness[10, 25])
        (0.5, 0.0)
    """

    def __init__(self, size: tuple[int, int], spacing_mm: tuple[float, float]) -> None:
        self.size = size
        self.spacing = np.array(spacing_mm)
        self.extent = self.spacing * np.array(size)
        self.thickness = np.zeros(size, np.float32)
        coarse_x, coarse_y = (int(n) for n in np.ceil(self.extent / COARSE_MM) + 1)
        self.coarse_size = (coarse_x, coarse_y)
        self._blurs: dict[float, tuple[np.ndarray, np.ndarray]] = {}

    def _to_film(self, axis: int, grid_mm: float, part: slice, size: int) -> np.ndarray:
        positions = np.arange(part.start, part.stop) * self.spacing[axis] / grid_mm
        return resize_matrix(positions, size)

    def spread(self, field: np.ndarray, grid_mm: float = COARSE_MM, box: Box | None = None) -> np.ndarray:
        """Interpolate a field on a coarse grid to a box of the film (the whole film if None)."""
        box = box or (slice(0, self.size[0]), slice(0, self.size[1]))
        left = self._to_film(0, grid_mm, box[0], field.shape[0])
        right = self._to_film(1, grid_mm, box[1], field.shape[1])
        drawn: np.ndarray = (left @ field.astype(np.float32)) @ right.T
        return drawn

    def texture(self, rng: np.random.Generator, grid_mm: float) -> np.ndarray:
        """Return smooth noise over the whole film, with unit variance at the nodes of the grid."""
        nodes = tuple(int(n) for n in np.ceil(self.extent / grid_mm).astype(int) + 2)
        return self.spread(rng.standard_normal(nodes, dtype=np.float32), grid_mm)

    def smooth_coarse(self, field: np.ndarray, sigma_mm: float) -> np.ndarray:
        """Blur a field on the coarse grid with a Gaussian."""
        if sigma_mm not in self._blurs:
            size_x, size_y = self.coarse_size
            sigma = sigma_mm / COARSE_MM
            self._blurs[sigma_mm] = (blur_matrix(size_x, sigma), blur_matrix(size_y, sigma))
        left, right = self._blurs[sigma_mm]
        blurred: np.ndarray = left @ field @ right.T
        return blurred

    def fill(self, polygon: np.ndarray, amount: float, rounded_mm: float = 0.0) -> None:
        """Add the thickness of a body.

        Args:
            polygon: (M, 2), mm of the film.
            amount: thickness in the middle; negative for a cavity.
            rounded_mm: distance from the edge over which the body thickens; 0 for a slab.
        """
        drawn = fill_polygon(polygon / self.spacing, self.size)
        if drawn is None:
            return
        box, cover = drawn
        if rounded_mm > 0:
            field = self._blurred(polygon, rounded_mm)
            if field is None:
                return
            # A blurred step is 0.5 at the edge. Stretch it so that the body is thin there and 1 well inside.
            cover = cover * self.spread(np.clip(1.6 * field - 0.6, 0.06, 1.0), box=box)
        self.thickness[box] += np.float32(amount) * cover

    def haze(self, polygon: np.ndarray, amount: float, sigma_mm: float) -> None:
        """Add a body without a sharp edge."""
        field = self._blurred(polygon, sigma_mm)
        if field is not None:
            self.thickness += self.spread(np.float32(amount) * field)

    def _blurred(self, polygon: np.ndarray, sigma_mm: float) -> np.ndarray | None:
        """Return a blurred polygon on the coarse grid; None if it lies outside the film."""
        drawn = fill_polygon(polygon / COARSE_MM, self.coarse_size)
        if drawn is None:
            return None
        field = np.zeros(self.coarse_size, np.float32)
        field[drawn[0]] = drawn[1]
        return self.smooth_coarse(field, sigma_mm)

    def line(self, curve: np.ndarray, width_mm: float, amount: float, closed: bool = False) -> None:
        """Add a sheet of bone seen edge-on, thickest in the middle of the line."""
        width = np.full(len(curve) + closed, width_mm)
        if not closed:  # a sheet of bone tapers off at its ends
            run = np.linspace(0, 1, len(curve))
            width *= np.clip(0.35 + 8 * np.minimum(run, 1 - run), 0, 1)
        for share, part in ((1.5, 0.35), (0.7, 0.65)):
            self.fill(ribbon(curve, share * width, closed), part * amount)

    def rim(self, polygon: np.ndarray, width_mm: float, amount: float) -> None:
        """Add a closed line along the outline of a polygon."""
        self.line(polygon, width_mm, amount, closed=True)
