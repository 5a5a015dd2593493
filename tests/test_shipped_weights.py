"""The shipped weights reach on real films about what the README says. Skipped where there are no films."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_ceph.commands.predict import run
from monai_ceph.evaluation import evaluate
from monai_ceph.metrics import error_statistics


def score(tmp_path: Path, films: list[Path], references: list[Path], spacing_mm: float) -> dict[str, float]:
    assert run(films, tmp_path, spacing_mm=spacing_mm, device="cpu", formats=("csv",)) == 0
    [comparison] = evaluate(tmp_path / "landmarks.csv", references, spacing_mm=spacing_mm).scores
    overall = error_statistics(comparison.errors_mm)
    return {"mre": overall["mre"], "missing": overall["missing"], **overall["sdr_percent"]}


@pytest.mark.real_films
@pytest.mark.slow
def test_isbi_films_held_out_of_training(real_films: Path, tmp_path: Path) -> None:
    folder = real_films / "isbi2015"
    films = [folder / "cepha400" / f"{film:03d}.jpg" for film in range(6, 151, 6)]
    found = score(tmp_path, films, [folder / "train_senior.csv", folder / "train_junior.csv"], 0.1)
    assert found["mre"] <= 1.0 and found["2"] >= 89 and found["missing"] == 0


@pytest.mark.real_films
@pytest.mark.slow
def test_films_of_another_clinic(real_films: Path, tmp_path: Path) -> None:
    folder = real_films / "hamedan"
    found = score(tmp_path, [folder / "images"], [folder / "observer_a", folder / "observer_b"], 0.127)
    assert found["mre"] <= 2.2 and found["4"] >= 90 and found["missing"] == 0
