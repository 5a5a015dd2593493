"""The DICOM SR of a film: read back by pydicom, and judged by other programs where they are installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from monai_ceph.data.film_format import FilmError
from monai_ceph.landmarks import ISBI19
from monai_ceph.prediction import Prediction
from monai_ceph.writers.dicom_sr import write_dicom_sr
from tests.data.film_files import picture, write_dicom
from tests.reports import POINTS_PX, prediction

pytest.importorskip("highdicom", reason="no highdicom: it wants pydicom 3; install the extra 'dicom'")

FILM_TAGS = {
    "StudyInstanceUID": "1.2.3",
    "SeriesInstanceUID": "1.2.3.1",
    "PatientName": "Müller^Jörg",
    "PatientID": "7",
    "SpecificCharacterSet": "ISO_IR 100",
}
MODEL = "a bundle 0.1.0, weights 0123456789ab (SHA-256, first 12 digits)"


def known(without: str = "") -> Prediction:
    covariance = np.tile(np.eye(2), (19, 1, 1))
    errors = np.linspace(0.5, 1.4, 19)
    status = ["missing" if symbol in without.split() else "found" for symbol in ISBI19.symbols]
    status[3] = "doubtful"
    return prediction(
        without,
        expected_error_mm=errors,
        radius90_mm=2 * errors,
        covariance_mm2=covariance,
        status=tuple(status),
        site="clinic.json 0123",
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sr")
    film = write_dicom(folder / "film.dcm", picture(), **FILM_TAGS)
    write_dicom_sr(folder / "film.sr.dcm", film, known(without="Go"), MODEL)
    return folder / "film.sr.dcm"


def meaning(item: Dataset) -> str:
    return item.ConceptNameCodeSequence[0].CodeMeaning


def groups(report: Dataset) -> Iterator[dict[str, list[Dataset]]]:
    """The measurement groups of a report, each as its items by the meaning of their names."""
    [container] = [item for item in report.ContentSequence if meaning(item) == "Imaging Measurements"]
    for group in container.ContentSequence:
        items: dict[str, list[Dataset]] = {}
        for item in group.ContentSequence:
            items.setdefault(meaning(item), []).append(item)
        yield items


def by_name(report: Dataset) -> dict[str, dict[str, list[Dataset]]]:
    return {group["Tracking Identifier"][0].TextValue: group for group in groups(report)}


def test_points_are_read_back_in_image_coordinates(written: Path) -> None:
    found = by_name(pydicom.dcmread(written))
    for symbol, (x, y) in zip(ISBI19.symbols, POINTS_PX, strict=True):
        if symbol != "Go":
            [region] = found[symbol]["Image Region"]
            assert (region.ValueType, region.GraphicType) == ("SCOORD", "POINT")
            # The centre of the first pixel is (0.5, 0.5) here and (0, 0) in film pixels.
            assert list(region.GraphicData) == pytest.approx([x + 0.5, y + 0.5], rel=1e-6)
            assert region.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3.4"


def test_image_coordinates_are_those_of_highdicom(tmp_path: Path) -> None:
    from highdicom.spatial import PixelToReferenceTransformer, ReferenceToImageTransformer

    # Where a pixel lies is said by its index and by image coordinates: both have to be the same place.
    plane = ([10.0, 20.0, 30.0], [1.0, 0.0, 0.0, 0.0, 1.0, 0.0], [0.5, 0.25])
    place = PixelToReferenceTransformer(*plane)(np.array([[7, 3]]))
    expected = ReferenceToImageTransformer(*plane)(place)[0, :2]
    film = write_dicom(tmp_path / "film.dcm", picture(), **FILM_TAGS)
    points_px = POINTS_PX.copy()
    points_px[0] = [7, 3]
    write_dicom_sr(tmp_path / "sr.dcm", film, prediction(points_px=points_px), MODEL)
    [region] = by_name(pydicom.dcmread(tmp_path / "sr.dcm"))["S"]["Image Region"]
    np.testing.assert_allclose(list(region.GraphicData), expected)


def test_landmarks_have_codes_status_and_expected_error(written: Path) -> None:
    found = by_name(pydicom.dcmread(written))

    def code(symbol: str, name: str) -> tuple[str, str, str]:
        concept = found[symbol][name][0].ConceptCodeSequence[0]
        return concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning

    assert code("N", "Finding") == ("264779", "FMA", "Nasion")
    assert code("Pog'", "Finding") == ("Pog'", "99MONAICEPH", "soft tissue pogonion")
    assert code("Po", "Status of the landmark") == ("doubtful", "99MONAICEPH", "doubtful")
    [error] = found["S"]["Expected error of the position"]
    assert float(error.MeasuredValueSequence[0].NumericValue) == 0.5
    assert error.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue == "mm"
    assert found["Po"]["Algorithm Name"][0].TextValue == "monai_ceph"
    said = [item.TextValue for item in found["Po"]["Algorithm Parameters"]]
    assert said == [f"model: {MODEL}", "site file: clinic.json 0123"]
    # Not found: its status is said, and no place.
    assert code("Go", "Status of the landmark")[0] == "missing" and "Image Region" not in found["Go"]


def test_measurements_have_values_units_and_intervals(written: Path) -> None:
    face = known(without="Go").measurements()
    found = by_name(pydicom.dcmread(written))
    read = 0
    for k, one in enumerate(face.measurements):
        name = f"{one.analysis}: {one.name}"
        if np.isnan(face.values[k]):
            assert name not in found.get(one.analysis, {})
            continue
        [item] = found[one.analysis][name]
        [value] = item.MeasuredValueSequence
        assert float(value.NumericValue) == pytest.approx(face.values[k], abs=1e-3)
        assert value.MeasurementUnitsCodeSequence[0].CodeValue == one.unit
        margins = [float(inner.MeasuredValueSequence[0].NumericValue) for inner in item.ContentSequence[:2]]
        assert margins == pytest.approx([face.high90[k] - face.values[k]] * 2, abs=1e-3)
        read += 1
    assert read > 20


def test_patient_and_study_are_those_of_the_film(written: Path) -> None:
    report = pydicom.dcmread(written)
    assert (str(report.PatientName), report.PatientID) == ("Müller^Jörg", "7")
    assert report.StudyInstanceUID == "1.2.3" and report.SeriesInstanceUID != "1.2.3.1"
    assert (report.SpecificCharacterSet, report.Modality) == ("ISO_IR 192", "SR")
    assert (report.CompletionFlag, report.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    [study] = report.CurrentRequestedProcedureEvidenceSequence
    assert study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3.4"


def test_film_without_study_is_refused(tmp_path: Path) -> None:
    film = write_dicom(tmp_path / "film.dcm", picture(), SeriesInstanceUID="1.2")
    with pytest.raises(FilmError, match=r"film.dcm: a DICOM SR refers to .* this film lacks StudyInstanceUID;"):
        write_dicom_sr(tmp_path / "sr.dcm", film, prediction(), MODEL)
    assert [path.name for path in tmp_path.iterdir()] == ["film.dcm"]


def test_dsrdump_reads_the_report(written: Path) -> None:
    if shutil.which("dsrdump") is None:
        pytest.skip("no dsrdump: install dcmtk")
    ran = subprocess.run(["dsrdump", str(written)], capture_output=True, text=True, errors="replace")
    # It only warns that it does not check letters in UTF-8.
    assert ran.returncode == 0 and [line for line in ran.stderr.splitlines() if not line.startswith("W: ")] == []
    assert ran.stdout.startswith("Comprehensive SR Document")
    assert ran.stdout.count("=(POINT,") == 18


def test_dciodvfy_finds_no_error(written: Path) -> None:
    if shutil.which("dciodvfy") is None:
        pytest.skip("no dciodvfy: install dicom3tools")
    ran = subprocess.run(["dciodvfy", str(written)], capture_output=True, text=True, errors="replace")
    lines = (ran.stdout + ran.stderr).splitlines()
    assert [line for line in lines if line.startswith("Error")] == []
    assert "ComprehensiveSR" in lines
