"""A real DICOMweb store for tests: Debian's Orthanc on a free port."""

from __future__ import annotations

import io
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
DX = "1.2.840.10008.5.1.4.1.1.1.1"
REPORT = "1.2.840.10008.5.1.4.1.1.88.11"


@dataclass
class Orthanc:
    """A running store; ``url`` is the address of its DICOMweb service."""

    rest: str
    process: subprocess.Popen[bytes]
    login: tuple[str, str] | None

    @property
    def url(self) -> str:
        return f"{self.rest}/dicom-web"

    def upload(self, dicom: bytes) -> None:
        import requests

        requests.post(f"{self.rest}/instances", data=dicom, auth=self.login, timeout=30).raise_for_status()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@contextmanager
def running_orthanc(folder: Path, login: tuple[str, str] | None = None) -> Iterator[Orthanc]:
    """Start Orthanc with its data in a folder and stop it afterwards; skip if it is not installed."""
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
    if program is None or not PLUGIN.exists():
        pytest.skip("no Orthanc with its DICOMweb plugin here; apt-get install orthanc orthanc-dicomweb")
    import requests

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings: dict[str, Any] = {
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "StorageDirectory": str(folder / "data"),
        "IndexDirectory": str(folder / "data"),
        "Plugins": [str(PLUGIN)],
        "AuthenticationEnabled": login is not None,
        "RegisteredUsers": dict([login] if login else []),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([program, str(folder / "orthanc.json")], stdout=log, stderr=log)
    orthanc = Orthanc(f"http://127.0.0.1:{port}", process, login)
    try:
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until:
            try:
                if requests.get(f"{orthanc.url}/series", auth=login, timeout=5).ok:
                    break
            except requests.RequestException:
                pass
            time.sleep(0.1)
        else:
            raise AssertionError(f"Orthanc did not start:\n{(folder / 'orthanc.log').read_text()[-3000:]}")
        yield orthanc
    finally:
        orthanc.stop()


def film_as_dicom(series: str, pixels: np.ndarray | None, spacing_mm: float = 0.6, **tags: Any) -> bytes:
    """Return a film as a DICOM digital X-ray, or a report if ``pixels`` is None.

    Args:
        series: its series' UID; those of the study and the instance are made from it.
        pixels: (X, Y) uint8.
        spacing_mm: at the detector.
        tags: more of them, or others.
    """
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = REPORT if pixels is None else DX
    meta.MediaStorageSOPInstanceUID = tags.get("SOPInstanceUID", f"{series}.1")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film = FileDataset("film", {}, file_meta=meta, preamble=b"\0" * 128)
    film.is_little_endian, film.is_implicit_VR = True, False
    film.SOPClassUID, film.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    film.StudyInstanceUID, film.SeriesInstanceUID = f"{series}.9", series
    film.PatientID = film.PatientName = "PHANTOM"
    film.Modality, film.InstanceNumber = "DX", 1
    if pixels is not None:
        film.Columns, film.Rows = pixels.shape
        film.SamplesPerPixel, film.PhotometricInterpretation = 1, "MONOCHROME2"
        film.BitsAllocated = film.BitsStored = 8
        film.HighBit, film.PixelRepresentation = 7, 0
        film.ImagerPixelSpacing = [spacing_mm, spacing_mm]
        film.PixelData = np.ascontiguousarray(pixels.T).tobytes()
    for tag, value in tags.items():
        setattr(film, tag, value)
    content = io.BytesIO()
    film.save_as(content, write_like_original=False)
    return content.getvalue()
