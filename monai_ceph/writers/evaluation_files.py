"""Write an evaluation as JSON and CSV for other programs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from monai_ceph import __version__
from monai_ceph.evaluation.evaluation import SUMMARY_COLUMNS, Evaluation
from monai_ceph.evaluation.settings import Settings
from monai_ceph.formats.csv_text import csv_text, number_cell
from monai_ceph.metrics.interval import method
from monai_ceph.metrics.reference_scores import ReferenceScores

ERROR_COLUMNS = ("reference", "film", "landmark", "error_mm", "dx_mm", "dy_mm")


def evaluation_json(evaluation: Evaluation) -> str:
    """Return the whole evaluation as JSON; unknown values and missing intervals are null."""
    content = {
        "version": __version__,
        "predictions": evaluation.predictions,
        "references": list(evaluation.references),
        **settings_content(evaluation),
        "interval_method": interval_method(evaluation) or None,
        "comparisons": [_scores_content(scores) for scores in evaluation.scores],
        "observers": [_scores_content(scores) for scores in evaluation.observers],
        "retest": [_scores_content(scores) for scores in evaluation.retest],
        "remarks": list(evaluation.remarks),
    }
    return strict_json_text(content)


def interval_method(evaluation: Evaluation) -> str:
    """Return how the intervals of an evaluation were computed; empty if it has none."""
    if any(scores.intervals is None for scores in evaluation.all_scores):
        return ""
    return method(max(len(scores.films) for scores in evaluation.all_scores))


def strict_json_text(content: Any) -> str:
    """Return content as JSON that any parser reads: NaN becomes null, and all characters are ASCII."""
    return json.dumps(without_nan(content), indent=2, allow_nan=False) + "\n"


def settings_content(settings: Settings) -> dict[str, Any]:
    """Return the settings that scores depend on, for JSON, without remarks."""
    names = ("protocol", "scheme", "spacing_mm", "excluded_films", "excluded_landmarks")
    return {name: getattr(settings, name) for name in names}


def errors_csv(all_scores: Sequence[ReferenceScores]) -> str:
    """Return the error of every annotated landmark as CSV with :data:`ERROR_COLUMNS`.

    Offsets are predicted minus reference, mm; the numbers of a landmark that was not found are empty.
    """
    rows = [
        [scores.reference, scores.films[f], scores.symbols[k]]
        + [_cell(value) for value in (scores.errors_mm[f, k], *scores.offsets_mm[f, k])]
        for scores in all_scores
        for f, k in np.argwhere(~np.isnan(scores.errors_mm))
    ]
    return csv_text(ERROR_COLUMNS, rows)


def summary_csv(evaluation: Evaluation) -> str:
    """Return ``evaluation.rows()`` as CSV."""
    rows = [
        [*names, str(value) if isinstance(value, int) else _cell(value), _cell(low), _cell(high)]
        for *names, value, low, high in evaluation.rows()
    ]
    return csv_text(SUMMARY_COLUMNS, rows)


def without_nan(value: Any) -> Any:
    """Return a copy that ``json.dumps`` can write: NaN, and a tuple of NaN only, becomes None.

    >>> without_nan({"mre": float("nan"), "interval": (float("nan"), float("nan")), "sdr": [50.0]})
    {'mre': None, 'interval': None, 'sdr': [50.0]}
    """
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if value and isinstance(value, tuple) and all(isinstance(item, float) and math.isnan(item) for item in value):
        return None
    if isinstance(value, (list, tuple)):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _scores_content(scores: ReferenceScores) -> dict[str, Any]:
    return {
        "compared": scores.compared,
        "reference": scores.reference,
        "films": list(scores.films),
        **scores.summary,
        "intervals": scores.intervals,
        "missing_landmarks": scores.missing,
        "films_without_reference": list(scores.without_reference),
    }


_cell = partial(number_cell, decimals=4)
