"""``monai-ceph superimpose`` as a user calls it."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from monai_ceph.cli import main
from monai_ceph.data.film import read_film
from monai_ceph.phantoms import write_phantoms
from monai_ceph.prediction import Prediction
from tests.reports import POINTS_PX, prediction

SPACING_MM = 1.2


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patient")
    write_phantoms(folder, 2, seed=1, size=(161, 200), spacing_mm=SPACING_MM)
    return folder


def superimpose(*arguments: object) -> int:
    return main(["superimpose", *map(str, arguments)])


def test_two_annotated_films(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = sorted(films.glob("*.png"))
    options = ("--annotations", films / "points.csv", "--output", tmp_path / "out", "--spacing", SPACING_MM)
    assert superimpose(a, b, *options) == 0
    assert "phantom_000.png and phantom_001.png superimposed on S-N, in " in capsys.readouterr().out
    pdf = (tmp_path / "out" / "superimposition.pdf").read_bytes()
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 1
    page = (tmp_path / "out" / "superimposition.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3 and "annotations in points.csv" in page and "<script" not in page
    with (tmp_path / "out" / "superimposition.csv").open(encoding="utf-8", newline="") as file:
        table = {row["name"]: row for row in csv.DictReader(file) if row["kind"] == "point"}
    assert float(table["S"]["change"]) == 0 and float(table["Me"]["change"]) > 0


def test_predicted_films_have_their_own_spacings(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = sorted(films.glob("*.png"))
    loaded = []

    def load(bundle: Path | None, spacing_mm: float | None, device: str, scheme: str | None, trust: bool) -> object:
        loaded.append((spacing_mm, trust))

        def predict(film: Path) -> Prediction:
            assert spacing_mm is not None
            points_px = POINTS_PX * 2.0 / spacing_mm
            return prediction(image=film.name, points_px=points_px, spacing_mm=(spacing_mm, spacing_mm))

        predict.at_site = lambda site: predict
        return predict

    monkeypatch.setattr("monai_ceph.predictor.torch_predictor.load_torch_predictor", load)
    assert superimpose(a, b, "--output", tmp_path, "--spacing", 1, "--spacing", 2, "--trust-bundle") == 0
    assert loaded == [(1.0, True), (2.0, True)]
    with (tmp_path / "superimposition.csv").open(encoding="utf-8", newline="") as file:
        moved = [float(row["change"]) for row in csv.DictReader(file) if row["kind"] == "point"]
    np.testing.assert_allclose(moved, 0, atol=1e-6)
    page = (tmp_path / "superimposition.html").read_text(encoding="utf-8")
    assert "predicted by cephalometric_landmarks_pretrained 0." in page


def test_film_that_is_not_annotated_is_named(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = sorted(films.glob("*.png"))
    other = tmp_path / "other.png"
    other.write_bytes(a.read_bytes())
    assert read_film(other)[1].spacing_mm is None
    assert superimpose(other, b, "--annotations", films / "points.csv", "--output", tmp_path) == 1
    assert "other.png: there are no points of this film in " in capsys.readouterr().err


def test_three_spacings_are_refused(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = sorted(films.glob("*.png"))
    assert superimpose(a, b, *("--spacing", 1) * 3, "--output", tmp_path) == 1
    assert "Expected --spacing at most twice, for A and for B; got it 3 times." in capsys.readouterr().err
