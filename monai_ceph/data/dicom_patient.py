"""Read the patient's name from a DICOM film, for who asks for it."""

from __future__ import annotations

from pathlib import Path

from monai_ceph.data.film_format import is_dicom


def patient_name(path: str | Path) -> str:
    """Return the patient's name in a film's file, "family, given"; empty if there is none or the file is not DICOM.

    Raises:
        OSError: the file cannot be opened.
    """
    import pydicom

    path = Path(path)
    if not is_dicom(path):
        return ""
    try:
        tags = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=["PatientName"])
        name = tags.get("PatientName")
        return "" if name is None else str(name.family_comma_given()).strip(" ,")
    except OSError:
        raise
    except Exception:  # pydicom raises whatever a damaged tag leads to
        return ""
