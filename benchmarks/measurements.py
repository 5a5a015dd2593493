"""Measure how well angles, lengths, ratios and classes read off the shipped models' points agree with observers'.

python -m benchmarks.measurements --isbi2015 DIR --hamedan DIR

Runs ``monai-ceph predict``, compares as ``monai-ceph evaluate --agreement`` does, and writes
benchmarks/results/measurements.csv: a row for each set of films, comparison and measurement. Models are compared with
the mean of both observers on films that they were not trained on, and observers with each other, also on all 150
training films of ISBI 2015. Of models, it also says how many of the 90 % intervals hold the observers' mean.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.provenance import origin, write_results
from benchmarks.shipped import BUNDLES, OBSERVERS, PREDICTIONS, TRAINED_ON_ALL, FilmSet, film_sets, run
from monai_ceph.analysis import MEASUREMENTS, measurement_values
from monai_ceph.evaluation import Evaluation, evaluate
from monai_ceph.film_names import film_name
from monai_ceph.metrics.reference_scores import ReferenceScores
from monai_ceph.writers.measurement_scores import AGREEMENT_COLUMNS, agreement_rows

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "measurements.csv"
HEADER = ("films", "compared", *AGREEMENT_COLUMNS[2:], "inside90_percent", "half_width")


def main(argv: Sequence[str] | None = None) -> int:
    """Predict, evaluate and write the table; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.measurements", description=__doc__)
    parser.add_argument("--isbi2015", required=True, type=Path, help="folder with cepha400/ and train_*.csv")
    parser.add_argument("--hamedan", required=True, type=Path, help="folder with images/, observer_a/ and observer_b/")
    arguments = parser.parse_args(argv)
    rows: dict[tuple[str, ...], list[str]] = {}
    senior, junior = (arguments.isbi2015 / f"train_{who}.csv" for who in ("senior", "junior"))
    for _, _, analysis, name, *row in agreement(evaluate(junior, [senior], spacing_mm=0.1)):
        rows["isbi2015", OBSERVERS, analysis, name] = ["isbi2015", OBSERVERS, analysis, name, *row, "", ""]
    for films in film_sets(arguments.isbi2015, arguments.hamedan):
        for bundle in BUNDLES:
            if bundle.name in TRAINED_ON_ALL and films.name == "isbi2015_validation":
                continue
            for compared, _, analysis, name, *row in predicted(bundle, films):
                who = bundle.name if compared == PREDICTIONS else OBSERVERS
                rows[films.name, who, analysis, name] = [films.name, who, analysis, name, *row]
    made = (
        "150 ISBI 2015 training films, 25 of them as validation films (006, 012 ... 150), and 20 Hamedan films; models "
        "against the mean of both observers, observers against each other",
        *origin("python -m benchmarks.measurements --isbi2015 ... --hamedan ..."),
    )
    write_results(RESULTS, made, HEADER, rows.values())
    return 0


def predicted(bundle: Path, films: FilmSet) -> list[list[str]]:
    """Return the rows of ``monai-ceph evaluate --agreement`` for the points that a bundle predicts, with intervals."""
    with tempfile.TemporaryDirectory() as folder:
        options = ("--spacing", films.spacing_mm, "--bundle", bundle, "--format", "csv,measurements")
        run("predict", *films.films, "--output", folder, *options)
        evaluation = evaluate(Path(folder) / "landmarks.csv", films.references, spacing_mm=films.spacing_mm)
        inside = intervals(pd.read_csv(Path(folder) / "measurements.csv"), evaluation.scores[0])
    rows = agreement(evaluation)
    return [[*row, *(inside[row[2], row[3]] if row[0] == PREDICTIONS else ("", ""))] for row in rows]


def agreement(evaluation: Evaluation) -> list[list[str]]:
    """Return the rows that ``monai-ceph evaluate --agreement`` writes."""
    return [row for scores in evaluation.all_scores for row in agreement_rows(scores)]


def intervals(measured: pd.DataFrame, scores: ReferenceScores) -> dict[tuple[str, str], tuple[str, str]]:
    """Return how many intervals hold the reference's value, percent, and the median of half their width.

    Args:
        measured: the table of ``monai-ceph predict --format measurements``.
        scores: the predictions against the reference.
    Returns:
        (analysis, measurement) -> both as cells; empty where there is no interval.
    """
    true = dict(zip(scores.films, measurement_values(scores.target_mm), strict=True))
    found = {}
    for k, one in enumerate(MEASUREMENTS):
        rows = measured[(measured["analysis"] == one.analysis) & (measured["measurement"] == one.name)]
        reference = rows["image"].map(
            lambda image, k=k: true.get(film_name(image), np.full(len(MEASUREMENTS), np.nan))[k]
        )
        known = reference.notna() & rows["low90"].notna()
        rows, reference = rows[known], reference[known]
        inside = reference.between(rows["low90"], rows["high90"])
        half = (rows["high90"] - rows["low90"]) / 2
        found[one.analysis, one.name] = (
            (f"{100 * inside.mean():.1f}", f"{half.median():.2f}") if len(rows) else ("", "")
        )
    return found


if __name__ == "__main__":
    sys.exit(main())
