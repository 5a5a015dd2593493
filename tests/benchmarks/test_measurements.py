"""The table of measurements holds what ``monai-ceph evaluate`` says of observers and of predictions."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import measurements, shipped
from benchmarks.report_results import read_results
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.formats.measurement_table import measurements_csv_text
from monai_ceph.landmarks import ISBI19
from monai_ceph.phantoms import write_phantoms
from monai_ceph.prediction import annotated


def test_rows_are_those_of_evaluations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = tmp_path / "drawn"
    write_phantoms(drawn, 3, seed=0, size=(323, 400), spacing_mm=0.6, observer_sd_mm=1.0)
    for who, name in (("senior", "points.csv"), ("junior", "observer_b.csv")):
        shutil.copy(drawn / name, tmp_path / f"train_{who}.csv")
    references = [drawn / "points.csv", drawn / "observer_b.csv"]
    sets = [shipped.FilmSet(name, [drawn], references, 0.6) for name in ("isbi2015_validation", "hamedan")]
    monkeypatch.setattr(measurements, "film_sets", lambda *_: iter(sets))
    monkeypatch.setattr(measurements, "RESULTS", tmp_path / "results.csv")

    def run(_: str, *arguments: object) -> None:  # in place of a prediction: the second observer's points
        output = Path(str(arguments[arguments.index("--output") + 1]))
        shutil.copy(references[1], output / "landmarks.csv")
        points = read_annotations(references[1]).points_px
        # An error that is as large as a measurement's unit, so that some intervals hold the reference and some do not.
        covariance = np.tile(0.2 * np.eye(2), (19, 1, 1))
        measured = [
            replace(annotated(f"{film}.png", ISBI19, px), spacing_mm=(0.6, 0.6), covariance_mm2=covariance)
            for film, px in points.items()
        ]
        (output / "measurements.csv").write_text(measurements_csv_text(measured), encoding="utf-8")

    monkeypatch.setattr(measurements, "run", run)
    assert measurements.main(["--isbi2015", str(tmp_path), "--hamedan", str(tmp_path)]) == 0
    rows = read_results(tmp_path / "results.csv").rows
    kinds = {(row["films"], row["compared"]) for row in rows}
    paper, default = (bundle.name for bundle in shipped.BUNDLES)
    assert kinds == {
        *((films, "observers") for films in ("isbi2015", "isbi2015_validation", "hamedan")),
        *(("isbi2015_validation", paper), ("hamedan", paper), ("hamedan", default)),
    }
    sna = {(row["films"], row["compared"]): row for row in rows if row["analysis"] == "Steiner"}
    # A model that repeats one of two observers is half as far from their mean as the other.
    halves = float(sna["hamedan", default]["mae"]), float(sna["hamedan", "observers"]["mae"])
    assert halves[0] == pytest.approx(halves[1] / 2, rel=0.05)
    assert {row["n"] for row in rows} == {"3"}
    shares = {row["inside90_percent"] for row in rows if row["compared"] == default}
    assert shares <= {"0.0", "33.3", "66.7", "100.0"} and len(shares) > 1
    assert {row["inside90_percent"] for row in rows if row["compared"] == "observers"} == {""}
