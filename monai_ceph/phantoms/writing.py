"""Write phantoms as film files with a table of their landmarks."""

from __future__ import annotations

from pathlib import Path

import itk
import numpy as np

from monai_ceph.atomic import atomic_path, write_text
from monai_ceph.formats.csv_text import csv_text
from monai_ceph.landmarks import ISBI19, LandmarkScheme
from monai_ceph.phantoms.drawing import Phantom, draw_phantom
from monai_ceph.phantoms.style import Style
from monai_ceph.prediction import COLUMNS


def write_phantoms(
    folder: str | Path,
    count: int,
    seed: int = 0,
    size: tuple[int, int] = (1935, 2400),
    spacing_mm: float | tuple[float, float] = 0.1,
    bit_depth: int = 8,
    scheme: LandmarkScheme = ISBI19,
    style: str | Style = "a",
    observer_sd_mm: float | None = None,
) -> list[Path]:
    """Write films ``phantom_000.png``, ... to a folder, and their landmarks to ``points.csv`` in the project's format.

    Args:
        folder: created if it does not exist.
        count: number of films; film k has the seed ``seed + k``.
        seed: seed of the first film.
        size, spacing_mm, bit_depth, scheme, style: as in :func:`~monai_ceph.phantoms.drawing.draw_phantom`.
        observer_sd_mm: if given, also write ``observer_b.csv``: the true points plus normal noise with this standard
            deviation along x and y.
    Returns:
        The paths of the films.
    Raises:
        ValueError: as :func:`~monai_ceph.phantoms.drawing.draw_phantom`, or a count under 1.
        OSError: the folder cannot be written.
    Example:
        >>> [path.name for path in write_phantoms("films", 2, size=(194, 240), spacing_mm=1.0)]
        ['phantom_000.png', 'phantom_001.png']
    """
    if count < 1:
        raise ValueError(f"Expected a count of at least 1 film, got {count}.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    digits = max(3, len(str(count - 1)))
    jitter = np.random.default_rng([seed, 3])
    films: list[Path] = []
    truth: list[list[str]] = []
    second: list[list[str]] = []
    for k in range(count):
        phantom = draw_phantom(seed + k, size, spacing_mm, bit_depth, scheme, style)
        path = folder / f"phantom_{k:0{digits}d}.png"
        write_png(path, phantom.image)
        films.append(path)
        truth += _rows(path.name, phantom, phantom.points_px)
        if observer_sd_mm is not None:
            error_mm = jitter.normal(0, observer_sd_mm, phantom.points_px.shape)
            last = np.array(phantom.image.shape) - 1
            points_px = np.clip(phantom.points_px + error_mm / np.array(phantom.spacing_mm), 0, last)
            second += _rows(path.name, phantom, points_px)
    write_text(folder / "points.csv", csv_text(COLUMNS[:7], truth))
    if second:
        write_text(folder / "observer_b.csv", csv_text(COLUMNS[:7], second))
    return films


def write_png(path: Path, image: np.ndarray) -> None:
    """Write an (X, Y) array of uint8 or uint16 as a gray PNG, completely or not at all.

    >>> write_png(Path("black.png"), np.zeros((4, 3), np.uint8))
    >>> Path("black.png").exists()
    True
    """
    with atomic_path(path) as temporary:
        itk.imwrite(itk.image_from_array(np.ascontiguousarray(image.T)), str(temporary))


def _rows(name: str, phantom: Phantom, points_px: np.ndarray) -> list[list[str]]:
    """Return the rows of a film in the landmark table, without confidence: drawn points are not a prediction."""
    numbers = np.concatenate([points_px, points_px * np.array(phantom.spacing_mm)], 1)
    cells = [[f"{number:.3f}" for number in row] for row in numbers.tolist()]
    return [[name, symbol, *row, ""] for symbol, row in zip(phantom.scheme.symbols, cells, strict=True)]
