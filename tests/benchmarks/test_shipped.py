"""The table of the shipped weights is what ``monai-ceph evaluate`` says, for each bundle and set of films."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks import shipped
from monai_ceph.evaluation import evaluate
from monai_ceph.landmarks import ISBI19
from monai_ceph.phantoms import write_phantoms


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    write_phantoms(folder, 3, seed=0, size=(323, 400), spacing_mm=0.6, observer_sd_mm=1.0)
    return folder


def test_rows_are_those_of_an_evaluation(phantoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    references = [phantoms / "points.csv", phantoms / "observer_b.csv"]
    films = shipped.FilmSet("drawn", [phantoms], references, 0.6)
    command = shipped.run

    def run(*arguments: object) -> None:
        # In place of a prediction: the second observer's points.
        if arguments[0] == "predict":
            assert arguments[1:] == (phantoms, "--output", folder(arguments), *SETTINGS)
            shutil.copy(references[1], folder(arguments) / "landmarks.csv")
        else:
            command(*arguments)

    def folder(arguments: tuple[object, ...]) -> Path:
        return Path(str(arguments[arguments.index("--output") + 1]))

    SETTINGS = ("--spacing", "0.6", "--bundle", tmp_path / "my_bundle", "--format", "csv")
    monkeypatch.setattr(shipped, "run", run)
    monkeypatch.setattr(shipped, "film_sets", lambda *folders: [films])
    monkeypatch.setattr(shipped, "RESULTS", tmp_path / "shipped.csv")
    given = ["--isbi2015", "a", "--hamedan", "b", "--bundle", str(tmp_path / "my_bundle")]
    assert shipped.main(given) == 0

    made, *lines = (tmp_path / "shipped.csv").read_text().splitlines()
    assert made.endswith("command: python -m benchmarks.shipped --isbi2015 ... --hamedan ...")
    rows = list(csv.DictReader(lines))
    assert {(row["bundle"], row["films"]) for row in rows} == {("my_bundle", "drawn")}
    assert [row["landmark"] for row in rows] == 2 * ["all", *ISBI19.symbols]
    # A table of predictions is scored against the mean of both: half of what the observers differ by.
    predictions, observers = (row for row in rows if row["landmark"] == "all")
    assert (predictions["compared"], observers["compared"]) == ("predictions", "observers")
    assert float(predictions["mre"]) == pytest.approx(float(observers["mre"]) / 2, abs=1e-3)
    score = evaluate(references[1], references, spacing_mm=0.6).scores[0]
    assert float(predictions["mre"]) == pytest.approx(np.mean(score.errors_mm), abs=1e-3)
    assert float(predictions["sdr_2"]) == pytest.approx(100 * np.mean(score.errors_mm <= 2), abs=1e-3)
    assert float(predictions["mre_low"]) < float(predictions["mre"]) < float(predictions["mre_high"])


def test_a_command_that_fails_stops_the_benchmark(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="Expected 'monai-ceph evaluate' to succeed, got exit status 1"):
        shipped.run("evaluate", tmp_path / "none.csv", tmp_path / "none.csv", "--spacing", 0.1)


def test_the_validation_films_are_every_sixth_of_the_training_films() -> None:
    validation, hamedan = shipped.film_sets(Path("isbi"), Path("ham"))
    assert [film.stem for film in validation.films] == [f"{number:03}" for number in range(1, 151) if number % 6 == 0]
    assert [path.name for path in validation.references] == ["train_senior.csv", "train_junior.csv"]
    assert (validation.spacing_mm, hamedan.spacing_mm) == (0.1, 0.127)
    assert [str(path) for path in hamedan.references] == ["ham/observer_a", "ham/observer_b"]
