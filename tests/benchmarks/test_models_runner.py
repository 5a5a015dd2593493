"""The runner, which runs the programs one after another, scores them and writes the table."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.models import __main__ as runner
from benchmarks.models.common import write_json, write_landmarks
from benchmarks.models.registry import MODELS, Model
from monai_ceph.metrics.summary import error_statistics
from monai_ceph.phantoms import write_phantoms

TRAIN = {"training_minutes": 8.01, "iterations": 12, "parameters": 34, "versions": {"torch": "2", "monai": "1.6.1"}}
PREDICT = {"ms_per_film": 5.0, "ms_per_film_network": 4.0, "gflop_per_film": 1.0, "peak_memory_mb": 6.0}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Four films in the layout of ISBI 2015 copies; 006 and 012 are held out."""
    folder = tmp_path / "isbi 2015"
    rows = {"senior": [], "junior": []}
    paths = write_phantoms(folder / "cepha400", 4, seed=0, size=(323, 400), spacing_mm=0.6)
    for film, path in zip(("001", "002", "006", "012"), paths, strict=True):
        path.rename(path.with_name(f"{film}.png"))
        for observer, shift in (("senior", -3), ("junior", 3)):
            points = np.full((19, 2), 100 + shift) + np.arange(19)[:, None]
            rows[observer].append(f"{film}.png," + ",".join(map(str, points.ravel().tolist())))
    (folder / "cepha400" / "points.csv").unlink()
    header = "image_path," + ",".join(f"{k}_x,{k}_y" for k in range(1, 20))
    for observer, lines in rows.items():
        (folder / f"train_{observer}.csv").write_text("\n".join([header, *lines]) + "\n")
    return folder


def leave_results(folder: Path, off_px: dict[str, float]) -> None:
    """Write the output of a model whose points are all ``off_px`` pixels too far right."""
    folder.mkdir(parents=True)
    write_json(folder / "train.json", TRAIN)
    write_json(folder / "predict.json", PREDICT)
    truth = np.full((19, 2), 100.0) + np.arange(19)[:, None]
    points = {film: truth + np.array([off, 0]) for film, off in off_px.items()}
    write_landmarks(folder / "landmarks.csv", points, dict.fromkeys(points), 0.1)


def table(path: Path) -> tuple[str, list[dict[str, str]]]:
    first, *lines = path.read_text(encoding="utf-8").splitlines()
    return first, list(csv.DictReader(lines))


def test_scores_are_against_the_observers_mean(dataset: Path, tmp_path: Path) -> None:
    work, output = tmp_path / "work", tmp_path / "models.csv"
    leave_results(work / "global_stage", {"006.png": 10.0, "012.png": 30.0})
    options = ["--dataset_dir", str(dataset), "--work_dir", str(work), "--output", str(output)]
    assert (
        runner.main([*options, "--phase", "train", "--only", "global_stage"]) == 0
    )  # already trained, so nothing runs
    first, [row] = table(output)
    assert list(row) == list(runner.COLUMNS)
    expected = error_statistics(np.repeat([[1.0], [3.0]], 19, axis=1))
    assert float(row["mre_mm"]) == expected["mre"] == 2.0
    assert float(row["sd_mm"]) == pytest.approx(expected["sd"], abs=5e-4)
    assert (float(row["mre_low"]), float(row["mre_high"])) == (1.0, 3.0)
    assert float(row["sdr_2"]) == 50.0
    assert (row["iterations"], row["ms_per_film"], row["source"]) == ("12", "5.0", "monai-ceph (this commit)")
    assert first.startswith(
        "# ISBI 2015 training films: 2 trained on, 2 held out (006, 012 ... 012); ground truth: mean"
    )
    assert str(tmp_path) not in first and str(dataset) not in first


def test_unknown_statistics_are_empty_cells(dataset: Path, tmp_path: Path) -> None:
    """No landmark is within 2 mm in any resample, so there is no interval."""
    work, output = tmp_path / "work", tmp_path / "models.csv"
    leave_results(work / "global_stage", {"006.png": 50.0, "012.png": 30.0})
    options = ["--dataset_dir", str(dataset), "--work_dir", str(work), "--output", str(output)]
    runner.main([*options, "--phase", "train", "--only", "global_stage"])
    [row] = table(output)[1]
    assert (row["sdr_2"], row["sdr_2_low"], row["sdr_2_high"]) == ("0.0", "", "")


def test_failed_program_is_reported_and_the_others_run(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    models = {
        "missing": Model("a program that is not there", "missing", "no_such_program", "monai"),
        "foreign": Model("a library that is not installed", "foreign", "scn", "landmarker"),
        "two_stage": MODELS["two_stage"],
    }
    monkeypatch.setattr(runner, "MODELS", models)
    work, output = tmp_path / "work", tmp_path / "models.csv"
    leave_results(work / "two_stage", {"006.png": 10.0, "012.png": 10.0})
    options = ["--dataset_dir", str(dataset), "--work_dir", str(work), "--output", str(output)]
    options += ["--landmarker_python", str(tmp_path / "python"), "--phase", "train", "--only", *models]
    assert runner.main(options) == 1
    said = capsys.readouterr().err
    assert "missing: train failed" in said and "No module named benchmarks.models.no_such_program" in said
    assert "foreign: train failed" in said and "No such file or directory" in said
    assert [row["model"] for row in table(output)[1]] == ["two_stage"]
    given = json.loads((work / "missing" / "train_job.json").read_text())
    assert [Path(film["image"]).stem for film in given["train"]] == ["001", "002"]
    assert given["train"][0]["points_px"][0] == [100.0, 100.0]
    assert [set(film) for film in given["predict"]] == [{"image"}] * 2  # programs do not see their ground truth


def test_rows_of_models_that_are_not_run_again_are_kept_with_their_commit(dataset: Path, tmp_path: Path) -> None:
    work, output = tmp_path / "work", tmp_path / "models.csv"
    options = ["--dataset_dir", str(dataset), "--output", str(output), "--phase", "train", "--only", "global_stage"]
    leave_results(work / "global_stage", {"006.png": 10.0, "012.png": 10.0})
    leave_results(work / "two_stage", {"006.png": 10.0, "012.png": 10.0})
    runner.main([*options, "--work_dir", str(work)])
    output.write_text(output.read_text().replace("commit unknown", "commit 1a2b3c4"))
    leave_results(tmp_path / "new" / "global_stage", {"006.png": 20.0, "012.png": 20.0})
    runner.main([*options, "--work_dir", str(tmp_path / "new"), "--keep"])
    kept, again = table(output)[1]
    assert (kept["model"], kept["mre_mm"], kept["source"]) == ("two_stage", "1.0", "monai-ceph (commit 1a2b3c4)")
    assert (again["model"], again["mre_mm"], again["source"]) == ("global_stage", "2.0", "monai-ceph (this commit)")


def test_diverged_training_is_reported(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = tmp_path / "work"
    leave_results(work / "global_stage", {"006.png": np.nan, "012.png": 1.0})
    options = ["--dataset_dir", str(dataset), "--work_dir", str(work), "--output", str(tmp_path / "models.csv")]
    assert runner.main([*options, "--phase", "train", "--only", "global_stage"]) == 0
    assert "global_stage: not scored: " in capsys.readouterr().err
    assert not (tmp_path / "models.csv").exists()
