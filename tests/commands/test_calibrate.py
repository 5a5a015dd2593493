"""``monai-ceph calibrate`` and ``predict --site``: what is printed and written, and what is refused."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_ceph import calibration, load_predictor
from monai_ceph.cli import main
from monai_ceph.formats import read_annotations
from monai_ceph.formats.landmark_table import write_landmarks_csv
from monai_ceph.landmarks import ISBI19
from monai_ceph.phantoms import write_phantoms
from monai_ceph.prediction import Prediction, annotated
from monai_ceph.site import SiteCalibration
from tests.bundles.tiny import SPACING_MM
from tests.predictor.test_load import site_of

MM = 0.6


class Oracle:
    """Find every landmark where it was drawn, but menton 3 mm too far down."""

    scheme, weights_sha256 = ISBI19, "ab" * 32

    def __init__(self, points_px: dict[str, np.ndarray], spacing_mm: float) -> None:
        self.points_px, self.spacing_mm = points_px, spacing_mm

    def __call__(self, film: str) -> Prediction:
        points_px = self.points_px[Path(film).stem].copy()
        points_px[ISBI19.index("Me"), 1] += 3 / self.spacing_mm
        spacing = (self.spacing_mm, self.spacing_mm)
        return Prediction(Path(film).name, ISBI19, points_px, np.full(19, 0.9), spacing, "user")


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clinic")
    write_phantoms(folder / "films", 4, seed=3, size=(323, 400), spacing_mm=MM)
    return folder


@pytest.fixture(autouse=True)
def oracle(clinic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = read_annotations(clinic / "films" / "points.csv").points_px

    def load(bundle: Any, spacing_mm: float, device: str, weights: Any, trust: bool) -> Oracle:
        return Oracle(truth, spacing_mm)

    monkeypatch.setattr(calibration, "load_predictor", load)


def calibrate(*arguments: object) -> int:
    return main(["calibrate", *map(str, arguments), "--spacing", str(MM)])


def test_planted_offset_is_printed_written_and_drawn(
    clinic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points, out = clinic / "films" / "points.csv", tmp_path / "new" / "site.json"
    assert calibrate(clinic / "films", points, "--output", out, "--figures", tmp_path / "plots") == 0
    said = capsys.readouterr().out
    [menton] = [line.split() for line in said.splitlines() if line.startswith("Me ")]
    assert float(menton[2]) == pytest.approx(-3, abs=0.5) and abs(float(menton[1])) < 0.5
    assert "4 films, weights abababababab, " in said and "95 % interval -0." in said
    assert f"'{out}' written; use it with: monai-ceph predict" in said
    site = SiteCalibration.read(out)
    assert np.linalg.norm(np.delete(site.shift_mm, ISBI19.index("Me"), 0), axis=1).max() < 0.01
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {"site_calibration.svg", "site_calibration.png"}


def test_clinic_that_marks_where_the_model_does_gets_no_file(
    clinic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    films = read_annotations(clinic / "films" / "points.csv").points_px
    rows = []
    for k, (film, points) in enumerate(films.items()):
        points = points + (-1) ** k / MM  # to and fro: what the others teach is wrong for each
        points[ISBI19.index("Me")] = np.nan
        rows.append(annotated(f"{film}.png", ISBI19, points))
    write_landmarks_csv(tmp_path / "same.csv", rows)
    assert calibrate(clinic / "films", tmp_path / "same.csv", "--output", tmp_path / "site.json") == 1
    assert "Held-out films become no better, so no site file was written" in capsys.readouterr().err
    assert not (tmp_path / "site.json").exists()


def test_films_without_annotation_are_named_and_too_few_refused(
    clinic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (clinic / "films" / "points.csv").read_text().splitlines()
    some, two = tmp_path / "some.csv", tmp_path / "two.csv"
    some.write_text("\n".join(line for line in lines if "phantom_003" not in line) + "\n")
    two.write_text("\n".join(line for line in lines if "phantom_003" not in line and "phantom_002" not in line) + "\n")
    assert calibrate(clinic / "films", some, "--output", tmp_path / "site.json") == 0
    assert "Note: " in (said := capsys.readouterr().out) and "phantom_003" in said
    assert calibrate(clinic / "films", two, "--output", tmp_path / "site.json") == 1
    assert "Expected at least 3 annotated films, got 2" in capsys.readouterr().err


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "landmarks.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_predictions_are_moved_and_every_output_names_the_file(
    tiny_bundle: Path, phantom_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film, options = phantom_films / "phantom_000.png", ("--bundle", tiny_bundle, "--spacing", SPACING_MM)
    options += ("--format", "csv,markups")

    def predict(*arguments: object) -> int:
        return main(["predict", *map(str, (film, *arguments, *options))])

    site_of(tiny_bundle).write(tmp_path / "clinic.json")
    plain = load_predictor(tiny_bundle, SPACING_MM, "cpu")(film).points_mm
    assert predict("--output", tmp_path / "moved", "--site", tmp_path / "clinic.json") == 0
    label = SiteCalibration.read(tmp_path / "clinic.json").label
    assert f"; points moved by {label}" in capsys.readouterr().out
    for before, after in zip(plain, rows(tmp_path / "moved"), strict=True):
        moved = np.hypot(float(after["x_mm"]) - before[0], float(after["y_mm"]) - before[1])
        assert moved == pytest.approx(3 * np.sqrt(2), abs=2e-3)
        assert after["site"] == label
    [markup] = json.loads((tmp_path / "moved" / f"{film.name}.mrk.json").read_text())["markups"]
    assert markup["film"]["site"] == label

    replaced = replace(SiteCalibration.read(tmp_path / "clinic.json"), date="2026-02-01")
    replaced.write(tmp_path / "clinic.json")
    assert predict("--output", tmp_path / "moved", "--site", tmp_path / "clinic.json") == 1
    assert f"other settings (site {label} then, clinic.json " in capsys.readouterr().err
    assert predict("--output", tmp_path / "moved") == 1
    assert f"other settings (site {label} then, none now)" in capsys.readouterr().err


def test_file_of_other_weights_stops_predict(
    tiny_bundle: Path, phantom_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replace(site_of(tiny_bundle), weights_sha256="cd" * 32).write(tmp_path / "site.json")
    options = ["--bundle", str(tiny_bundle), "--spacing", str(SPACING_MM), "--site", str(tmp_path / "site.json")]
    assert main(["predict", str(phantom_films), "--output", str(tmp_path / "out"), *options]) == 1
    assert "'site.json' was made with the weights cdcdcdcdcdcd, but this model has" in capsys.readouterr().err
