"""Write landmarks and measurements as a DICOM Structured Report that refers to their film.

The report follows TID 1500, "Measurement Report", in a Comprehensive SR. Each landmark is a measurement group of TID
1410 with a point in the film (or of TID 1501 where no point was found), with its status and expected error; each
analysis is a group of TID 1501. DICOM PS3.16 has a code for one of the landmarks, nasion (CID 1000, of the
Foundational Model of Anatomy); the others and the measurements have codes of the private scheme
:data:`CODING_SCHEME`.

Source: DICOM PS3.16, TID 300, 310, 1410, 1500 and 1501; PS3.3, C.18.6 "Spatial Coordinates Macro".
"""

from __future__ import annotations

import math
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from monai_ceph import __version__
from monai_ceph.analysis.measure import Measurements
from monai_ceph.atomic import atomic_path
from monai_ceph.data.film_format import FilmError
from monai_ceph.prediction import Prediction

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

CODING_SCHEME = "99MONAICEPH"
"""Codes are a landmark's symbol; an analysis and a measurement, as in ``Steiner/SNA``; and the names below."""
SERIES_DESCRIPTION = "Cephalometric landmarks and measurements, research only"
_REFERENCE = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
_MAY_BE_EMPTY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate"),
    *("StudyTime", "ReferringPhysicianName"),
)


def check_dicom_extra() -> None:
    """Raise ImportError if what a DICOM SR needs is not installed; the message names the extra."""
    try:
        import highdicom  # noqa: F401
    except ImportError as error:
        raise ImportError("A DICOM SR needs highdicom: pip install 'monai-ceph[dicom]'.") from error


def write_dicom_sr(path: str | Path, film: str | Path, prediction: Prediction, model: str) -> None:
    """Write the landmarks and measurements of a DICOM film as a DICOM SR, completely or not at all.

    Patient and study are those of the film, as DICOM demands: the file names the patient if the film does.

    Args:
        path: the file to write.
        film: the DICOM file of the film.
        prediction: its landmarks; measurements without a value are left out.
        model: what predicted the landmarks, in words.
    Raises:
        FilmError: the film does not say to which study and series it belongs; the message names what is missing.
        ImportError: highdicom is missing; the message names the extra.
        OSError: the file cannot be written.
    """
    check_dicom_extra()
    import highdicom

    evidence = _evidence(Path(film))
    report = highdicom.sr.ComprehensiveSR(
        evidence=[evidence],
        content=_content(evidence, prediction, model),
        series_instance_uid=highdicom.UID(),
        series_number=1,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="monai_ceph",
        manufacturer_model_name="monai_ceph",
        software_versions=__version__,
        device_serial_number="none",
        series_description=SERIES_DESCRIPTION,
        is_complete=True,
    )
    # Any letter can be written in UTF-8; highdicom takes over the film's own character set.
    report.SpecificCharacterSet = "ISO_IR 192"
    report.CodingSchemeIdentificationSequence = [_scheme_identification()]
    with atomic_path(path) as temporary:
        report.save_as(temporary, enforce_file_format=True)


def _evidence(film: Path) -> Dataset:
    """Return what a report needs to know of its film, without the pixels."""
    import pydicom

    try:
        dataset = pydicom.dcmread(film, stop_before_pixels=True, force=True)
        lacking = [name for name in _REFERENCE if not dataset.get(name)]
        for name in _MAY_BE_EMPTY:
            if name not in dataset:
                setattr(dataset, name, None if name.endswith(("Date", "Time")) else "")
    except OSError:
        raise
    except Exception as error:  # pydicom raises whatever a damaged tag leads to
        raise FilmError(f"{film}: its tags cannot be read ({error}); copy it again from its source.") from error
    if lacking:
        raise FilmError(
            f"{film}: a DICOM SR refers to its film by {', '.join(_REFERENCE)}, and this film lacks "
            f"{', '.join(lacking)}; export it again, or leave out --format dicom-sr."
        )
    return dataset


