"""Validation films, scoring and the results table, shared by both ablations."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.films import validation_films
from benchmarks.provenance import origin, write_results
from benchmarks.upright import load_upright
from monai_ceph.heatmaps import decode_argmax, decode_soft_centroid, decode_threshold_mean
from monai_ceph.inferers import AutocastInferer
from monai_ceph.metrics.interval import METHOD, bootstrap_bounds, intervals
from monai_ceph.metrics.summary import error_statistics
from monai_ceph.transforms import PointsToFilmd

SHIPPED: dict[str, Any] = {
    "patch_size": 128,
    "expansion": 1.0,
    "merge": "own",
    "guide_sigma_px": None,
    "coarse_decoder": decode_soft_centroid,
    "decoder": decode_threshold_mean,
}
PAPER: dict[str, Any] = {
    "patch_size": 125,
    "expansion": 1.8,
    "merge": "all",
    "guide_sigma_px": None,
    "coarse_decoder": decode_argmax,
    "decoder": decode_threshold_mean,
}


class ValidationFilms:
    """Load the validation films of the bundle's ``evaluate.json`` once; ground truth is the mean of the observers."""

    def __init__(self, dataset_dir: Path) -> None:
        predictor = load_upright(0.1)
        self.device = predictor.device
        items = validation_films(dataset_dir)
        self.films = [{**item, **predictor.load(Path(item["image"]))} for item in tqdm(items, desc="reading films")]

    def errors_mm(self, network: torch.nn.Module, inferer: Callable[..., Any]) -> np.ndarray:
        """Return the radial errors of an inferer, (F, N), mm."""
        run, to_film, errors = AutocastInferer(inferer), PointsToFilmd(), []
        for film in self.films:
            with torch.inference_mode():
                pred = run(film["image"][None].to(self.device), network)[0]
            out = to_film({**film, "pred": pred})
            errors.append((out["pred_mm"] - out["target_mm"]).norm(dim=-1).numpy())
        return np.stack(errors)


COLUMNS = (
    *("films", "mre_mm", "mre_low", "mre_high", "sd_mm", "sdr_2", "sdr_2_low", "sdr_2_high", "sdr_2.5", "sdr_3"),
    *("sdr_4", "difference_mm", "difference_low", "difference_high"),
)


def _weighted_mean(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the mean of values, (F,), in each resample, (R, F) of how often each film is drawn."""
    mean: np.ndarray = counts @ values / len(values)
    return mean


def write_table(
    path: Path,
    names: Sequence[str],
    rows: Mapping[Any, tuple[np.ndarray, np.ndarray]],
    films: ValidationFilms,
    how: str,
) -> None:
    """Write an ablation's table.

    Args:
        path: the CSV file.
        names: columns of the parts of a row's name.
        rows: name, a tuple -> errors of the row and of the row it is compared with, both (F, N), mm.
        films: description of the films.
        how: description of the settings that all rows share.
    """
    lines = []
    for name, (errors, baseline) in rows.items():
        statistics, interval = error_statistics(errors), intervals(errors)["overall"]
        rates = statistics["sdr_percent"]
        # Paired by film, so that the difficulty of a film cancels out.
        by_film = (errors - baseline).mean(axis=1)
        low, high = bootstrap_bounds(functools.partial(_weighted_mean, by_film), len(by_film), ())
        numbers = [statistics["mre"], *interval["mre"], statistics["sd"], rates["2"], *interval["sdr_percent"]["2"]]
        numbers += [rates["2.5"], rates["3"], rates["4"], by_film.mean(), float(low), float(high)]
        lines.append([*name, len(errors), *("" if np.isnan(n) else f"{n:.3f}" for n in numbers)])
    made = [
        f"{len(films.films)} ISBI 2015 validation films, ground truth: mean of both observers",
        how,
        f"intervals: {METHOD}",
        "difference: MRE less that of the row called as shipped, paired by film",
        *origin(f"python -m benchmarks.{Path(sys.argv[0]).stem} --dataset_dir ...", device=films.device),
    ]
    write_results(path, made, (*names, *COLUMNS), lines)
