"""Measure what becomes of films whose head is tilted, with the default model and the pixel size known.

    python -m benchmarks.tilted --isbi /path/to/isbi2015 --hamedan /path/to/hamedan

writes ``benchmarks/results/tilted.csv``. The bundle's validation films and the films of the other clinic (or every
``--every``-th of them) are turned by several angles about their middle; what comes into view is black. A point is right
within 5 mm of the mean of the observers, and flagged if its status is not ``found``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.films import add_data_sets
from benchmarks.provenance import command_line, origin, write_results
from monai_ceph.data.film import read_film
from monai_ceph.export.whole_film import any_film_inferer
from monai_ceph.landmark_status import StatusRule, judge
from monai_ceph.predictor.bundle import default_bundle
from monai_ceph.predictor.torch_predictor import TorchPredictor, load_torch_predictor
from tools.landmark_status import WRONG_MM, infer, tilted, validation_films

ANGLES = (0, -30, 30, 60)
COLUMNS = (
    *("films", "angle_deg", "number", "points", "right_percent", "right_but_flagged_percent"),
    *("wrong_found_percent", "over_10_mm_found", "films_without_a_face"),
)


def errors_and_flags(
    predictor: TorchPredictor, rule: StatusRule, pixels: np.ndarray, points_px: np.ndarray, mm: float
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return (N,) errors in mm, whether each landmark is flagged, and whether a face was seen."""
    search = any_film_inferer(predictor.inferer).search
    if search is None:
        raise ValueError("Expected a bundle that searches faces; it has no configs/face_shape.json.")
    found = infer(predictor, pixels, mm)
    size = (pixels.shape[0], pixels.shape[1])
    judged = judge(found[:, :2], found[:, 2], found[:, 3:], size, (mm, mm), search.shape, rule)
    error = np.hypot(*(found[:, :2] - points_px).T) * mm
    return error, np.array([status != "found" for status in judged.status]), bool(judged.pose)


def main() -> None:
    parser = command_line(__doc__, "tilted.csv")
    add_data_sets(parser)
    parser.add_argument("--every", type=int, default=1, help="take every so many-th film")
    arguments = parser.parse_args()
    bundle = default_bundle()
    predictor = load_torch_predictor(bundle, None, "cpu")
    rule = StatusRule.read(bundle / "configs" / "landmark_status.json")
    other = [str(arguments.hamedan / name) for name in ("images", "observer_a", "observer_b")]
    films: dict[str, list[Any]] = {}
    for source, film, points, mm in validation_films(arguments.isbi, bundle, [[*other, "0.127"]]):
        films.setdefault("isbi2015" if source == "isbi2015" else "hamedan", []).append((film, points, mm))
    rows = []
    for source, chosen in films.items():
        for angle in ANGLES:
            errors, flags, seen = [], [], []
            for film, points, mm in chosen[:: arguments.every]:
                pixels, moved = tilted(read_film(film)[0], points, angle)
                error, flag, face = errors_and_flags(predictor, rule, pixels, moved, mm)
                known = np.isfinite(error)
                errors.append(error[known])
                flags.append(flag[known])
                seen.append(face)
            error, flag = np.concatenate(errors), np.concatenate(flags)
            right = error <= WRONG_MM
            shares = (right.mean(), (flag & right).sum() / max(right.sum(), 1), (~right & ~flag).mean())
            percents = [f"{100 * share:.1f}" for share in shares]
            over = int(((error > 10) & ~flag).sum())
            rows.append([source, angle, len(seen), len(error), *percents, over, seen.count(False)])
            print(*rows[-1], flush=True)
    every = f" --every {arguments.every}" if arguments.every > 1 else ""
    made = [
        f"one film in {arguments.every}" if every else "every film",
        "default model; a point is right within 5 mm of the mean of both observers",
        *origin(f"python -m benchmarks.tilted --isbi ... --hamedan ...{every}"),
    ]
    write_results(arguments.output, made, COLUMNS, rows)


if __name__ == "__main__":
    main()
