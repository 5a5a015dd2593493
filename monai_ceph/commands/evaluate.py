"""``monai-ceph evaluate``: predicted landmarks against what one or several observers marked."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from monai_ceph.data.annotations import Annotations, mean_annotations, read_annotations
from monai_ceph.geometry import check_spacing
from monai_ceph.landmarks import LandmarkScheme, get_scheme
from monai_ceph.metrics.detection_rate import CHALLENGE_THRESHOLDS_MM
from monai_ceph.metrics.radial_error import radial_error
from monai_ceph.metrics.summary import Figures, Summary, summarise
from monai_ceph.writers.atomic import write_text

Protocol = Literal["mean", "each"]
NAMED = 8
"""How many of a list of films or landmarks the terminal names; the JSON file has them all."""


@dataclass(frozen=True)
class Comparison:
    """Predictions against one reference.

    Args:
        reference: what was compared with.
        films: the F films scored.
        errors_mm: (F, N), mm; NaN where there is no reference, infinity where there is no prediction.
        without_reference: predicted films on which the reference has no landmark, which are not scored.
    """

    reference: str
    films: tuple[str, ...]
    errors_mm: np.ndarray
    without_reference: tuple[str, ...]


def evaluate(
    predictions: Path,
    references: Sequence[Path],
    *,
    spacing_mm: float | tuple[float, float],
    protocol: Protocol = "mean",
    scheme: str | Path = "isbi19",
    json_file: Path | None = None,
    csv_file: Path | None = None,
) -> list[Comparison]:
    """Scores predictions and prints a table for each comparison.

    Args:
        predictions: a landmark table, as ``monai-ceph predict`` writes it.
        references: annotations of one observer each, in any form that the package reads.
        spacing_mm: size of a film pixel, mm, one number or (along x, along y); it wins over the mm in any file.
        protocol: ``"mean"`` scores against the mean of the references, ``"each"`` against each of them.
        scheme: name or file of the landmark scheme of all files.
        json_file: also write all figures there.
        csv_file: also write every single error there.
    Returns:
        What was printed: one comparison, or for ``"each"`` one a reference.
    Raises:
        ValueError: input that cannot be scored; the message names the file and the remedy.
        OSError: a file cannot be written.
    """
    spacing = check_spacing(spacing_mm, "--spacing")
    landmarks = get_scheme(scheme)
    if not predictions.exists():
        raise ValueError(f"{predictions}: there are no such predictions; check the path.")
    if predictions.is_dir():
        raise ValueError(f"{predictions}: expected a table of predictions, got a folder; give the landmarks.csv in it.")
    predicted = read_annotations(predictions, landmarks)
    observers = [(str(path), read_annotations(path, landmarks, spacing)) for path in references]
    chosen = choose_references(predicted, observers, protocol)
    comparisons = [compare(predicted, name, reference, spacing) for name, reference in chosen]

    remarks = [*predicted.problems, *(problem for _, reference in chosen for problem in reference.problems)]
    print(f"predictions  {predictions} ({len(predicted.points_px)} films)")
    print(f"protocol     {protocol}; scheme {landmarks.name}; spacing {' x '.join(f'{s:g}' for s in spacing)} mm")
    for comparison in comparisons:
        print("\n" + report(comparison, landmarks), end="")
    if remarks:
        print(f"\n{len(remarks)} remarks on the files read:\n  " + "\n  ".join(_first(remarks)))

    if json_file is not None:
        content = {
            "predictions": str(predictions),
            "references": [str(path) for path in references],
            "protocol": protocol,
            "scheme": landmarks.name,
            "spacing_mm": list(spacing),
            "comparisons": as_json(comparisons, landmarks),
            "remarks": remarks,
        }
        write_text(json_file, json.dumps(content, indent=2, allow_nan=False) + "\n")
    if csv_file is not None:
        write_text(csv_file, as_csv(comparisons, landmarks))
    return comparisons


def choose_references(
    predicted: Annotations, observers: Sequence[tuple[str, Annotations]], protocol: Protocol
) -> list[tuple[str, Annotations]]:
    """What to score against: the observers' mean, or each observer.

    Args:
        predicted: the predictions, as points by film.
        observers: name and annotations of each.
        protocol: ``"mean"`` or ``"each"``.
    Returns:
        Name and annotations, of the predicted films alone.
    Raises:
        ValueError: another protocol, or an observer with none of the predicted films.
    """
    if protocol not in ("mean", "each"):
        raise ValueError(f"Expected the protocol 'mean' or 'each', got {protocol!r}.")
    scored = []
    for name, observer in observers:
        known = {film: points for film, points in observer.points_px.items() if film in predicted.points_px}
        if not known:
            raise ValueError(
                f"{name}: none of the {len(predicted.points_px)} predicted films is in this reference (predicted: "
                f"{_named(sorted(predicted.points_px), 3)}; reference: {_named(sorted(observer.points_px), 3)}). "
                "Films are matched by file name without folder and suffix."
            )
        scored.append((name, replace(observer, points_px=known)))
    if protocol == "each" or len(scored) == 1:
        return scored
    # Only the predicted films are averaged, so that nothing is said about films that nobody asked about.
    return [("mean of " + ", ".join(name for name, _ in scored), mean_annotations([a for _, a in scored]))]


def compare(predicted: Annotations, name: str, reference: Annotations, spacing_mm: tuple[float, float]) -> Comparison:
    """Errors of the predicted landmarks on the films where the reference has at least one.

    Args:
        predicted: the predictions, as points by film.
        name: what to call the reference.
        reference: points by film, of the same scheme.
        spacing_mm: (along x, along y), mm.
    Raises:
        ValueError: no film is left to score.
    """
    annotated = {film for film, points in reference.points_px.items() if np.isfinite(points).all(-1).any()}
    films = tuple(sorted(annotated & set(predicted.points_px)))
    if not films:
        raise ValueError(f"{name}: there is no landmark on any of the {len(predicted.points_px)} predicted films.")
    spacing = torch.tensor(spacing_mm, dtype=torch.float64)
    points, target = (
        torch.from_numpy(np.stack([np.asarray(some.points_px[film], dtype=np.float64) for film in films])) * spacing
        for some in (predicted, reference)
    )
    without = tuple(sorted(set(predicted.points_px) - set(films)))
    return Comparison(name, films, radial_error(points, target).numpy(), without)


def report(comparison: Comparison, scheme: LandmarkScheme) -> str:
    """A comparison as a table for the terminal, with what is missing named beneath it."""
    summary = summarise(comparison.errors_mm, scheme.symbols)
    rows = [("all", summary["overall"]), *summary["per_landmark"].items()]
    header = ["landmark", "n", "missing", "MRE", "SD", "median"] + [f"SDR {t:g}" for t in CHALLENGE_THRESHOLDS_MM]
    table = [header, *(_row(name, figures) for name, figures in rows)]
    widths = [max(len(row[k]) for row in table) for k in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(w) if k == 0 else cell.rjust(w) for k, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    ]
    rule = "-" * len(lines[0])
    overall = summary["overall"]
    text = [
        f"reference    {comparison.reference} ({len(comparison.films)} films)",
        rule,
        lines[0],
        rule,
        lines[1],
        rule,
        *lines[2:],
        rule,
        "MRE, SD and median in mm, of the landmarks found; SDR in % of those annotated (n), at 2, 2.5, 3 and 4 mm",
    ]
    if overall["missing"]:
        text.append(
            f"{overall['missing']} of {overall['n']} annotated landmarks have no prediction (misses for SDR): "
            + _named(missing_landmarks(comparison, scheme))
        )
    if comparison.without_reference:
        text.append(
            f"{len(comparison.without_reference)} predicted films have no reference and are not scored: "
            + _named(comparison.without_reference)
        )
    return "\n".join(text) + "\n"


def missing_landmarks(comparison: Comparison, scheme: LandmarkScheme) -> list[str]:
    """The annotated landmarks without a prediction, as "film: symbol"."""
    return [f"{comparison.films[f]}: {scheme.symbols[k]}" for f, k in np.argwhere(np.isinf(comparison.errors_mm))]


def as_json(comparisons: Sequence[Comparison], scheme: LandmarkScheme) -> list[dict[str, Any]]:
    """Comparisons for ``json.dumps``: what :func:`report` shows, in full; unknown figures are null."""
    return [
        {
            "reference": comparison.reference,
            "films": list(comparison.films),
            **_without_nan(summarise(comparison.errors_mm, scheme.symbols)),
            "missing_landmarks": missing_landmarks(comparison, scheme),
            "films_without_reference": list(comparison.without_reference),
        }
        for comparison in comparisons
    ]


def as_csv(comparisons: Sequence[Comparison], scheme: LandmarkScheme) -> str:
    """Every annotated landmark's error: ``reference,film,landmark,error_mm``; empty where it was not found."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["reference", "film", "landmark", "error_mm"])
    for comparison in comparisons:
        for f, k in np.argwhere(~np.isnan(comparison.errors_mm)):
            error = comparison.errors_mm[f, k]
            cell = f"{error:.4f}" if np.isfinite(error) else ""
            table.writerow([comparison.reference, comparison.films[f], scheme.symbols[k], cell])
    return text.getvalue()


def _row(name: str, figures: Figures) -> list[str]:
    numbers = [(figures["mre"], 3), (figures["sd"], 3), (figures["median"], 3)]
    numbers += [(rate, 2) for rate in figures["sdr_percent"].values()]
    return [name, str(figures["n"]), str(figures["missing"])] + [
        "-" if math.isnan(value) else f"{value:.{decimals}f}" for value, decimals in numbers
    ]


def _without_nan(value: Summary | Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _named(items: Sequence[str], limit: int = NAMED) -> str:
    return ", ".join(_first(items, limit))


def _first(items: Sequence[str], limit: int = NAMED) -> list[str]:
    rest = len(items) - limit
    return [*items[:limit], *([f"and {rest} more"] if rest > 0 else [])]
