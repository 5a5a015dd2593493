from __future__ import annotations

import json
import math

import numpy as np

from monai_ceph.evaluation.evaluation import Evaluation
from monai_ceph.metrics.reference_scores import ReferenceScores
from monai_ceph.writers.evaluation_files import errors_csv, evaluation_json, summary_csv, without_nan


def _scores() -> ReferenceScores:
    points = np.array([[(3.0, 4.0), (math.nan, math.nan)], [(1.0, 1.0), (2.0, 2.0)]])
    target = np.array([[(0.0, 0.0), (5.0, 5.0)], [(1.0, 2.0), (math.nan, math.nan)]])
    return ReferenceScores("predictions", "mean of a, b", ("S", "N"), ("007", "008"), points, target)


def test_nan_becomes_none_at_any_depth() -> None:
    value = {"a": math.nan, "b": [(math.nan, math.nan), (1.0, 2.0)], "c": (), "d": "NaN", "e": (math.nan, 1.0)}
    assert without_nan(value) == {"a": None, "b": [None, [1.0, 2.0]], "c": [], "d": "NaN", "e": [None, 1.0]}


def test_errors_csv_has_a_row_for_each_annotated_landmark() -> None:
    assert errors_csv([_scores()]) == (
        "reference,film,landmark,error_mm,dx_mm,dy_mm\n"
        '"mean of a, b",007,S,5.0000,3.0000,4.0000\n'
        '"mean of a, b",007,N,,,\n'
        '"mean of a, b",008,S,1.0000,0.0000,-1.0000\n'
    )


def test_spacing_is_null_if_each_film_has_its_own() -> None:
    content = json.loads(evaluation_json(Evaluation(scores=(_scores(),))))
    assert content["spacing_mm"] is None
    assert content["comparisons"][0]["per_landmark"]["N"]["mre"] is None
    assert (content["observers"], content["retest"]) == ([], [])


def test_summary_leaves_unknown_statistics_empty() -> None:
    rows = summary_csv(Evaluation(scores=(_scores(),))).splitlines()
    assert 'predictions,"mean of a, b",mean,N,missing,1,,' in rows
    assert 'predictions,"mean of a, b",mean,N,mre_mm,,,' in rows
    assert 'predictions,"mean of a, b",mean,N,sdr_2mm_percent,0.0000,,' in rows
