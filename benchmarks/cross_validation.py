"""Compare training recipes by three-fold cross-validation on the 150 ISBI 2015 training films.

    python -m benchmarks.cross_validation --dataset_dir /path/to/isbi2015 --work_dir /path/for/weights --minutes 9

trains both stages of every recipe on 100 films for the same computing time, predicts the other 50, and writes
``benchmarks/results/cross_validation.csv``: each recipe's error over all 150 films, and its paired difference from the
first recipe. A recipe of which only some folds have ended is compared on their films. Finished folds are kept in
``--work_dir``, so an interrupted run can be continued, and ``--only`` lets several processes share the work.

The 20 films of the challenge that appear again among its test films, and the pairs inside the training films, are the
same for every recipe. A fold holds every third film.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.models.registry import ROOT
from benchmarks.provenance import command_line, commit, origin, write_results
from monai_ceph.data import isbi2015_datalist
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.metrics.interval import METHOD, intervals
from monai_ceph.metrics.paired import Difference, paired_differences
from monai_ceph.metrics.summary import error_statistics

FOLDS = 3
SPACING_MM = 0.1
PRETRAINED = "bundles/cephalometric_landmarks_pretrained"
RECIPES: dict[str, dict[str, Any]] = {
    "basic_unet": {},
    "pretrained": {"bundle": PRETRAINED},
    "pretrained_plain": {"bundle": PRETRAINED, "overlay": "benchmarks/models/overlays/plain_augmentation.json"},
}
"""Name -> options of the job; the first is the one that others are compared with."""
DEFAULT_RECIPE = "pretrained"
"""Others are compared with this one, too."""
COLUMNS = (
    *("recipe", "films", "mre_mm", "mre_low", "mre_high", "sdr_2", "sdr_2_low", "sdr_2_high", "sdr_2.5", "sdr_3"),
    *("sdr_4", "difference_mm", "difference_low", "difference_high", "p"),
    *("from_default_mm", "from_default_low", "from_default_high", "iterations"),
)


def fold_of(film: str) -> int:
    """Return the fold of a film by its number.

    Example:
        >>> [fold_of(film) for film in ("001", "002", "003", "004")]
        [1, 2, 0, 1]
    """
    return int(film) % FOLDS


def train_and_predict(name: str, fold: int, arguments: argparse.Namespace, films: Sequence[dict[str, Any]]) -> None:
    """Run a recipe on a fold in processes of its own; what has ended is not done again."""
    folder = arguments.work_dir / name / str(fold)
    folder.mkdir(parents=True, exist_ok=True)
    job = {
        "train": [
            {"image": film["image"], "points_px": film["points_px"].tolist()}
            for film in films
            if fold_of(film["film"]) != fold
        ],
        "predict": [{"image": film["image"]} for film in films if fold_of(film["film"]) == fold],
        "film_spacing_mm": SPACING_MM,
        "minutes": arguments.minutes,
        "seed": fold,
        "work_dir": str(folder),
        "commit": commit(),
        **RECIPES[name],
    }
    for phase, result in (("train", "train.json"), ("predict", "landmarks.csv")):
        if not (folder / result).exists():
            print(f"{name}, fold {fold}: {phase}", flush=True)
            file = folder / f"{phase}_job.json"
            file.write_text(json.dumps({**job, "phase": phase}), encoding="utf-8")
            program = [sys.executable, "-m", "benchmarks.models.two_stage", str(file)]
            subprocess.run(program, cwd=ROOT, check=True)


def errors_mm(folder: Path, films: Sequence[dict[str, Any]]) -> np.ndarray:
    """Return the radial errors of a recipe on every film, (F, N), mm; NaN for a film whose fold has not ended.

    Each film was predicted by the fold that had not seen it.
    """
    points: dict[str, np.ndarray] = {}
    for fold in ended_folds(folder):
        points |= read_annotations(folder / str(fold) / "landmarks.csv").points_px
    missing = np.full_like(films[0]["points_px"], np.nan)
    offsets = np.stack([points.get(film["film"], missing) - film["points_px"] for film in films])
    return np.linalg.norm(offsets, axis=2) * SPACING_MM


def ended_folds(folder: Path) -> list[int]:
    """Return the folds of a recipe that are trained and predicted."""
    return [fold for fold in range(FOLDS) if (folder / str(fold) / "landmarks.csv").exists()]


def difference(errors: np.ndarray, others: np.ndarray) -> Difference:
    """Return the paired difference in MRE from another recipe, mm, over the films that both have."""
    both = ~np.isnan(errors).any(axis=1) & ~np.isnan(others).any(axis=1)
    return paired_differences(others[both], errors[both]).overall.mre


def row(name: str, errors: Mapping[str, np.ndarray]) -> list[str]:
    """Return a recipe's numbers for the table, after its name and before its iterations."""
    own = errors[name][~np.isnan(errors[name]).any(axis=1)]
    numbers, bounds = error_statistics(own), intervals(own)["overall"]
    rates = numbers["sdr_percent"]
    values = [numbers["mre"], *bounds["mre"], rates["2"], *bounds["sdr_percent"]["2"], rates["2.5"], rates["3"]]
    cells = [str(len(own)), *(f"{value:.4f}" for value in (*values, rates["4"]))]
    baseline, *_ = RECIPES
    for other in (baseline, DEFAULT_RECIPE):
        if other == name or other not in errors:
            cells += [""] * (4 if other == baseline else 3)
            continue
        paired = difference(errors[name], errors[other])
        cells += [f"{value:.4f}" for value in (paired.difference, *paired.bounds)]
        if other == baseline:
            cells.append(f"{paired.p:.4f}")
    return cells


