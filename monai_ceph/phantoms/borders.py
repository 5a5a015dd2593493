"""Draw the border of a film: a cassette or a collimator, head rests with rulers, and the word PHANTOM."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from monai_ceph.phantoms.anatomy import circle
from monai_ceph.phantoms.canvas import COARSE_MM, Canvas
from monai_ceph.phantoms.raster import fill_polygon, ribbon, smooth_curve


def _stamp(canvas: Canvas, image: np.ndarray, polygon: np.ndarray, gray: float, opacity: float = 1.0) -> None:
    """Paint a polygon (mm of the film) over the picture."""
    drawn = fill_polygon(np.asarray(polygon, dtype=np.float64) / canvas.spacing, canvas.size)
    if drawn is not None:
        box, cover = drawn
        image[box] += opacity * cover * (np.float32(gray) - image[box])


def _rectangle(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


_LETTERS = {
    "P": (((0, 6), (0, 0), (3, 0), (3, 3), (0, 3)),),
    "H": (((0, 0), (0, 6)), ((3, 0), (3, 6)), ((0, 3), (3, 3))),
    "A": (((0, 6), (0, 1.5), (1.5, 0), (3, 1.5), (3, 6)), ((0, 3.5), (3, 3.5))),
    "N": (((0, 6), (0, 0), (3, 6), (3, 0)),),
    "T": (((0, 0), (3, 0)), ((1.5, 0), (1.5, 6))),
    "O": (((0, 0), (3, 0), (3, 6), (0, 6), (0, -0.2)),),
    "M": (((0, 6), (0, 0), (1.5, 3), (3, 0), (3, 6)),),
}  # fmt: skip


def _label(canvas: Canvas, image: np.ndarray, corner: tuple[float, float], gray: float) -> None:
    """Write PHANTOM, so that nobody mistakes the picture for a patient's film."""
    unit = 0.42
    for k, letter in enumerate("PHANTOM"):
        for stroke in _LETTERS[letter]:
            for ends in pairwise(stroke):
                line = np.array(ends, dtype=np.float64) * unit + corner + np.array([k * 5 * unit, 0])
                _stamp(canvas, image, ribbon(line, 0.5), gray)


def _ruler(canvas: Canvas, image: np.ndarray, top: np.ndarray, along: np.ndarray, length: int, gray: float) -> None:
    """Draw a steel ruler with a tick every mm and a longer one every 5 mm."""
    across = np.array([-along[1], along[0]])
    _stamp(canvas, image, ribbon(np.stack([top, top + length * along]), 3.4), gray, 0.55)
    for k in range(length + 1):
        reach = 3.4 if k % 5 == 0 else 1.8
        start = top + k * along - 1.7 * across
        _stamp(canvas, image, ribbon(np.stack([start, start + reach * across]), 0.45), 0.97, 0.9)


def _border_tabs(canvas: Canvas, image: np.ndarray, rng: np.random.Generator) -> None:
    """Draw a cassette's bright frame with three tabs at the top and the bottom, and a forehead rest with a ruler."""
    width, height = canvas.extent
    rod = np.array([0.895 * width + rng.normal(0, 1.5), -2.0])
    foot = rod + np.array([0.0, 0.37 * height + rng.normal(0, 4.0)])
    _stamp(canvas, image, _rectangle(rod[0] - 5.6, 2, rod[0] + 5.6, foot[1] - 42), 0.75, 0.16)
    for side in (-5.6, 5.6):
        post = np.array([(rod[0] + side, rod[1]), (foot[0] + side, foot[1] - 42)])
        _stamp(canvas, image, ribbon(post, 1.2), 0.85, 0.4)
    _stamp(canvas, image, ribbon(np.stack([rod, foot]), 2.6), 0.9, 0.45)
    rest = smooth_curve(foot + np.array([(0, -12), (4.5, -11), (5, 2), (4.5, 10), (-6, 11), (-15, 11), (-17.5, 7),
                                         (-15, 2.5), (-8, 3), (-5, 1), (-4.5, -10)]), 6, closed=True)  # fmt: skip
    _stamp(canvas, image, rest, 0.75, 0.22)
    _ruler(canvas, image, foot + np.array([0.6, -18.0]), np.array([0.0, 1.0]), 20, 0.9)

    inner = np.array([1.4, 4.2]) + rng.uniform(0, 0.5, 2)
    corner = inner + 2.2 + circle(2.2, 64)[48:]
    edge = [(width + 5, inner[1]), (width + 5, -5), (-5, -5), (-5, height + 5), (inner[0], height + 5)]
    _stamp(canvas, image, np.concatenate([corner, np.array(edge)]), 0.97)
    for k in (0.27, 0.51, 0.75):
        x = k * width + rng.normal(0, 0.4)
        _stamp(canvas, image, _rectangle(x - 6.3, -5, x + 6.3, 10.5), 0.98)
        _stamp(canvas, image, _rectangle(x - 4.3, height - 4.6, x + 8.3, height + 5), 0.98)
    _label(canvas, image, (2.6, 0.8), 0.05)


def _border_shutter(canvas: Canvas, image: np.ndarray, rng: np.random.Generator) -> None:
    """Draw a collimator's bright top band and dim sides, and a nasion rest with a slanted ruler."""
    width, height = canvas.extent
    grid_x, grid_y = (np.arange(n, dtype=np.float32) * COARSE_MM for n in canvas.coarse_size)
    top = (0.05 + 0.03 * rng.random()) * height
    band = 1 / (1 + np.exp(np.clip((grid_y - top) / 1.3, -30, 30)))
    inwards = np.minimum(grid_x - 3.5, width - 3.0 - grid_x)
    sides = 1 / (1 + np.exp(np.clip(inwards / 0.6, -30, 30)))
    veil = np.maximum(0.8 * band[None], 0.75 * sides[:, None] * (grid_y[None] > 0.42 * height))
    veil = canvas.spread(np.clip(veil, 0, 1))
    image += veil * (np.float32(0.93) - image)
    along = np.array([-0.05, 1.0]) / np.linalg.norm([-0.05, 1.0])
    start = np.array([0.87 * width + rng.normal(0, 2), 6.0])
    bend = start + 44 * along + np.array([1.5, 0])
    rod = np.stack([start + np.array([1.5, -8]), bend])
    arm = smooth_curve(bend + np.array([(0, 0), (-4, 10), (-21, 27)]), 8)
    _stamp(canvas, image, ribbon(rod, 6.0), 0.8, 0.3)
    _stamp(canvas, image, ribbon(arm, 5.0), 0.8, 0.25)
    _ruler(canvas, image, start, along, 45, 0.8)
    _label(canvas, image, (width - 19.0, height - 6.0), 0.9)


BORDERS: dict[str, Callable[[Canvas, np.ndarray, np.random.Generator], None]] = {
    "tabs": _border_tabs,
    "shutter": _border_shutter,
}
