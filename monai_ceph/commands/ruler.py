"""``monai-ceph ruler``: measure the size of a film pixel with a ruler in the film."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from monai_ceph.data.film import film_size
from monai_ceph.data.film_workers import read_film_apart
from monai_ceph.ruler import find_ruler
from monai_ceph.spacing import ruler_spacing


def run(film: Path, marks_px: Sequence[tuple[float, float]], length_mm: float) -> None:
    """Print the size of a film pixel.

    Args:
        film: the file.
        marks_px: two marks, (x, y), pixels of the film.
        length_mm: the length between them on the ruler.
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


def find(film: Path) -> None:
    """Look for a millimetre ruler in the film and print the size of a pixel.

    Args:
        film: the file.
    Raises:
        ValueError: the film cannot be read, or no ruler is found.
    """
    ruler = find_ruler(read_film_apart(film)[0])
    if ruler is None:
        raise ValueError(
            f"{film}: found no ruler with a tick every mm and longer ones every 5 or 10 mm; name two marks of the "
            "ruler with --points and what lies between them with --mm."
        )
    (x0, y0), (x1, y1) = ruler.ends_px
    print(
        f"{film.name}: {ruler.ticks} ticks from {x0:.0f},{y0:.0f} to {x1:.0f},{y1:.0f}, every {ruler.long_every}th of "
        f"them longer; if they are mm, a pixel is {ruler.spacing_mm:.4g} mm; give it with "
        f"--spacing {ruler.spacing_mm:.4g}"
    )