def write_table(arguments: argparse.Namespace, films: Sequence[dict[str, Any]]) -> None:
    """Write the table of the recipes, each on the films of its folds that have ended."""
    folds = {name: ended_folds(arguments.work_dir / name) for name in RECIPES}
    baseline, *_ = RECIPES
    if not folds[baseline]:
        print(f"No table yet: no fold of {baseline} has ended, with which the others are compared.")
        return
    errors = {name: errors_mm(arguments.work_dir / name, films) for name in RECIPES if folds[name]}
    rows = []
    for name in errors:
        trainings = [
            json.loads((arguments.work_dir / name / str(fold) / "train.json").read_text()) for fold in folds[name]
        ]
        iterations = " ".join(str(training["iterations"]) for training in trainings)
        rows.append([name, *row(name, errors), iterations])
    command = "python -m benchmarks.cross_validation --dataset_dir DIR --work_dir DIR"
    made = [
        f"{len(films)} ISBI 2015 training films, {FOLDS} folds, ground truth: mean of both observers",
        f"{arguments.minutes:g} min of computing time a fold and recipe, one thread, both stages",
        f"intervals: {METHOD}",
        f"differences: MRE less that of {baseline} and of {DEFAULT_RECIPE}, paired by film",
        *origin(f"{command} --minutes {arguments.minutes:g}", threads=1),
    ]
    write_results(arguments.output, made, COLUMNS, rows)


def main() -> None:
    """Train, predict and write the table."""
    parser = command_line(__doc__, "cross_validation.csv")
    parser.add_argument("--dataset_dir", required=True, type=Path)
    parser.add_argument("--work_dir", required=True, type=Path, help="weights and predictions of each fold")
    parser.add_argument("--minutes", type=float, default=9.0, help="computing time a fold and recipe, both stages")
    parser.add_argument("--only", nargs="+", choices=tuple(RECIPES), default=list(RECIPES), help="train these recipes")
    parser.add_argument("--folds", nargs="+", type=int, choices=range(FOLDS), default=list(range(FOLDS)))
    arguments = parser.parse_args()
    films = isbi2015_datalist(arguments.dataset_dir)
    for fold in arguments.folds:
        for name in arguments.only:
            train_and_predict(name, fold, arguments, films)
    write_table(arguments, films)


if __name__ == "__main__":
    main()
