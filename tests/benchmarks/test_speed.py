"""The speed benchmarks run on a few drawn films; their measurements are not checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.report_results import read_results
from benchmarks.speed import folder, inference, profile, training
from monai_ceph.phantoms import write_phantoms


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("films of a scanner")
    write_phantoms(made, count=3, seed=0)
    return made


@pytest.fixture(autouse=True)
def no_change_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for program in (folder, profile, training):
        monkeypatch.setattr(program, "keep_freed_memory", lambda: True)


def test_folder_is_measured(films: Path, tmp_path: Path) -> None:
    folder.main(["--films", str(films), "--output", str(tmp_path / "speed.csv")])
    results = read_results(tmp_path / "speed.csv")
    made, rows = results.made, results.rows
    assert made.startswith("3 films; ") and "commit " in made and str(films) not in made
    assert rows[0]["of_the_networks_alone_percent"] == "100"
    assert len(rows) == 4 and all(float(row["films_per_second"]) > 0 for row in rows)


def test_failing_film_is_an_error(films: Path, tmp_path: Path) -> None:
    system = folder.load_torch_predictor(spacing_mm=0.1, device="cpu")
    good = sorted(films.glob("*.png"))
    read = system.load
    system.load = lambda film: read(good[0] if film.name == "bad.png" else film)  # only writing its picture fails
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no film")
    with pytest.raises(RuntimeError, match="1 films failed"):
        folder.measure([good[1], bad], system, tmp_path)


def test_row_of_the_table(films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inference.main(["--only", inference.OURS, "--films", str(films), "--count", "3"])
    row = json.loads(capsys.readouterr().out)
    assert set(row) >= {*inference.COLUMNS} - {"times_faster"}
    assert row["ms_per_film"] == pytest.approx(row["read_ms"] + row["locate_ms"] + row["write_ms"])
    assert row["gflop_per_film"] > 10


def test_training_is_measured(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "landmarker", lambda *_: None)  # its environment has its own tests
    points = films / "points.csv"
    wanted = ["--films", str(films), "--points", str(points), "--seconds", "0.1"]
    monkeypatch.setattr(training, "local_stage", smaller(training.local_stage))
    training.main([*wanted, "--output", str(tmp_path / "speed.csv")])
    rows = read_results(tmp_path / "speed.csv").rows
    assert [row["what"] for row in rows][:3] == ["pipeline alone", "network alone", "together"]
    assert rows[2]["of_the_slower_part_percent"]


def smaller(local_stage):
    """Two films per batch, because three films do not fill a batch of eight."""

    def made(*arguments):
        config = local_stage(*arguments)
        config["films_per_batch"] = 2
        config.parse()
        return config

    return made


def test_profile_is_written(films: Path, tmp_path: Path) -> None:
    profile.main(["--films", str(films), "--count", "2", "--output", str(tmp_path / "profile.csv")])
    rows = read_results(tmp_path / "profile.csv").rows
    ms = {row["what"]: float(row["ms_per_film"]) for row in rows}
    parts = [value for what, value in ms.items() if what != "all" and "GFLOP" not in what]
    assert sum(parts) == pytest.approx(ms["all"], abs=0.1 * len(parts))
    assert max(ms, key=lambda what: 0 if what == "all" else ms[what]) == "convolutions"
