"""Measure whether expected errors and 90 % regions mean what they say, at home and away.

    python -m benchmarks.uncertainty --dataset_dir /path/to/isbi2015 --other_dir /path/to/hamedan \
        --work_dir /path/for/predictions --folds /path/of/cross_validation/pretrained

writes ``benchmarks/results/uncertainty.csv`` and ``uncertainty_bins.csv``, for both bundles. The sets of films:

- held out: films of ISBI 2015 that the weights have not seen, as ``tools/uncertainty.py`` predicts them (the default
  bundle's by the folds of a cross-validation, which are trained for less time). The table that judges a film is made
  without it, in five parts;
- altered copies of these films, judged likewise;
- other clinic: films of another clinic, predicted and judged by what is shipped;
- other clinic, offsets removed: each landmark's mean offset over the other films of the clinic is subtracted;
- other clinic, site file of k films: random draws of k films give a site calibration, and the others are judged by it.
  "Offsets taken as certain" leaves the uncertainty of its offsets out.

"Not widened" leaves out how odd films and odd faces are widened.

Beside the expected error, the table has today's confidence (one less it), and the spread of the heatmap around the
point (root of its mean squared distance; Contour-hugging's expected radial error is the mean distance).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import rankdata

from benchmarks.film_uncertainty import OTHER_SPACING_MM, rank_correlation
from benchmarks.films import other_clinic
from benchmarks.provenance import command_line, origin, write_results
from benchmarks.report_tables import UNCERTAINTY_VARIANTS
from monai_ceph.analysis.uncertainty import (
    ELLIPSE90,
    FEATURES,
    LEVELS,
    Uncertainty,
    UncertaintyTable,
    with_offset_error,
)
from monai_ceph.analysis.uncertainty_fit import KnownFilms, fit_uncertainty
from monai_ceph.predictor.bundle import default_bundle, paper_bundle
from monai_ceph.predictor.torch_predictor import load_torch_predictor
from monai_ceph.site.calibration import remaining_mm2
from monai_ceph.site.estimate import shrunk_bias
from tools.uncertainty import held_out, predicted

PARTS = 5
BINS = 10
DRAWS = 100
SITE_COUNTS = (3, 5, 10)
LIMITS_MM = (2.0, 3.0)
COLUMNS = (
    *("bundle", "films", "measure", "count", "points", "mean_error", "mean_expected"),
    *("auc_2", "auc_3", "within_2", "within_3", "rank_film"),
    *(f"cover_{round(100 * level)}" for level in LEVELS),
    *("ellipse_90", "radius90"),
)
BIN_COLUMNS = ("bundle", "films", "expected_mm", "error_mm", "points")


class Judged(NamedTuple):
    """Films with what their table says, all (F, N, ...), and the part (F,) of the films that each was judged in."""

    error: np.ndarray
    expected: np.ndarray
    inside: dict[str, np.ndarray]
    radius90: np.ndarray
    features: np.ndarray
    part: np.ndarray


def judged(
    known: KnownFilms, table: UncertaintyTable, widened: bool = True, remaining: np.ndarray | None = None
) -> Judged:
    """Judge films by a table.

    Args:
        known: the films.
        table: of their weights.
        widened: whether odd films and faces are widened.
        remaining: (N, 2), mm^2, variance that remains of a site file's offsets, axes of the face; None without one.
    """
    if not widened:
        table = replace(table, widening=0.0, usual_off_shape=np.inf)
    expected, error = table.expected_mm(known.features), known.radial_mm
    region = expected * table.face_widening(known.features)[:, None]
    covariance = (table.ellipse * region**2)[..., None, None] * table.shapes(known.heatmap_mm2, known.face_axes)
    radius = region[..., None] * table.radius
    if remaining is not None:
        in_film = np.einsum("fik,nk,fjk->fnij", known.face_axes, remaining, known.face_axes)
        expected, _, covariance = with_offset_error(Uncertainty(expected, radius[..., 0], covariance), in_film)
        radius = np.sqrt(radius**2 - np.log(1 - np.array(LEVELS)) * remaining.sum(-1)[:, None])
    squared = np.einsum("fni,fnij,fnj->fn", known.errors_mm, np.linalg.inv(covariance), known.errors_mm)
    inside = {f"cover_{round(100 * q)}": error <= radius[..., k] for k, q in enumerate(LEVELS)}
    inside["ellipse_90"] = squared <= ELLIPSE90
    radius90 = radius[..., LEVELS.index(0.9)]
    return Judged(error, expected, inside, radius90, known.features, np.zeros(len(error), dtype=int))


def judged_by_others(known: KnownFilms, symbols: tuple[str, ...], plain: bool, widened: bool = True) -> Judged:
    """Judge films, or their altered copies, by tables that are made without them."""
    _, number = np.unique(known.films, return_inverse=True)
    parts = []
    for k in range(PARTS):
        table = fit_uncertainty(known.only(number % PARTS != k), "", symbols)
        part = judged(known.only((number % PARTS == k) & (known.plain == plain)), table, widened)
        parts.append(part._replace(part=part.part + k))
    return together(parts)


def judged_with_site_file(known: KnownFilms, table: UncertaintyTable, count: int, certain: bool) -> Judged:
    """Judge films with site calibrations from random draws of ``count`` of them, each the films that it is not from.

    Args:
        known: films of one clinic.
        table: of their weights.
        count: the number of films behind a site calibration.
        certain: whether the uncertainty of its offsets is left out.
    """
    random = np.random.default_rng(count)
    in_face = np.einsum("fji,fnj->fni", known.face_axes, known.errors_mm)
    parts = []
    for draw in range(DRAWS):
        order = random.permutation(len(in_face))
        site = shrunk_bias(in_face[order[:count]])
        others = known.only(order[count:])
        moved = others.errors_mm - np.einsum("fij,nj->fni", others.face_axes, site.offset_mm)
        remaining = None if certain else remaining_mm2(site.weight, site.error_mm)
        part = judged(others._replace(errors_mm=moved), table, remaining=remaining)
        parts.append(part._replace(part=part.part + draw))
    return together(parts)


def together(parts: Sequence[Judged]) -> Judged:
    """Return the films of several parts as one."""
    return Judged(
        error=np.concatenate([part.error for part in parts]),
        expected=np.concatenate([part.expected for part in parts]),
        inside={name: np.concatenate([part.inside[name] for part in parts]) for name in parts[0].inside},
        radius90=np.concatenate([part.radius90 for part in parts]),
        features=np.concatenate([part.features for part in parts]),
        part=np.concatenate([part.part for part in parts]),
    )


def area_under_curve(values: np.ndarray, wrong: np.ndarray) -> float:
    """Return the probability that a wrong point has a larger value than a right one; NaN without both."""
    wrongs, rights = int(wrong.sum()), int((~wrong).sum())
    if not wrongs or not rights:
        return float("nan")
    return float((rankdata(values)[wrong].sum() - wrongs * (wrongs + 1) / 2) / (wrongs * rights))


def within_landmark(values: np.ndarray, wrong: np.ndarray, part: np.ndarray) -> float:
    """Return the area under the curve over pairs of points of one landmark that one table judged.

    Tables that are made without a part of the films expect a little less where that part has large errors. Pairs
    across the parts would count that against the expected error.
    """
    areas, pairs = [], []
    for k in range(values.shape[1]):
        for one in np.unique(part):
            chosen = wrong[part == one, k]
            if (count := int(chosen.sum()) * int((~chosen).sum())) > 0:
                areas.append(area_under_curve(values[part == one, k], chosen))
                pairs.append(count)
    return float(np.average(areas, weights=pairs))


def rows_of(bundle: str, films: str, of: Judged) -> list[list[Any]]:
    """Return the rows of the table for one set of films."""
    measures = {
        "expected error": of.expected,
        "confidence": 1 - np.exp(of.features[..., FEATURES.index("confidence")]),
        "heatmap spread": np.exp(of.features[..., FEATURES.index("spread")]),
    }
    rows = []
    for name, values in measures.items():
        ranking = [area_under_curve(values.ravel(), (of.error > mm).ravel()) for mm in LIMITS_MM]
        ranking += [within_landmark(values, of.error > mm, of.part) for mm in LIMITS_MM]
        ranking.append(float(rank_correlation(values.mean(1), of.error.mean(1))))
        ours = name == "expected error"
        regions = [f"{100 * inside.mean():.1f}" for inside in of.inside.values()] if ours else [""] * len(of.inside)
        expected = f"{of.expected.mean():.3f}" if ours else ""
        numbers = [f"{of.error.mean():.3f}", expected, *(f"{value:.3f}" for value in ranking), *regions]
        radius = f"{of.radius90.mean():.2f}" if ours else ""
        rows.append([bundle, films, name, len(of.error), of.error.size, *numbers, radius])
    return rows


def bins_of(bundle: str, films: str, of: Judged) -> list[list[Any]]:
    """Return expected and observed error of points in ten groups of the same size, by expected error."""
    order = np.argsort(of.expected.ravel())
    groups = np.array_split(order, BINS)
    means = [(of.expected.ravel()[group].mean(), of.error.ravel()[group].mean(), len(group)) for group in groups]
    return [[bundle, films, f"{expected:.3f}", f"{error:.3f}", count] for expected, error, count in means]


def without_offsets(known: KnownFilms) -> KnownFilms:
    """Return films less each landmark's mean offset on the other films."""
    count = len(known.errors_mm)
    others = (known.errors_mm.sum(0) - known.errors_mm) / (count - 1)
    return known._replace(errors_mm=known.errors_mm - others)


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--dataset_dir", required=True, type=Path)
    parser.add_argument("--other_dir", required=True, type=Path, help="folder with images, observer_a and observer_b")
    parser.add_argument("--work_dir", required=True, type=Path, help="keeps predictions, a folder for each bundle")
    parser.add_argument("--folds", required=True, type=Path, help="cross-validation of the default bundle's recipe")
    arguments = parser.parse_args()
    items = other_clinic(arguments.other_dir)
    rows, bins, counts = [], [], []
    for bundle, folds in ((default_bundle(), arguments.folds), (paper_bundle(), None)):
        work = arguments.work_dir / bundle.name
        table = UncertaintyTable.read(bundle / "configs" / "uncertainty.json")

        def load(bundle: Path = bundle) -> Any:
            return load_torch_predictor(bundle, OTHER_SPACING_MM, "cpu")

        home = held_out(arguments.dataset_dir, work, bundle, folds)
        away = predicted(work / "other.npz", items, load, bundle / "models" / "model.pt", OTHER_SPACING_MM)
        clinic = "other clinic"
        sets = {
            "held out": judged_by_others(home, table.symbols, plain=True),
            "altered copies": judged_by_others(home, table.symbols, plain=False),
            "altered copies, not widened": judged_by_others(home, table.symbols, plain=False, widened=False),
            clinic: judged(away, table),
            f"{clinic}, not widened": judged(away, table, widened=False),
            f"{clinic}, offsets removed": judged(without_offsets(away), table),
            f"{clinic}, offsets removed, not widened": judged(without_offsets(away), table, widened=False),
        }
        for count in SITE_COUNTS:
            name = f"{clinic}, site file of {count} films"
            sets[name] = judged_with_site_file(away, table, count, certain=False)
            sets[f"{name}, offsets taken as certain"] = judged_with_site_file(away, table, count, certain=True)
        for films, of in sets.items():
            rows += rows_of(bundle.name, films, of)[: 1 if films.endswith(UNCERTAINTY_VARIANTS) else None]
            bins += bins_of(bundle.name, films, of)
        counts.append(f"{int(home.plain.sum())} films held out from {bundle.name}")
    made = [
        *counts,
        f"{len(items)} films of another clinic; ground truth: mean of both observers",
        *origin("python -m benchmarks.uncertainty --dataset_dir ... --other_dir ... --work_dir ... --folds ..."),
    ]
    write_results(arguments.output / "uncertainty.csv", made, COLUMNS, rows)
    write_results(arguments.output / "uncertainty_bins.csv", made, BIN_COLUMNS, bins)


if __name__ == "__main__":
    main()