def _content(evidence: Dataset, prediction: Prediction, model: str) -> Any:
    from highdicom import UID, sr
    from pydicom.sr.codedict import codes

    device = sr.DeviceObserverIdentifyingAttributes(uid=UID(), name="monai_ceph", manufacturer_name="monai_ceph")
    observer = sr.ObserverContext(observer_type=codes.DCM.Device, observer_identifying_attributes=device)
    algorithm = sr.AlgorithmIdentification(
        "monai_ceph", __version__, parameters=[f"model: {model}", f"site file: {prediction.site or 'none'}"]
    )
    return sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=_code("cephalometric analysis", "Cephalometric analysis"),
        imaging_measurements=[
            *_landmark_groups(evidence, prediction, algorithm),
            *_analysis_groups(evidence, prediction.measurements(), algorithm),
        ],
        title=codes.DCM.ImagingMeasurementReport,
    )


def _landmark_groups(evidence: Dataset, prediction: Prediction, algorithm: Any) -> list[Any]:
    from highdicom import UID, sr
    from pydicom.sr.codedict import codes

    groups = []
    errors = prediction.expected_error_mm
    for k, (landmark, status) in enumerate(zip(prediction.scheme.landmarks, prediction.statuses, strict=True)):
        common: dict[str, Any] = {
            "algorithm_id": algorithm,
            "tracking_identifier": sr.TrackingIdentifier(uid=UID(), identifier=landmark.symbol),
            # A code of DICOM's own where it has one.
            "finding_type": codes.FMA.Nasion if landmark.symbol == "N" else _code(landmark.symbol, landmark.name),
            "qualitative_evaluations": [
                sr.QualitativeEvaluation(_code("status", "Status of the landmark"), _code(status, status))
            ],
        }
        x, y = (float(value) for value in prediction.points_px[k])
        if not (math.isfinite(x) and math.isfinite(y)):
            groups.append(sr.MeasurementsAndQualitativeEvaluations(**common))
            continue
        if errors is not None and math.isfinite(errors[k]):
            name = _code("expected error", "Expected error of the position")
            common["measurements"] = [sr.Measurement(name, round(float(errors[k]), 3), codes.UCUM.Millimeter)]
        region = sr.ImageRegion(
            graphic_type=sr.GraphicTypeValues.POINT,
            graphic_data=_image_point(x, y),
            source_image=sr.SourceImageForRegion.from_source_image(evidence),
        )
        groups.append(sr.PlanarROIMeasurementsAndQualitativeEvaluations(referenced_region=region, **common))
    return groups


def _image_point(x: float, y: float) -> Any:
    """Return (1, 2), (column, row): a point of the film in DICOM's image coordinates.

    There (0, 0) is the corner of the first pixel, whose centre is at (0.5, 0.5); in film pixels its centre is (0, 0).
    """
    return np.array([[x + 0.5, y + 0.5]])


def _analysis_groups(evidence: Dataset, measurements: Measurements, algorithm: Any) -> list[Any]:
    from highdicom import UID, sr
    from pydicom.sr.codedict import codes

    units = {"deg": codes.UCUM.Degree, "mm": codes.UCUM.Millimeter, "%": codes.UCUM.Percent}
    known = [k for k, value in enumerate(measurements.values.tolist()) if math.isfinite(value)]
    groups = []
    for analysis, members in groupby(known, key=lambda k: measurements.measurements[k].analysis):
        items = []
        for k in members:
            measurement, value = measurements.measurements[k], float(measurements.values[k])
            properties = None
            if math.isfinite(measurements.low90[k]):
                properties = sr.MeasurementProperties(
                    upper_measurement_uncertainty=round(float(measurements.high90[k]) - value, 3),
                    lower_measurement_uncertainty=round(value - float(measurements.low90[k]), 3),
                )
            name = _code(f"{analysis}/{measurement.name}", f"{analysis}: {measurement.name}")
            items.append(sr.Measurement(name, round(value, 3), units[measurement.unit], properties=properties))
        groups.append(
            sr.MeasurementsAndQualitativeEvaluations(
                tracking_identifier=sr.TrackingIdentifier(uid=UID(), identifier=analysis),
                algorithm_id=algorithm,
                measurements=items,
                source_images=[sr.SourceImageForMeasurementGroup.from_source_image(evidence)],
            )
        )
    return groups


def _code(value: str, meaning: str) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(value, CODING_SCHEME, meaning[:64])


def _scheme_identification() -> Dataset:
    from pydicom.dataset import Dataset as NewDataset

    scheme = NewDataset()
    scheme.CodingSchemeDesignator = CODING_SCHEME
    scheme.CodingSchemeName = "Landmarks and measurements of monai_ceph"
    scheme.CodingSchemeResponsibleOrganization = "monai_ceph"
    return scheme
