"""Choose among DICOM's pixel spacings.

Cephalometric distances, and the norms that they are compared with, are taken in the plane of the film or detector. Of
DICOM's tags, ImagerPixelSpacing and NominalScannedPixelSpacing are by definition in that plane. PixelSpacing is so only
as long as nobody calibrated it; where it differs from the others it holds for a plane inside the patient, corrected for
magnification (GEOMETRY) or by an object of known size (FIDUCIAL). So the detector's tag comes first, PixelSpacing
last, and ignored tags are named. A magnification factor is named, never applied.

Source: DICOM PS3.3, 10.7.1.3 "Pixel Spacing Calibration", C.8.11.4 "DX Detector", C.8.6.1 "SC Equipment and Image".
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

AT_THE_DETECTOR = ("ImagerPixelSpacing", "NominalScannedPixelSpacing")


def dicom_spacing(dataset: Dataset) -> tuple[tuple[float, float] | None, str]:
    """Return the pixel spacing at the detector and the tag that it comes from.

    Args:
        dataset: a film's tags.
    Returns:
        (along x, along y) in mm, or None if no tag holds two positive numbers; and ``"file: <tag>"``, with what was
        passed over in brackets, or ``"unknown"``.
    """
    calibration = str(_value(dataset, "PixelSpacingCalibrationType") or "").strip()
    for tag in (*AT_THE_DETECTOR, "PixelSpacing"):
        spacing = _spacing(dataset, tag)
        if spacing is None:
            continue
        notes = []
        if tag == "PixelSpacing":
            notes += [f"calibrated: {calibration}"] if calibration else []
        else:
            other = _spacing(dataset, "PixelSpacing")
            if other and not all(math.isclose(a, b, rel_tol=1e-4) for a, b in zip(spacing, other, strict=True)):
                kind = f" calibrated {calibration}" if calibration else ""
                notes.append(f"PixelSpacing {other[0]:g} x {other[1]:g} mm{kind} not used")
        factor = _number(_value(dataset, "EstimatedRadiographicMagnificationFactor"))
        if factor is not None:
            notes.append(f"EstimatedRadiographicMagnificationFactor {factor:g} not applied")
        return spacing, f"file: {tag}" + (f" ({'; '.join(notes)})" if notes else "")
    return None, "unknown"


def _spacing(dataset: Dataset, tag: str) -> tuple[float, float] | None:
    """Return (along x, along y); DICOM writes the distance between rows, which is along y, first."""
    value = _value(dataset, tag)
    if value is None or isinstance(value, (str, float, int)) or len(value) != 2:
        return None
    along_y, along_x = (_number(v) for v in value)
    if not along_x or not along_y:
        return None
    # 1 x 1 mm is what converters fill in when they do not know; no film is as coarse.
    return None if along_x == along_y == 1.0 else (along_x, along_y)


def _value(dataset: Dataset, tag: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's word on a badly written number; such a tag is passed over
        try:
            return dataset.get(tag)
        except (ValueError, TypeError, OverflowError):
            return None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < math.inf else None
