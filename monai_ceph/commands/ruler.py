"""Print the size of a film pixel in mm, as monai-ceph predict --spacing takes it: from two marks of a ruler in the film
and what lies between them, or from a millimetre ruler that is found in the film.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from monai_ceph.commands.options import millimetres

HELP = "get the size of a film pixel from a ruler in the film"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("film", type=Path, metavar="FILM", help="the film; the marks have to lie on it")
    parser.add_argument(
        "--points",
        nargs=2,
        type=_point,
        metavar="X,Y",
        help="both marks, in pixels of the film; without, a ruler is looked for",
    )
    parser.add_argument("--mm", type=millimetres, metavar="MM", help="what lies between the marks")


def _point(text: str) -> tuple[float, float]:
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected X,Y in pixels such as 120,48.5, got '{text}'") from None
    return x, y


def run(arguments: argparse.Namespace) -> int:
    if (arguments.points is None) != (arguments.mm is None):
        raise ValueError("--points and --mm belong together: two marks of a ruler, and the mm between them.")
    text = _found(arguments.film) if arguments.points is None else _measured(arguments)
    print(f"{arguments.film.name}: {text}")
    return 0


def _measured(arguments: argparse.Namespace) -> str:
    """Return the size of a pixel as two marks and the length between them give it."""
    from monai_ceph.data.film import film_size
    from monai_ceph.spacing import ruler_spacing

    size = film_size(arguments.film)
    for x, y in arguments.points:
        if not (-0.5 <= x <= size[0] - 0.5 and -0.5 <= y <= size[1] - 0.5):
            raise ValueError(
                f"{arguments.film}: the mark {x:g},{y:g} is off the film, which has {size[0]} x {size[1]} px."
            )
    spacing = ruler_spacing(arguments.points[0], arguments.points[1], arguments.mm)
    return f"a pixel is {spacing:.4g} mm; give it with --spacing {spacing:.4g}"


def _found(film: Path) -> str:
    """Return the size of a pixel according to the millimetre ruler that is found in the film."""
    from monai_ceph.data.film_workers import read_film_apart
    from monai_ceph.ruler import find_ruler

    ruler = find_ruler(read_film_apart(film)[0])
    if ruler is None:
        raise ValueError(
            f"{film}: found no ruler with a tick every mm and longer ones every 5 or 10 mm; name two marks of the "
            "ruler with --points and what lies between them with --mm."
        )
    (x0, y0), (x1, y1) = ruler.ends_px
    return (
        f"{ruler.ticks} ticks from {x0:.0f},{y0:.0f} to {x1:.0f},{y1:.0f}, every {ruler.long_every}th of them longer; "
        f"if they are mm, a pixel is {ruler.spacing_mm:.4g} mm; give it with --spacing {ruler.spacing_mm:.4g}"
    )
