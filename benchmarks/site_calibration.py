"""Compare a site calibration with fine-tuning, and both together, on 1 to 10 marked films of another clinic.

    python -m benchmarks.site_calibration --films hamedan/images --references hamedan/observer_a hamedan/observer_b \\
        --spacing 0.127 --isbi /path/to/isbi2015 --work_dir /path/for/predictions

writes two tables:

- ``benchmarks/results/site_calibration.csv``: the error on the films that were not marked. Site calibrations are
  estimated from random draws of marked films. Fine-tuning takes minutes, so it has few draws, without films in common;
  the site calibration from the same films stands beside it. Finished trainings are kept in ``--work_dir``, and a run
  that is stopped can be continued.
- ``benchmarks/results/site_offsets.csv``: what the choices behind a site calibration do: in which axes offsets are
  averaged, and how much of a bias is believed. Beside the clinic's films it uses the two observers of ISBI 2015, the
  clinic's offsets without their bias, and these with one landmark moved by 3 mm.

Ground truth is the mean of the observers.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks.provenance import command_line, origin, write_results
from monai_ceph.calibration import gain
from monai_ceph.data import isbi2015_datalist
from monai_ceph.data.datalist import datalist
from monai_ceph.data.replay_set import ISBI_MM
from monai_ceph.finetuning.finetune import finetune
from monai_ceph.finetuning.held_out import FEWEST as FEWEST_TRAINED
from monai_ceph.landmarks import ISBI19
from monai_ceph.prediction import Prediction
from monai_ceph.predictor.bundle import default_bundle
from monai_ceph.predictor.torch_predictor import load_torch_predictor
from monai_ceph.site.calibration import axes_of
from monai_ceph.site.estimate import FEWEST, SiteEstimate, estimate_site, mean_face, shrunk_bias

COUNTS = (1, 2, 3, 5, 10)
DRAWS = 200
TRAININGS = ((10, 0), (5, 0), (10, 1), (5, 1))
"""The trainings, in the order in which they run: number of marked films, and which draw of this number."""
COLUMNS = (
    *("marked_films", "method", "draws", "before_mm", "mre_mm", "mre_low", "mre_high", "sdr_2", "worse_percent"),
    *("interval_holds_percent", "seconds"),
)
CHOICES = ("question", "films", "choice", "marked_films", "spread_mm", "mre_mm", "change_mm")
Draw = tuple[list[int], list[int]]
"""Marked films, and the others."""


def marked_films(count: int, draw: int, films: int) -> list[int]:
    """Return the films of a training's draw; draws of one count have no film in common.

    Example:
        >>> marked_films(5, 1, films=20)
        [1, 5, 9, 13, 17]
    """
    return list(range(films))[draw :: films // count][:count]


def random_draws(count: int, films: int) -> Iterator[Draw]:
    """Yield random sets of marked films; the same for every method."""
    random = np.random.default_rng(count)
    for _ in range(DRAWS):
        order = random.permutation(films).tolist()
        yield order[:count], order[count:]


def predicted_px(bundle: Path, items: Sequence[dict[str, Any]], spacing_mm: float) -> tuple[np.ndarray, float]:
    """Return the (F, N, 2) points that a bundle finds, film pixels, and the seconds of computing time a film."""
    predictor = load_torch_predictor(bundle, spacing_mm, "cpu")
    start = time.process_time()
    points = [predictor.predict(predictor.load(Path(item["image"]))).points_px for item in items]
    return np.stack(points), (time.process_time() - start) / len(items)


def predict_all(arguments: argparse.Namespace, items: Sequence[dict[str, Any]]) -> None:
    """Predict all films with the shipped weights and after each training; what has ended is not done again."""
    arguments.work_dir.mkdir(parents=True, exist_ok=True)
    if not (shipped := arguments.work_dir / "shipped.npz").is_file():
        points, seconds = predicted_px(default_bundle(), items, arguments.spacing)
        np.savez(shipped, points_px=points, seconds=seconds)
    for count, draw in TRAININGS[: arguments.trainings]:
        path = arguments.work_dir / f"trained_{count}_{draw}.npz"
        if path.is_file():
            continue
        marked = marked_films(count, draw, len(items))
        with tempfile.TemporaryDirectory() as folder:
            bundle = shutil.copytree(default_bundle(), Path(folder) / "bundle")
            start = time.process_time()
            finetune(bundle, [items[k] for k in marked], spacing_mm=arguments.spacing, device="cpu", tell=print)
            seconds = time.process_time() - start
            points, _ = predicted_px(bundle, items, arguments.spacing)
        np.savez(path, points_px=points, seconds=seconds)


class Films:
    """The clinic's films as one set of weights predicts them.

    Args:
        points_px: (F, N, 2), predicted.
        truth_px: (F, N, 2).
        spacing_mm: size of a film pixel.
    """

    def __init__(self, points_px: np.ndarray, truth_px: np.ndarray, spacing_mm: float) -> None:
        self.truth_px, self.spacing_mm = truth_px, spacing_mm
        sure, spacing = np.ones(len(ISBI19)), (spacing_mm, spacing_mm)
        self.predictions = [
            Prediction(f"{k}.tif", ISBI19, points, sure, spacing, "user") for k, points in enumerate(points_px)
        ]

    def estimate(self, marked: Sequence[int]) -> SiteEstimate:
        """Return the site calibration from marked films, as the program makes it."""
        chosen = [self.predictions[k] for k in marked], [self.truth_px[k] for k in marked]
        return estimate_site(*chosen, "", "")

    def errors_mm(self, films: Sequence[int], estimate: SiteEstimate | None = None) -> np.ndarray:
        """Return the (F, N) radial errors, with an estimate that helps applied."""
        chosen = [self.predictions[k] for k in films]
        if estimate is not None and estimate.helps:
            chosen = [estimate.site.apply(prediction) for prediction in chosen]
        errors: np.ndarray = np.linalg.norm(
            np.stack([p.points_px for p in chosen]) - self.truth_px[list(films)], axis=-1
        )
        return errors * self.spacing_mm

    @cached_property
    def offsets_mm(self) -> np.ndarray:
        """Return the (F, N, 2) offsets in the frame of the face."""
        return in_face(
            np.stack([p.points_px for p in self.predictions]) * self.spacing_mm, self.truth_px * self.spacing_mm
        )


def in_face(points_mm: np.ndarray, truth_mm: np.ndarray) -> np.ndarray:
    """Return points minus truth in the frame of the points' mean face, (F, N, 2)."""
    _, fits = mean_face(list(points_mm), [np.ones(points_mm.shape[1])] * len(points_mm))
    return np.stack([axes_of(fit).to_face(p - t) for fit, p, t in zip(fits, points_mm, truth_mm, strict=True)])


