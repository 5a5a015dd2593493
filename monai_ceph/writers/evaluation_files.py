"""An evaluation as JSON and as CSV tables: everything, for other programs."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from monai_ceph import __version__
from monai_ceph.evaluation.evaluation import SUMMARY_COLUMNS, Evaluation
from monai_ceph.metrics.interval import method
from monai_ceph.metrics.reference_scores import ReferenceScores

ERROR_COLUMNS = ("reference", "film", "landmark", "error_mm", "dx_mm", "dy_mm")


def evaluation_json(evaluation: Evaluation) -> str:
    """Everything that was found, and how; what is unknown is null, and so are intervals where there are none."""
    has_intervals = all(comparison.intervals is not None for comparison in evaluation.all_scores)
    content = {
        "version": __version__,
        "predictions": evaluation.predictions,
        "references": list(evaluation.references),
        "protocol": evaluation.protocol,
        "scheme": evaluation.scheme,
        "spacing_mm": evaluation.spacing_mm and list(evaluation.spacing_mm),
        "excluded_films": {name: list(films) for name, films in evaluation.excluded_films.items()},
        "excluded_landmarks": list(evaluation.excluded_landmarks),
        "interval_method": method(max(len(one.films) for one in evaluation.all_scores)) if has_intervals else None,
        "comparisons": [_comparison(one) for one in evaluation.scores],
        "observers": [_comparison(one) for one in evaluation.observers],
        "retest": [_comparison(one) for one in evaluation.retest],
        "remarks": list(evaluation.remarks),
    }
    return json.dumps(without_nan(content), indent=2, allow_nan=False) + "\n"


def errors_csv(comparisons: Sequence[ReferenceScores]) -> str:
    """Every annotated landmark: :data:`ERROR_COLUMNS`, mm, points less reference; empty where it was not found."""
    rows = [
        [one.reference, one.films[f], one.symbols[k], *map(_cell, (one.errors_mm[f, k], *one.offsets_mm[f, k]))]
        for one in comparisons
        for f, k in np.argwhere(~np.isnan(one.errors_mm))
    ]
    return _csv(ERROR_COLUMNS, rows)


def summary_csv(evaluation: Evaluation) -> str:
    """Return ``evaluation.rows()`` as CSV."""
    rows = [
        [*names, *(str(number) if isinstance(number, int) else _cell(number) for number in numbers)]
        for *names, value, low, high in evaluation.rows()
        for numbers in [(value, low, high)]
    ]
    return _csv(SUMMARY_COLUMNS, rows)


def without_nan(value: Any) -> Any:
    """The same with None for NaN, tuples of two NaN included: what ``json.dumps`` can write."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if value and isinstance(value, tuple) and all(isinstance(item, float) and math.isnan(item) for item in value):
        return None
    if isinstance(value, (list, tuple)):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _comparison(one: ReferenceScores) -> dict[str, Any]:
    return {
        "compared": one.compared,
        "reference": one.reference,
        "films": list(one.films),
        **one.summary,
        "intervals": one.intervals,
        "missing_landmarks": one.missing,
        "films_without_reference": list(one.without_reference),
    }


def _cell(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else ""


def _csv(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    return text.getvalue()
