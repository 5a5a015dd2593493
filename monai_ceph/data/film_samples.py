"""Hold what a decoder returns: the samples of a film as its file stores them, and what the file states."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from monai_ceph.data.film_format import FilmError

Spacing: TypeAlias = "tuple[tuple[float, float] | None, str]"
"""((along x, along y) in mm or None, where it comes from)."""

UNKNOWN_SPACING: Spacing = (None, "unknown")


@dataclass(frozen=True, eq=False)
class FilmSamples:
    """A decoded film.

    Args:
        pixels: (Y, X, components), gray or RGB, further components are alpha; bone bright.
        spacing: the file's own.
        orientation: the EXIF or TIFF tag, 1 to 8; not applied to the pixels.
        dpi: (along x, along y), dots per inch that the file states.
        remarks: what the decoder complained about.
    """

    pixels: np.ndarray
    spacing: Spacing = UNKNOWN_SPACING
    orientation: int = 1
    dpi: tuple[float, float] | None = None
    remarks: tuple[str, ...] = ()


def check_finite(path: Path, pixels: np.ndarray) -> None:
    """Raise FilmError if any of a film's pixels is NaN or infinite."""
    bad = pixels.size - int(np.count_nonzero(np.isfinite(pixels)))
    if bad:
        raise FilmError(f"{path}: {bad} pixels are not finite numbers; replace them before the film is used.")