def turned(points_mm: np.ndarray, truth_mm: np.ndarray, start: str, end: str) -> np.ndarray:
    """Return points minus truth in axes along a line from one landmark to another, (F, N, 2)."""
    lines = points_mm[:, ISBI19.index(end)] - points_mm[:, ISBI19.index(start)]
    angles = np.angle(lines[:, 0] + 1j * lines[:, 1])
    plane = (points_mm - truth_mm) @ np.array([1, 1j]) * np.exp(-1j * (angles - angles.mean()))[:, None]
    return np.stack([plane.real, plane.imag], -1)


def small_estimate(films: Films, marked: Sequence[int], others: Sequence[int]) -> np.ndarray:
    """Return the (F, N) errors on other films by the bias of fewer films than the program accepts."""
    offsets = films.offsets_mm
    remaining_mm: np.ndarray = np.linalg.norm(
        offsets[list(others)] - shrunk_bias(offsets[list(marked)]).offset_mm, axis=-1
    )
    return remaining_mm


def row(
    count: int, method: str, before: Sequence[np.ndarray], after: Sequence[np.ndarray], seconds: float, holds: str = ""
) -> list[str]:
    """Return a row of the table from the errors of each draw, before and after."""
    means = np.array([errors.mean() for errors in after])
    start = np.array([errors.mean() for errors in before])
    low, high = np.quantile(means, (0.05, 0.95))
    within = 100 * np.mean([(errors <= 2).mean() for errors in after])
    numbers = (start.mean(), means.mean(), low, high, within, 100 * (means > start).mean())
    return [str(count), method, str(len(means)), *(f"{number:.4g}" for number in numbers), holds, f"{seconds:.3g}"]


def calibration_rows(work_dir: Path, truth_px: np.ndarray, spacing_mm: float) -> Iterator[list[str]]:
    """Yield the rows of ``site_calibration.csv``."""
    stored = np.load(work_dir / "shipped.npz")
    shipped, film_seconds, n = Films(stored["points_px"], truth_px, spacing_mm), float(stored["seconds"]), len(truth_px)
    for count in COUNTS:
        before, after, held = [], [], []
        for marked, others in random_draws(count, n):
            before.append(shipped.errors_mm(others))
            if count < FEWEST:
                after.append(small_estimate(shipped, marked, others))
                continue
            estimate = shipped.estimate(marked)
            after.append(shipped.errors_mm(others, estimate))
            change = shipped.errors_mm(others, estimate).mean() - before[-1].mean()
            held.append(gain(estimate).low_mm <= change <= gain(estimate).high_mm)
        start = time.process_time()
        if count >= FEWEST:
            shipped.estimate(range(count))
        seconds = count * film_seconds + time.process_time() - start
        yield row(count, "site calibration", before, after, seconds, f"{100 * np.mean(held):.0f}" if held else "")
    for count in sorted({count for count, _ in TRAININGS}):
        paths = [path for k, draw in TRAININGS if k == count and (path := _trained(work_dir, k, draw)).is_file()]
        draws = [marked_films(count, int(path.stem.rpartition("_")[2]), n) for path in paths]
        results = [np.load(path) for path in paths]
        trained = [Films(result["points_px"], truth_px, spacing_mm) for result in results]
        seconds = float(np.mean([result["seconds"] for result in results])) if results else math.nan
        rest = [[k for k in range(n) if k not in marked] for marked in draws]
        before = [shipped.errors_mm(others) for others in rest]
        if not draws:
            continue
        by_offsets = [shipped.errors_mm(o, shipped.estimate(m)) for m, o in zip(draws, rest, strict=True)]
        alone = [films.errors_mm(others) for films, others in zip(trained, rest, strict=True)]
        both = [films.errors_mm(o, films.estimate(m)) for films, m, o in zip(trained, draws, rest, strict=True)]
        yield row(count, "site calibration, same films", before, by_offsets, count * film_seconds)
        yield row(count, "fine-tuning", before, alone, seconds)
        yield row(count, "fine-tuning, then site calibration", before, both, seconds + count * film_seconds)


