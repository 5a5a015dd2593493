"""Measure how often a ruler in a film is read right, read wrong, or left alone.

    python -m benchmarks.rulers --isbi /path/to/isbi2015 --hamedan /path/to/hamedan --foreign /path/to/foreign

writes ``benchmarks/results/rulers.csv``. The range of pixels per mm that is searched follows from the size of
the face, as in ``predict``; here the annotated points give that size. A ruler is read right if it agrees with the known
pixel size within 2 %, or within 20 % for the films from elsewhere, whose pixel size was mostly guessed from the face.
The films of ISBI 2015 show a ruler with a tick every 2 mm and no longer ones, which must be left alone.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.films import add_data_sets, other_clinic
from benchmarks.provenance import command_line, origin, write_results
from monai_ceph.data import isbi2015_datalist
from monai_ceph.data.film import read_film
from monai_ceph.face_shape import FaceShape, fit_either_side
from monai_ceph.landmarks import ISBI19
from monai_ceph.phantoms import draw_phantom
from monai_ceph.pose_search import USUAL_SIZE
from monai_ceph.predictor.bundle import default_bundle
from monai_ceph.ruler import find_ruler

COLUMNS = ("films", "altered", "number", "right", "wrong", "left_alone", "largest_error_percent", "ms_per_film")


class Film(NamedTuple):
    """A film, (X, Y); its annotated points, (N, 2) px; the true size of a pixel and how well that is known."""

    pixels: np.ndarray
    points_px: np.ndarray
    spacing_mm: float
    within: float


def isbi(folder: Path) -> Iterator[Film]:
    """Yield every sixth of the 150 training films."""
    for item in isbi2015_datalist(folder)[::6]:
        yield Film(read_film(item["image"])[0], np.asarray(item["points_px"]), 0.1, 0.02)


def hamedan(folder: Path) -> Iterator[Film]:
    """Yield the films of the other clinic."""
    for item in other_clinic(folder):
        yield Film(read_film(item["image"])[0], np.asarray(item["points_px"]), 1 / 7.88, 0.02)


def foreign(folder: Path) -> Iterator[Film]:
    """Yield the films from elsewhere: ``films/``, ``films.csv`` and ``points.csv``."""
    points: dict[str, np.ndarray] = {}
    with (folder / "points.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            own = points.setdefault(row["image"], np.full((len(ISBI19), 2), np.nan))
            if row["x_px"] and row["landmark"] in ISBI19.symbols:
                own[ISBI19.symbols.index(row["landmark"])] = float(row["x_px"]), float(row["y_px"])
    with (folder / "films.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            pixels = read_film(folder / "films" / row["image"])[0]
            yield Film(pixels, points[row["image"]], float(row["spacing_mm"]), 0.2)


def phantoms(count: int) -> Iterator[Film]:
    """Yield drawn films of two styles, which show a ruler of 20 or 45 mm."""
    for seed in range(count):
        spacing = 0.1 + 0.02 * (seed % 6)
        size = (round(193.5 / spacing), round(240 / spacing))
        drawn = draw_phantom(seed, size, spacing, style="ab"[seed % 2])
        yield Film(drawn.image.astype(np.float32), drawn.points_px, spacing, 0.02)


def turned(film: Film) -> Film:
    """Return the film on its side."""
    return film._replace(pixels=np.ascontiguousarray(film.pixels.T), points_px=film.points_px[:, ::-1])


ALTERED: dict[str, Callable[[Film], Film]] = {
    "as they are": lambda film: film,
    "on their side": turned,
}


def row(name: str, altered: str, films: Iterator[Film], shape: FaceShape) -> list[Any]:
    """Return a row of the table."""
    counts, errors, seconds = dict.fromkeys(("right", "wrong", "left_alone"), 0), [0.0], []
    for film in map(ALTERED[altered], films):
        fit, _ = fit_either_side(film.points_px, np.isfinite(film.points_px).all(1).astype(float), shape)
        if fit is None:
            raise ValueError(f"Expected points that can be a face in each film of '{name}'; check the annotations.")
        began = time.process_time()
        ruler = find_ruler(film.pixels, (1 / (USUAL_SIZE[1] * fit.working_mm), 1 / (USUAL_SIZE[0] * fit.working_mm)))
        seconds.append(time.process_time() - began)
        error = 0.0 if ruler is None else abs(ruler.spacing_mm / film.spacing_mm - 1)
        counts["left_alone" if ruler is None else "right" if error <= film.within else "wrong"] += 1
        errors.append(error)
    milliseconds = 1e3 * float(np.mean(seconds))
    made = [name, altered, len(seconds), *counts.values(), f"{100 * max(errors):.1f}", f"{milliseconds:.0f}"]
    print(*made, flush=True)
    return made


def main() -> None:
    parser = command_line(__doc__, "rulers.csv")
    add_data_sets(parser)
    parser.add_argument("--foreign", required=True, type=Path, help="folder with films, films.csv and points.csv")
    parser.add_argument("--phantoms", type=int, default=6, help="how many films to draw")
    arguments = parser.parse_args()
    shape = FaceShape.of(default_bundle() / "configs" / "face_shape.json", ISBI19.symbols)
    if shape is None:
        raise FileNotFoundError("The shipped bundle has no configs/face_shape.json, which tells the size of a face.")
    torch.set_num_threads(1)
    rows = [
        row(name, altered, films(), shape)
        for name, films, every in (
            ("hamedan", lambda: hamedan(arguments.hamedan), True),
            ("foreign", lambda: foreign(arguments.foreign), False),
            ("isbi2015", lambda: isbi(arguments.isbi), False),
            ("phantoms", lambda: phantoms(arguments.phantoms), False),
        )
        for altered in (ALTERED if every else ["as they are"])
    ]
    made = [
        "films of Hamedan, from elsewhere, every sixth of ISBI 2015, and drawn ones",
        *origin("python -m benchmarks.rulers --isbi ... --hamedan ... --foreign ...", "numpy"),
    ]
    write_results(arguments.output, made, COLUMNS, rows)


if __name__ == "__main__":
    main()
