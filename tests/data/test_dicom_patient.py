from __future__ import annotations

from pathlib import Path

from PIL import Image

from monai_ceph.data.dicom_patient import patient_name
from tests.data.film_files import picture, write_dicom


def test_name_is_written_as_people_do(tmp_path: Path) -> None:
    film = write_dicom(tmp_path / "a.dcm", picture(), PatientName="Doe^Jane Ann")
    assert patient_name(film) == "Doe, Jane Ann"


def test_family_name_alone(tmp_path: Path) -> None:
    assert patient_name(write_dicom(tmp_path / "a.dcm", picture(), PatientName="DOE")) == "DOE"


def test_film_without_a_name_has_none(tmp_path: Path) -> None:
    assert patient_name(write_dicom(tmp_path / "a.dcm", picture())) == ""
    assert patient_name(write_dicom(tmp_path / "b.dcm", picture(), PatientName="")) == ""
    Image.effect_noise((20, 30), 50).save(tmp_path / "c.png")
    assert patient_name(tmp_path / "c.png") == ""


def test_damaged_file_has_no_name(tmp_path: Path) -> None:
    film = write_dicom(tmp_path / "a.dcm", picture(), PatientName="Doe^Jane")
    film.write_bytes(film.read_bytes()[:150])
    assert patient_name(film) == ""
