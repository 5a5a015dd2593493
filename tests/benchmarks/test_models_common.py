"""Code that the benchmark's programs share: clock, job, counting and files."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.models import common
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.landmarks import ISBI19

JOB = {
    "phase": "train",
    "train": [{"image": "a.png", "points_px": [[1.0, 2.0]] * 19}],
    "predict": [{"image": "b.png"}],
    "film_spacing_mm": 0.1,
    "minutes": 30,
    "work_dir": "work",
}


def job(tmp_path: Path, **changed: Any) -> common.Job:
    path = tmp_path / "job.json"
    path.write_text(json.dumps({**JOB, "work_dir": str(tmp_path), **changed}))
    return common.Job.read(path)


def test_symbols_match_the_package() -> None:
    assert ISBI19.symbols == common.SYMBOLS


def test_budget_follows_its_clock() -> None:
    now = [1000.0]
    budget = common.Budget(2.0, clock=lambda: now[0])
    assert (budget.spent_minutes, budget.fraction, budget.over) == (0.0, 0.0, False)
    now[0] += 90.0
    assert (budget.spent_minutes, budget.fraction, budget.over) == (1.5, 0.75, False)
    now[0] += 30.0
    assert budget.over
    now[0] += 60.0
    assert (budget.spent_minutes, budget.fraction) == (3.0, 1.0)


def test_sleeping_does_not_use_the_budget(tmp_path: Path) -> None:
    budget = job(tmp_path).budget()
    time.sleep(0.05)
    assert budget.wall_minutes >= 0.05 / 60
    assert budget.spent_minutes < budget.wall_minutes / 2


def test_budget_is_wall_time_on_a_gpu(tmp_path: Path) -> None:
    budget = job(tmp_path, device="cuda:0").budget()
    time.sleep(0.05)
    assert budget.spent_minutes >= 0.05 / 60


def test_stage_gets_its_fraction_of_the_budget(tmp_path: Path) -> None:
    assert job(tmp_path).budget(1 / 3).minutes == pytest.approx(10)


def test_job_keeps_unknown_keys(tmp_path: Path) -> None:
    given = job(tmp_path, overlay="x.json", seed=3)
    assert (given.options, given.seed, given.threads, given.work_dir) == ({"overlay": "x.json"}, 3, 1, tmp_path)


def test_job_with_an_unknown_phase_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"The phase in '.*job.json' is 'test'; it must be train or predict\."):
        job(tmp_path, phase="test")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gflop_of_a_convolution_matches_the_count_by_hand(dtype: torch.dtype) -> None:
    convolution = torch.nn.Conv2d(3, 5, kernel_size=3, stride=2, padding=1)

    def run() -> torch.Tensor:
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            result = convolution(torch.zeros(2, 3, 8, 12))
        assert result.dtype == dtype
        return result

    outputs = 2 * 5 * 4 * 6
    assert common.gflop(run) == pytest.approx(2 * outputs * 3 * 3 * 3 / 1e9, rel=1e-12)


def test_peak_memory_includes_freed_memory() -> None:
    """Measured in a new process, whose peak must not include the memory of its parent."""
    burden = np.ones(100_000_000)
    code = (
        "from benchmarks.models.common import peak_memory_mb as peak; import numpy; before = peak(); "
        "block = numpy.ones(25_000_000); del block; print(before, peak())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    before, after = map(float, out.split())
    assert 50 < before < burden.nbytes / 1e6
    assert after - before == pytest.approx(200, abs=20)


def test_landmarks_can_be_read_by_the_package(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(0, 2000, (19, 2))
    path = tmp_path / "landmarks.csv"
    common.write_landmarks(path, {"001.jpg": points, "002.jpg": points[::-1]}, {"001.jpg": None, "002.jpg": None}, 0.1)
    read = read_annotations(path).points_px
    assert list(read) == ["001", "002"]
    np.testing.assert_allclose(read["001"], points, atol=5e-4)
    np.testing.assert_allclose(read["002"], points[::-1], atol=5e-4)
    assert [file.name for file in tmp_path.iterdir()] == ["landmarks.csv"]


def test_landmark_table_has_the_expected_text(tmp_path: Path) -> None:
    points, sure = np.full((19, 2), [10.0, 20.5]), np.full(19, 0.75)
    common.write_landmarks(tmp_path / "landmarks.csv", {"a.png": points}, {"a.png": sure}, 0.5)
    lines = (tmp_path / "landmarks.csv").read_text().splitlines()
    assert lines[0] == "image,landmark,x_px,y_px,x_mm,y_mm,confidence"
    assert lines[1] == "a.png,S,10.000,20.500,5.000,10.250,0.7500"
    assert len(lines) == 20


def test_too_few_landmarks_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.png: expected points of shape \(19, 2\), got \(18, 2\)\."):
        common.write_landmarks(tmp_path / "landmarks.csv", {"a.png": np.zeros((18, 2))}, {"a.png": None}, 0.1)


def test_predict_warms_up_then_measures_and_writes(tmp_path: Path) -> None:
    calls: list[str] = []
    weight = torch.ones(19, 7)

    def read(film: str) -> int:
        calls.append(film)
        time.sleep(0.02)
        return int(Path(film).stem)

    def locate(number: int) -> tuple[np.ndarray, None]:
        time.sleep(0.01)
        return (weight @ torch.full((7, 2), float(number))).numpy(), None

    given = job(tmp_path, phase="predict", predict=[{"image": f"/films/{n}.png"} for n in (1, 2, 3)])
    common.predict(given, common.Predictor(read, locate))

    assert calls == [f"/films/{n}.png" for n in (1, 1, 2, 3)]
    read_back = read_annotations(tmp_path / "landmarks.csv").points_px
    assert {film: points[0].tolist() for film, points in read_back.items()} == {
        str(n): [7.0 * n, 7.0 * n] for n in (1, 2, 3)
    }
    record = json.loads((tmp_path / "predict.json").read_text())
    assert set(record) == {"ms_per_film", "ms_per_film_network", "gflop_per_film", "peak_memory_mb"}
    assert record["gflop_per_film"] == pytest.approx(2 * 19 * 7 * 2 / 1e9)
    assert 10 <= record["ms_per_film_network"] <= record["ms_per_film"] - 20


def test_main_trains_and_reports_its_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "job.json"
    path.write_text(json.dumps({**JOB, "work_dir": str(tmp_path / "new" / "work"), "threads": torch.get_num_threads()}))
    monkeypatch.setattr(sys, "argv", ["model.py", str(path)])
    draws = []

    def train(given: common.Job) -> common.Training:
        draws.append((torch.rand(1).item(), np.random.rand()))
        return common.Training(1.5, 2.0, 10, 40, 123, "float32", packages=("monai",), remarks="none")

    for _ in range(2):
        common.main(train, lambda given: pytest.fail("nothing is loaded to train"))
    assert draws[0] == draws[1], "the seed was not set"
    record = json.loads((tmp_path / "new" / "work" / "train.json").read_text())
    assert set(record.pop("versions")) == {"torch", "numpy", "monai"}
    assert record.pop("commit") == "commit unknown"  # the job names none
    assert record == {
        "training_minutes": 1.5,
        "wall_minutes": 2.0,
        "iterations": 10,
        "films_seen": 40,
        "parameters": 123,
        "dtype": "float32",
        "remarks": "none",
    }
