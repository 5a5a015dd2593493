from __future__ import annotations

import numpy as np
import pytest

from monai_ceph.metrics.reference_scores import ReferenceScores
from monai_ceph.writers.evaluation_table import overall_text, scores_text

pytest.importorskip("scipy")


def _scores(compared: str, reference: str, errors_mm: np.ndarray) -> ReferenceScores:
    points = np.stack([errors_mm, np.zeros_like(errors_mm)], axis=-1)
    films = tuple(f"{f:03d}" for f in range(len(errors_mm)))
    return ReferenceScores(compared, reference, ("S", "N"), films, points, np.zeros_like(points))


def test_overall_table() -> None:
    """Two films with errors 1 and 3: the means of all resamples are 1, 2, 2 and 3, which gives the bounds."""
    errors = np.array([[1.0, 1.0], [3.0, 3.0]])
    predictions = _scores("predictions", "mean of x/senior.csv, x/junior.csv", errors)
    observers = _scores("x/junior.csv", "x/senior.csv", np.full((2, 2), 12.5))
    assert overall_text([predictions, observers]) == (
        "                predictions          junior\n"
        "                vs mean              vs senior\n"
        "----------------------------------------------\n"
        "n                    4                    4\n"
        "missing              0                    0\n"
        "MRE (mm)         2.000 [1.00, 3.00]  12.500\n"
        "SD (mm)          1.155 [0.00, 1.15]   0.000\n"
        "median (mm)      2.000 [1.00, 3.00]  12.500\n"
        "SDR 2 mm (%)     50.00 [0.0, 100.0]    0.00\n"
        "SDR 2.5 mm (%)   50.00 [0.0, 100.0]    0.00\n"
        "SDR 3 mm (%)    100.00                 0.00\n"
        "SDR 4 mm (%)    100.00                 0.00\n"
        "----------------------------------------------\n"
        "MRE, SD and median of the landmarks found; SDR of those annotated (n).\n"
        "In brackets 95 % intervals over films; none where films cannot tell, as at 100 %."
    )


def test_files_with_the_same_name_keep_their_folders() -> None:
    pair = [_scores("predictions", f"{folder}/points.csv", np.ones((2, 2))) for folder in "ab"]
    assert "vs a/points.csv  vs b/points.csv" in overall_text(pair)


def test_table_by_landmark() -> None:
    errors = np.array([[1.0, 1.0], [3.0, np.nan], [2.2, 123.0]])
    text = scores_text(_scores("predictions", "a.csv", errors))
    assert text.splitlines()[0] == "predictions against a.csv (3 films)"
    header, everything, sella, nasion = (line for line in text.splitlines() if line[0] in "laSN")
    columns = ("     n", "missing", "    SD", "median", "2.5 mm", "  3 mm", "  4 mm")
    cells = {
        everything: ("     6", "     1", "54.209", " 2.200", " 50.00", " 66.67", " 66.67"),
        sella: ("     3", "     0", " 1.007", " 2.200", " 66.67", "100.00", "100.00"),
        nasion: ("     3", "     1", "86.267", "62.000", " 33.33", " 33.33", " 33.33"),
    }
    for row, expected in cells.items():
        for name, cell in zip(columns, expected, strict=True):
            start = header.index(name)
            assert row[start : start + len(cell)] == cell, f"{name!r} in\n{text}"
    assert text.splitlines()[-1].endswith("without a prediction (misses for SDR): 001: N")
