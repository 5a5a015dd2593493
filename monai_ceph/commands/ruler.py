"""``monai-ceph ruler``: the size of a film pixel from two marks of a ruler in the film."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from monai_ceph.data.film import film_size
from monai_ceph.spacing import ruler_spacing


def run(film: Path, marks_px: Sequence[tuple[float, float]], length_mm: float) -> None:
    """Print the size of a film pixel.

    Args:
        film: the file.
        marks_px: two marks, (x, y), pixels of the film.
        length_mm: what the ruler says lies between them.
    Raises:
        ValueError: the film cannot be read, a mark is off it, or as
            :func:`~monai_ceph.spacing.ruler_spacing`.
    """
    size = film_size(film)
    for x, y in marks_px:
        if not (-0.5 <= x <= size[0] - 0.5 and -0.5 <= y <= size[1] - 0.5):
            raise ValueError(f"{film}: the mark {x:g},{y:g} is off the film, which has {size[0]} x {size[1]} px.")
    first_px, second_px = marks_px
    spacing = ruler_spacing(first_px, second_px, length_mm)
    print(f"{film.name}: a pixel is {spacing:.4g} mm; give it with --spacing {spacing:.4g}")
