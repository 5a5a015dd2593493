from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_ceph.handlers.scores_saver import ScoresSaver
from monai_ceph.landmarks import Landmark, LandmarkScheme

engines = pytest.importorskip("ignite.engine")
SCHEME = LandmarkScheme("two", (Landmark("S", "sella"), Landmark("N", "nasion")))


def _film(name: str, target: list[Any], pred: list[Any], spacing_mm: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """What an evaluator's batch and its output hold of one film."""
    meta = {"spacing_mm": np.array([spacing_mm, spacing_mm]), "spacing_source": "user", "filename_or_obj": f"x/{name}"}
    image = MetaTensor(torch.zeros(1, 2, 2), meta=meta)
    found = {"image": image, "pred_px": torch.tensor(pred), "confidence": torch.ones(2)}
    return {"points_px": torch.tensor(target)}, found


def _run(folder: Path, *runs: list[list[tuple[dict[str, Any], dict[str, Any]]]]) -> dict[str, Any]:
    def step(engine: Any, batch: Any) -> Any:
        engine.state.batch = [given for given, _ in batch]
        return [found for _, found in batch]

    engine = engines.Engine(step)
    ScoresSaver(folder, SCHEME).attach(engine)
    for batches in runs:
        engine.run(batches, max_epochs=1)
    content: dict[str, Any] = json.loads((folder / "scores.json").read_text())
    return content


BATCHES = [
    [_film("b.png", [[0.0, 0.0], [math.nan] * 2], [[30.0, 40.0], [1.0, 1.0]], 0.1)],
    [
        _film("a.png", [[5.0, 5.0], [0.0, 0.0]], [[5.0, 5.0], [math.nan] * 2], 0.2),
        _film("c.png", [[math.nan] * 2] * 2, [[5.0, 5.0], [0.0, 0.0]], 0.2),
    ],
]


def test_each_film_has_its_spacing_and_missing_is_told_from_unannotated(tmp_path: Path) -> None:
    content = _run(tmp_path, BATCHES)
    (comparison,) = content["comparisons"]
    assert comparison["films"] == ["a", "b"]
    assert (comparison["overall"]["n"], comparison["overall"]["missing"]) == (3, 1)
    assert comparison["overall"]["mre"] == 2.5  # 0 and 5 mm
    assert comparison["missing_landmarks"] == ["a: N"]
    assert comparison["films_without_reference"] == ["c"]
    assert content["spacing_mm"] is None


def test_an_epoch_starts_with_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = _run(tmp_path, BATCHES, BATCHES[:1])
    assert (content["comparisons"][0]["films"], content["spacing_mm"]) == (["b"], [0.1, 0.1])
    printed = capsys.readouterr().out
    assert [printed.count(f"predictions against mean of the observers ({n})") for n in ("2 films", "1 film")] == [1, 1]


def test_points_are_scored_as_the_table_has_them(tmp_path: Path) -> None:
    """2.00004 mm at 0.1 mm a pixel is 20.0004 px: 20.000 in the table, and so within 2 mm."""
    content = _run(tmp_path, [[_film("a", [[0.0, 0.0]] * 2, [[20.0004, 0.0], [20.0006, 0.0]], 0.1)]])
    found = {name: one["sdr_percent"]["2"] for name, one in content["comparisons"][0]["per_landmark"].items()}
    assert found == {"S": 100, "N": 0}
    assert content["spacing_mm"] == [0.1, 0.1]


def test_tables_are_written_beside(tmp_path: Path) -> None:
    _run(tmp_path, BATCHES)
    assert (tmp_path / "errors.csv").read_text().splitlines()[1] == "mean of the observers,a,S,0.0000,0.0000,0.0000"
    assert (
        "predictions,mean of the observers,mean,all,mre_mm,2.5000,0.0000,5.0000"
        in (tmp_path / "summary.csv").read_text().splitlines()
    )
