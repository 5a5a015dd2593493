"""Scores of a folder's films: made once for each film and weights, whole files only, no film stops the others."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from monai_ceph.active_learning.selection import film_uncertainty
from monai_ceph.active_learning.uncertainty import FilmRecord, outdated, read_records, update_records
from monai_ceph.data.film_process import WorkerStartError
from monai_ceph.film_records import FilmRecords
from monai_ceph.predictor.torch_predictor import TorchPredictor, load_torch_predictor
from tests.bundles.tiny import SPACING_MM


@pytest.fixture
def films(phantom_films: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(phantom_films.glob("*.png"))}


@pytest.fixture
def system(tiny_bundle: Path) -> TorchPredictor:
    return load_torch_predictor(tiny_bundle, SPACING_MM, "cpu")


def no_system() -> TorchPredictor:
    raise AssertionError("there was nothing to do, and yet the system was loaded")


def test_scores_are_the_models_own_and_are_kept(films: dict[str, Path], system: TorchPredictor, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "scores"
    made = update_records(films, folder, "w1", lambda: system)
    assert made.keys() == films.keys() == read_records(folder).keys()
    assert read_records(folder) == made
    for film, path in films.items():
        found = system.predict(system.load(path))
        assert made[film].uncertainty == pytest.approx(film_uncertainty(found.confidence), abs=1e-5)
        assert np.mean(np.square(made[film].feature)) == pytest.approx(1, abs=1e-3)
    assert sorted(path.name for path in folder.iterdir()) == [f"{film}.json" for film in films]


def test_expected_error_is_the_mean_over_the_landmarks(films: dict[str, Path], tmp_path: Path) -> None:
    told = {"phantom_000": np.array([1.0, 2.0, np.nan]), "phantom_001": np.full(3, np.nan), "phantom_002": None}

    class Told:
        def load(self, film: Path) -> dict[str, object]:
            return {"image": np.random.default_rng(0).random((1, 32, 32)), "film": film.stem}

        def predict(self, item: dict[str, object]) -> SimpleNamespace:
            return SimpleNamespace(confidence=np.full(3, 0.5), expected_error_mm=told[str(item["film"])])

    made = update_records(films, tmp_path, "w1", Told)  # type: ignore[arg-type]
    assert [made[film].expected_error_mm for film in told] == [1.5, None, None]
    assert read_records(tmp_path) == made


def test_nothing_to_do_loads_nothing(films: dict[str, Path], system: TorchPredictor, tmp_path: Path) -> None:
    update_records(films, tmp_path, "w1", lambda: system)
    assert update_records(films, tmp_path, "w1", no_system) == {}


def test_only_what_changed_is_scored_again(films: dict[str, Path], system: TorchPredictor, tmp_path: Path) -> None:
    mine = {film: tmp_path / path.name for film, path in films.items()}
    for film, path in films.items():
        mine[film].write_bytes(path.read_bytes())
    folder = tmp_path / "scores"
    update_records(mine, folder, "w1", lambda: system)
    first, second, third = sorted(mine)
    os.utime(mine[first], ns=(0, 0))
    (folder / f"{second}.json").write_text('{"weights": "w1", "byt', encoding="utf-8")
    assert outdated(mine, read_records(folder), "w1") == [first, second]
    assert outdated(mine, read_records(folder), "w2") == [first, second, third]
    assert update_records(mine, folder, "w1", lambda: system).keys() == {first, second}


def test_film_that_cannot_be_read_is_noted_and_stops_nothing(
    films: dict[str, Path], system: TorchPredictor, tmp_path: Path
) -> None:
    bad, gone = tmp_path / "a bad one.png", tmp_path / "gone.png"
    bad.write_bytes(b"no picture")
    every = {"a bad one": bad, "gone": gone, **films}
    made = update_records(every, tmp_path / "scores", "w1", lambda: system)
    assert made.keys() == {"a bad one", *films}
    assert "a bad one.png: its content is not a readable image" in made["a bad one"].error
    assert made["a bad one"].uncertainty is None and made["a bad one"].feature == ()
    # Noted: nobody tries again until the file changes.
    assert outdated(every, read_records(tmp_path / "scores"), "w1") == []


def test_films_are_not_to_blame_where_no_reader_can_be_started(films: dict[str, Path], tmp_path: Path) -> None:
    class NoReader:
        def load(self, film: Path) -> object:
            raise RuntimeError("applying transform") from WorkerStartError("The process cannot be started")

    with pytest.raises(WorkerStartError, match="The process cannot be started"):
        update_records(films, tmp_path, "w1", NoReader)  # type: ignore[arg-type]
    assert read_records(tmp_path) == {}


SCORE = {"weights": "w", "bytes": 1, "mtime_ns": 2, "uncertainty": 0.5, "feature": [1.0], "error": ""}


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps(SCORE)])
def test_file_that_is_no_record_is_named_and_counts_for_nothing(
    content: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "film.json").write_text(content, encoding="utf-8")
    assert read_records(tmp_path) == {}
    assert "film.json' " in caplog.text and "The film is scored again." in caplog.text


@pytest.mark.parametrize(
    "change", [{"new": 1}, {"feature": 3}, {"feature": ["a"]}, {"uncertainty": []}, {"expected_error_mm": "a"}]
)
def test_record_of_another_form_is_named_and_counts_for_nothing(
    change: dict[str, object], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    FilmRecords(tmp_path).write("film", {**SCORE, **change})
    assert read_records(tmp_path) == {}
    assert f"The score of 'film' in '{tmp_path}' has another form; the film is scored again." in caplog.text


def test_no_folder_no_scores(tmp_path: Path) -> None:
    assert read_records(tmp_path / "nowhere") == {}


def test_film_whose_name_holds_a_dot(tmp_path: Path) -> None:
    FilmRecords(tmp_path).write("1.2.840", SCORE)
    assert read_records(tmp_path) == {"1.2.840": FilmRecord("w", 1, 2, 0.5, (1.0,))}