def _trained(work_dir: Path, count: int, draw: int) -> Path:
    return work_dir / f"trained_{count}_{draw}.npz"


def choice_rows(films: Films, isbi: Path, spacing_mm: float) -> Iterator[list[str]]:
    """Yield the rows of ``site_offsets.csv``."""
    observers = [
        np.stack([item["points_px"] for item in isbi2015_datalist(isbi, observers=[name])]).astype(np.float64) * ISBI_MM
        for name in ("junior", "senior")
    ]
    clinic = np.stack([p.points_px for p in films.predictions]) * spacing_mm, films.truth_px * spacing_mm
    for name, (points, truth) in (("Hamedan", clinic), ("ISBI 2015, junior against senior", observers)):
        axes = {
            "film": points - truth,
            "face": in_face(points, truth),
            "S to N": turned(points, truth, "S", "N"),
            "Po to Or": turned(points, truth, "Po", "Or"),
        }
        for choice, offsets in axes.items():
            spread = float(np.sqrt(offsets.var(0, ddof=1).mean()))
            plain = offsets - (offsets.sum(0) - offsets) / (len(offsets) - 1)
            error = float(np.linalg.norm(plain, axis=-1).mean())
            before = float(np.linalg.norm(offsets, axis=-1).mean())
            yield ["axes", name, choice, str(len(offsets) - 1), *(f"{v:.4g}" for v in (spread, error, error - before))]
    offsets = films.offsets_mm
    centred = offsets - offsets.mean(0)
    one = centred.copy()
    one[:, ISBI19.index("Me")] += [0.0, 3.0]
    isbi_offsets = in_face(*observers)
    sets = {
        "Hamedan": offsets,
        "ISBI 2015, junior against senior": isbi_offsets,
        "Hamedan without bias": centred,
        "Hamedan without bias, one landmark 3 mm off": one,
    }
    choices = {"all of the bias": None, "own": 0.0, "own and all landmarks (used)": 4.0, "all landmarks": 1e9}
    for name, values in sets.items():
        for choice, all_count in choices.items():
            for count in (1, 3, 5, 10):
                errors, befores = [], []
                for marked, others in random_draws(count, len(values)):
                    bias = shrunk_bias(values[marked], 4.0 if all_count is None else all_count)
                    moved = bias.bias_mm if all_count is None else bias.offset_mm
                    errors.append(np.linalg.norm(values[others] - moved, axis=-1).mean())
                    befores.append(np.linalg.norm(values[others], axis=-1).mean())
                error, before = float(np.mean(errors)), float(np.mean(befores))
                yield ["weight", name, choice, str(count), "", f"{error:.4g}", f"{error - before:.3g}"]


def main() -> None:
    """Predict, train and write both tables."""
    parser = command_line(__doc__)
    parser.add_argument("--films", required=True, type=Path)
    parser.add_argument("--references", required=True, type=Path, nargs="+")
    parser.add_argument("--spacing", required=True, type=float)
    parser.add_argument("--isbi", required=True, type=Path, help="the ISBI 2015 data set")
    parser.add_argument("--work_dir", required=True, type=Path, help="predictions of each training")
    parser.add_argument("--trainings", type=int, default=len(TRAININGS), help="how many trainings, of the first")
    arguments = parser.parse_args()
    items = datalist(arguments.films, arguments.references)
    predict_all(arguments, items)
    truth_px = np.stack([item["points_px"] for item in items]).astype(np.float64)
    shipped = Films(np.load(arguments.work_dir / "shipped.npz")["points_px"], truth_px, arguments.spacing)
    options = "--films ... --references ... --spacing ... --isbi ... --work_dir ..."
    made = origin(f"python -m benchmarks.site_calibration {options}", threads=1)
    films = f"{len(items)} films of another clinic; ground truth: mean of {len(arguments.references)} observers"
    few = (
        f"fine-tuning needs {FEWEST_TRAINED} films; low and high: 5 % and 95 % of the draws; seconds of computing time"
    )
    rows = list(calibration_rows(arguments.work_dir, truth_px, arguments.spacing))
    write_results(arguments.output / "site_calibration.csv", [films, few, *made], COLUMNS, rows)
    draws = f"weights: {DRAWS} draws of marked films; axes: each film by all others"
    rows = list(choice_rows(shipped, arguments.isbi, arguments.spacing))
    write_results(arguments.output / "site_offsets.csv", [films, draws, *made], CHOICES, rows)


if __name__ == "__main__":
    main()
