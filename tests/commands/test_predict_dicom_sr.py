"""``monai-ceph predict --format dicom-sr`` as a user calls it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from monai_ceph.cli import main
from tests.bundles.tiny import SPACING_MM
from tests.data.film_files import write_dicom


def test_dicom_films_have_a_report_and_others_are_named(
    tiny_bundle: Path, phantom_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("highdicom", reason="no highdicom: it wants pydicom 3; install the extra 'dicom'")
    folder = tmp_path / "films"
    folder.mkdir()
    png = min(phantom_films.glob("*.png"))
    shutil.copy(png, folder / "b.png")
    tags = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.1"}
    write_dicom(folder / "a.dcm", np.asarray(Image.open(png)), **tags)
    arguments = [folder, "--output", folder, "--bundle", tiny_bundle, "--format", "dicom-sr", "--spacing", SPACING_MM]
    for _ in range(2):  # again: the report is no film
        assert main(["predict", *map(str, arguments)]) == 0
        said = capsys.readouterr()
        assert "no DICOM SR for b.png: it refers to a DICOM film, and these are none" in said.err
        assert "2 of 2 films done" in said.out
    assert sorted(path.name for path in folder.iterdir()) == [".monai_ceph", "a.dcm", "a.dcm.sr.dcm", "b.png"]
    assert pydicom.dcmread(folder / "a.dcm.sr.dcm").StudyInstanceUID == "1.2.3"


def test_missing_extra_is_reported_before_any_work(
    phantom_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "highdicom", None)
    assert main(["predict", str(phantom_films), "--output", str(tmp_path / "out"), "--format", "dicom-sr"]) == 1
    assert "A DICOM SR needs highdicom: pip install 'monai-ceph[dicom]'." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
