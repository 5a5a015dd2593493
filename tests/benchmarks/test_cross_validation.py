"""The table of a cross-validation, from folds that have ended."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import cross_validation
from benchmarks.models.common import write_landmarks

FILMS = [f"{number:03d}" for number in range(1, 10)]


@pytest.fixture
def films() -> list[dict[str, Any]]:
    random = np.random.default_rng(0)
    return [{"film": film, "points_px": random.uniform(100, 900, (19, 2))} for film in FILMS]


def end_folds(folder: Path, films: list[dict[str, Any]], off_px: float) -> None:
    """Leave what a recipe leaves whose points are all so far to the right."""
    for fold in range(cross_validation.FOLDS):
        held = [film for film in films if cross_validation.fold_of(film["film"]) == fold]
        (folder / str(fold)).mkdir(parents=True)
        points = {f"{film['film']}.jpg": film["points_px"] + [off_px, 0] for film in held}
        write_landmarks(folder / str(fold) / "landmarks.csv", points, dict.fromkeys(points), 0.1)
        (folder / str(fold) / "train.json").write_text(json.dumps({"iterations": 10 + fold}))


def table(tmp_path: Path, films: list[dict[str, Any]]) -> list[dict[str, str]]:
    output = tmp_path / "table.csv"
    arguments = argparse.Namespace(work_dir=tmp_path, output=output, minutes=5.0)
    cross_validation.write_table(arguments, films)
    return list(csv.DictReader(output.read_text().splitlines()[1:]))


def test_every_film_is_in_one_fold_and_folds_are_alike() -> None:
    counts = np.bincount([cross_validation.fold_of(f"{number:03d}") for number in range(1, 151)])
    assert counts.tolist() == [50, 50, 50]


def test_differences_are_paired_with_the_first_recipe(tmp_path: Path, films: list[dict[str, Any]]) -> None:
    end_folds(tmp_path / "basic_unet", films, off_px=15.0)
    end_folds(tmp_path / "pretrained", films, off_px=10.0)
    first, second = table(tmp_path, films)
    assert (first["recipe"], first["films"], first["mre_mm"], first["sdr_2"]) == (
        "basic_unet",
        "9",
        "1.5000",
        "100.0000",
    )
    assert (second["mre_mm"], second["difference_mm"], second["iterations"]) == ("1.0000", "-0.5000", "10 11 12")
    assert (first["difference_mm"], first["from_default_mm"]) == ("", "0.5000")
    assert second["from_default_mm"] == ""


def test_a_recipe_with_a_fold_missing_is_compared_on_the_films_that_it_has(
    tmp_path: Path, films: list[dict[str, Any]]
) -> None:
    end_folds(tmp_path / "basic_unet", films, off_px=15.0)
    end_folds(tmp_path / "pretrained", films, off_px=10.0)
    third = tmp_path / "basic_unet" / "2" / "landmarks.csv"
    third.write_bytes((tmp_path / "pretrained" / "2" / "landmarks.csv").read_bytes())
    (tmp_path / "pretrained" / "2" / "landmarks.csv").unlink()
    first, second = table(tmp_path, films)
    assert (first["films"], first["mre_mm"]) == ("9", "1.3333")
    assert (second["films"], second["difference_mm"], second["iterations"]) == ("6", "-0.5000", "10 11")


def test_no_table_without_the_recipe_to_compare_with(
    tmp_path: Path, films: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    end_folds(tmp_path / "pretrained", films, off_px=10.0)
    cross_validation.write_table(argparse.Namespace(work_dir=tmp_path, output=tmp_path / "table.csv"), films)
    assert not (tmp_path / "table.csv").exists()
    assert "no fold of basic_unet has ended" in capsys.readouterr().out
