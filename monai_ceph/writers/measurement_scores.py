"""Format how well measurements and classes agree, as a table for the terminal and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from monai_ceph.evaluation.measurements import CHALLENGE, MeasurementScore, measurement_scores
from monai_ceph.formats.csv_text import csv_text, number_cell
from monai_ceph.metrics.reference_scores import ReferenceScores
from monai_ceph.writers.evaluation_table import short_names
from monai_ceph.writers.text import ruled

STATISTICS = ("n", "mae", "bias", "sd", "loa_low", "loa_high", "dahlberg", "icc")
AGREEMENT_COLUMNS = (
    *("compared", "reference", "analysis", "measurement", "unit", *STATISTICS),
    *("classified", "same_percent", "success_percent"),
)


def classification_text(all_scores: Sequence[ReferenceScores]) -> str:
    """Return the success classification rates of ISBI 2015, with the share of films in the same class in brackets.

    A row a measurement and a column a comparison; empty where not all eight can be measured.
    """
    challenge = [
        [score for score in measurement_scores(scores) if score.measurement.analysis == CHALLENGE]
        for scores in all_scores
    ]
    if not all(len(scores) == 8 and all(score.classification["n"] for score in scores) for scores in challenge):
        return ""
    names = [score.measurement.name for score in challenge[0]]
    table = [["success classification rate (same class) (%)", "", *names, "mean"]]
    for (compared, reference), scores in zip(short_names(all_scores), challenge, strict=True):
        of_all = [score.classification for score in scores]
        rates = np.array([(rates["success_percent"], rates["same_percent"]) for rates in of_all])
        cells = (f"{success:6.2f} ({same:.1f})" for success, same in (*rates, rates.mean(0)))
        table.append([compared, f"vs {reference}", *cells])
    rows = list(zip(*table, strict=True))
    return ruled(rows, (2, len(rows) - 1)) + "\n"


def agreement_rows(scores: ReferenceScores) -> list[list[str]]:
    """Return a row for each measurement, under :data:`AGREEMENT_COLUMNS`."""
    return [[scores.compared, scores.reference, *_cells(score)] for score in measurement_scores(scores)]


def agreement_csv(all_scores: Sequence[ReferenceScores]) -> str:
    """Return the agreement of all measurements as CSV."""
    return csv_text(AGREEMENT_COLUMNS, (row for scores in all_scores for row in agreement_rows(scores)))


def _cells(score: MeasurementScore) -> list[str]:
    measurement, of_values, of_classes = score.measurement, score.agreement, score.classification
    rates = of_classes["same_percent"], of_classes["success_percent"]
    return [
        *(measurement.analysis, measurement.name, measurement.unit, str(of_values["n"])),
        *(_cell(of_values[name]) for name in ("mae", "bias", "sd", "loa_low", "loa_high", "dahlberg", "icc")),
        *((str(of_classes["n"]), *map(_cell, rates)) if measurement.classes else ("", "", "")),
    ]


_cell = partial(number_cell, decimals=4)
