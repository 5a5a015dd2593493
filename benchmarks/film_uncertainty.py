"""Measure how well confidences rank films by their error, and how well thumbnails tell clinics apart.

    python -m benchmarks.film_uncertainty --dataset_dir /path/to/isbi2015 --other_dir /path/to/hamedan

writes ``benchmarks/results/film_uncertainty.csv``. For several ways to summarise a film's confidences in one number, it
holds the rank correlation (Spearman's) with the film's true mean error on the 25 ISBI 2015 validation films, on films
of another clinic, and on both together, with 95 % intervals from a bootstrap over films. The last rows are
root-mean-square differences of thumbnails within and between the clinics. The weights are the shipped ones, and ground
truth is the mean of both observers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata
from tqdm import tqdm

from benchmarks.films import other_clinic, validation_films
from benchmarks.provenance import command_line, origin, write_results
from monai_ceph.active_learning.selection import film_uncertainty, thumbnail
from monai_ceph.metrics.interval import METHOD, bootstrap_bounds
from monai_ceph.predictor.bundle import paper_bundle
from monai_ceph.predictor.torch_predictor import load_torch_predictor

OTHER_SPACING_MM = 0.127
COLUMNS = ("what", "films", "value", "low", "high")
MEASURES: dict[str, Callable[[np.ndarray], float]] = {
    "mean of 1 - c (used)": film_uncertainty,
    "median of 1 - c": lambda c: float(np.median(1 - c)),
    "1 - lowest c": lambda c: 1 - float(c.min()),
    "1 - mean of the five lowest c": lambda c: 1 - float(np.sort(c)[:5].mean()),
    "mean of (1 - c) squared": lambda c: float(((1 - c) ** 2).mean()),
    "mean of -log c": lambda c: float(-np.log(c.clip(1e-3)).mean()),
}


def look(items: Sequence[Mapping[str, Any]], spacing_mm: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (F, N) errors in mm, (F, N) confidences and (F, D) thumbnails of F films."""
    system = load_torch_predictor(paper_bundle(), spacing_mm=spacing_mm)
    errors, confidences, features = [], [], []
    for item in tqdm(items):
        film = system.load(Path(item["image"]))
        found = system.predict(film)
        errors.append(np.linalg.norm((found.points_px - item["points_px"]) * spacing_mm, axis=-1))
        confidences.append(found.confidence)
        features.append(thumbnail(np.asarray(film["image"])[0]))
    return np.stack(errors), np.stack(confidences), np.stack(features)


def rank_correlation(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation along the last axis of two arrays of the same shape."""
    ranks = [rankdata(values, axis=-1) for values in (some, others)]
    x, y = (rank - rank.mean(-1, keepdims=True) for rank in ranks)
    return (x * y).sum(-1) / np.sqrt((x**2).sum(-1) * (y**2).sum(-1))


def correlation_row(what: str, films: str, values: np.ndarray, errors: np.ndarray) -> list[Any]:
    """Return a row of the table: the correlation of (F,) values with (F,) errors."""

    def resampled(counts: np.ndarray) -> np.ndarray:
        drawn = np.stack([np.repeat(np.arange(len(values)), count) for count in counts.astype(int)])
        return rank_correlation(values[drawn], errors[drawn])

    low, high = bootstrap_bounds(resampled, len(values), ())
    numbers = (float(rank_correlation(values, errors)), float(low), float(high))
    return [f"rank correlation with the error: {what}", films, *(f"{number:.2f}" for number in numbers)]


def distance_row(films: str, some: np.ndarray, others: np.ndarray) -> list[Any]:
    """Return the mean, least and largest difference between thumbnails of two sets, without pairs of a film itself."""
    apart = np.sqrt(((some[:, None] - others[None]) ** 2).mean(-1))
    apart = apart[~np.eye(len(some), dtype=bool)] if some is others else apart
    return ["difference of thumbnails", films, *(f"{n:.2f}" for n in (apart.mean(), apart.min(), apart.max()))]


def main() -> None:
    parser = command_line(__doc__, "film_uncertainty.csv")
    parser.add_argument("--dataset_dir", required=True, type=Path)
    parser.add_argument("--other_dir", required=True, type=Path, help="folder with images, observer_a and observer_b")
    arguments = parser.parse_args()

    isbi, other = validation_films(arguments.dataset_dir), other_clinic(arguments.other_dir)
    sets = {"ISBI 2015": look(isbi, 0.1), "other clinic": look(other, OTHER_SPACING_MM)}
    sets["both"] = tuple(np.concatenate(parts) for parts in zip(*sets.values(), strict=True))  # type: ignore[assignment]

    rows = []
    for name, measure in MEASURES.items():
        for films, (errors, confidences, _) in sets.items():
            values = np.array([measure(c) for c in confidences])
            rows.append(correlation_row(name, films, values, errors.mean(axis=1)))
    ours, theirs = sets["ISBI 2015"][2], sets["other clinic"][2]
    rows += [distance_row("ISBI 2015", ours, ours), distance_row("other clinic", theirs, theirs)]
    rows.append(distance_row("one of each", ours, theirs))
    made = [
        f"{len(isbi)} ISBI 2015 validation films, {len(other)} of another clinic; ground truth: mean of both observers",
        "shipped weights",
        f"low and high: of correlations {METHOD}, of differences the least and the largest",
        *origin("python -m benchmarks.film_uncertainty --dataset_dir ... --other_dir ..."),
    ]
    write_results(arguments.output, made, COLUMNS, rows)


if __name__ == "__main__":
    main()
