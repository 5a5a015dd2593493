"""landmarker's metrics on the same points, in landmarker's own environment.

They mean the same where every landmark is annotated and found, and the mean error also where some are not annotated.
landmarker's detection rate counts a landmark that nobody annotated as a miss, and knows none that was not found.
"""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_ceph.metrics.reference_scores import ReferenceScores

SPACING_MM = (0.1, 0.127)
CODE = """
import json, sys, numpy, torch
from landmarker.metrics import point_error, sdr
films = numpy.load(sys.argv[1])
points, target = (torch.from_numpy(films[name]) for name in ("points_px", "target_px"))
spacing = torch.from_numpy(films["spacing_mm"]).expand(len(points), 2)
errors = point_error(target, points, pixel_spacing=spacing, reduction="none")
print(json.dumps({
    "errors": torch.nan_to_num(errors, nan=-1.0).tolist(),
    "mre": point_error(target, points, pixel_spacing=spacing, reduction="nanmean").item(),
    "sdr": sdr([2.0, 2.5, 3.0, 4.0], target, points, pixel_spacing=spacing),
}))
"""


def _both(
    python: str, folder: Path, points_px: np.ndarray, target_px: np.ndarray
) -> tuple[dict[str, Any], ReferenceScores]:
    path = folder / "films.npz"
    np.savez(path, points_px=points_px, target_px=target_px, spacing_mm=np.array(SPACING_MM))
    ran = subprocess.run([python, "-c", CODE, str(path)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    symbols = tuple(map(str, range(points_px.shape[1])))
    films = tuple(map(str, range(len(points_px))))
    ours = ReferenceScores("predictions", "truth", symbols, films, points_px * SPACING_MM, target_px * SPACING_MM)
    return json.loads(ran.stdout), ours


def _points() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    target = rng.integers(100, 2000, (12, 19, 2)).astype(np.float64)
    return target + rng.normal(0, 15, target.shape), target


def test_errors_mean_error_and_detection_rates_are_landmarkers(landmarker_python: str, tmp_path: Path) -> None:
    theirs, ours = _both(landmarker_python, tmp_path, *_points())
    overall = ours.summary["overall"]
    assert ours.errors_mm == pytest.approx(np.array(theirs["errors"]))
    assert overall["mre"] == pytest.approx(theirs["mre"])
    # Its rates are means of float32 numbers.
    assert list(overall["sdr_percent"].values()) == pytest.approx(list(theirs["sdr"].values()), abs=1e-4)
    assert 0 < overall["sdr_percent"]["2"] < overall["sdr_percent"]["4"] < 100


def test_mean_error_without_some_annotations_is_landmarkers(landmarker_python: str, tmp_path: Path) -> None:
    points, target = _points()
    target[3, 4] = target[5, :] = math.nan
    theirs, ours = _both(landmarker_python, tmp_path, points, target)
    assert ours.summary["overall"]["mre"] == pytest.approx(theirs["mre"])
    assert ours.summary["overall"]["n"] == 12 * 19 - 20
