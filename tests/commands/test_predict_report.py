"""``monai-ceph predict --format report`` as a user calls it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_ceph.cli import main
from tests.bundles.tiny import SPACING_MM
from tests.data.film_files import write_dicom


def predict(*arguments: object) -> int:
    return main(["predict", *map(str, arguments)])


def test_report_of_a_dicom_film_names_the_patient_only_on_request(
    tiny_bundle: Path, phantom_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.asarray(Image.open(min(phantom_films.glob("*.png"))))
    folder = tmp_path / "films"
    folder.mkdir()
    film = write_dicom(
        folder / "a<b>.dcm", pixels, PatientName="Quixote^Dulcinea", ImagerPixelSpacing=[SPACING_MM, SPACING_MM]
    )
    pdf, html = (folder / f"{film.name}{suffix}" for suffix in (".report.pdf", ".report.html"))
    arguments = (folder, "--output", folder, "--bundle", tiny_bundle, "--format", "report")

    assert predict(*arguments) == 0
    assert sorted(path.name for path in folder.iterdir()) == [".monai_ceph", film.name, html.name, pdf.name]
    page = html.read_text(encoding="utf-8")
    for part in ("a&lt;b&gt;.dcm, 323", "0.6 mm (file: ImagerPixelSpacing)", "tiny bundle 0.", "weights "):
        assert part in page
    assert "Quixote" not in page and "Dulcinea" not in page

    # Done, and its files are no films; a report that lacks the name is not the one that is asked for now.
    before = pdf.stat().st_mtime_ns
    assert predict(*arguments) == 0
    assert "1 of 1 films done" in capsys.readouterr().out and pdf.stat().st_mtime_ns == before
    pdf.unlink()
    assert predict(*arguments, "--name-from-dicom") == 0
    assert pdf.exists() and "Quixote, Dulcinea" in html.read_text(encoding="utf-8")
    assert predict(*arguments) == 0
    assert "Quixote" not in html.read_text(encoding="utf-8")


def test_report_without_its_extra_is_refused_before_any_work(
    phantom_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert predict(phantom_films, "--output", tmp_path / "out", "--format", "report") == 1
    assert "A report needs jinja2; install it with: pip install 'monai-ceph[report]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
