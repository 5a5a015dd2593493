"""The files that are written for each film, by format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monai_ceph.data.dicom_patient import patient_name
from monai_ceph.data.film_format import is_dicom
from monai_ceph.data.film_workers import read_film_apart, viewer_frame_apart
from monai_ceph.film_names import OVERLAY_SUFFIX, REPORT_SUFFIXES, SR_SUFFIX
from monai_ceph.formats.markups import markups_name, write_markups
from monai_ceph.predictor.films import FilmResult

NAMED_REPORT = "report with name"
"""The format of a report that names the patient, and how it is recorded."""


@dataclass(frozen=True)
class ResultFolder:
    """Hold what is written, and where.

    Args:
        path: the folder, for ``landmarks.csv``, ``measurements.csv`` and each film's own files.
        formats: which of ``csv``, ``markups``, ``overlay``, ``measurements``, ``report``, :data:`NAMED_REPORT` and
            ``dicom-sr``.
        model: which model predicts, in words, for reports and DICOM SR.
    Raises:
        ImportError: the extra that a format needs is not installed; the message names it.

    >>> [path.name for path in ResultFolder(Path("out"), ("csv", "overlay")).files(Path("film.png"))["overlay"]]
    ['film.png.overlay.png']
    """

    path: Path
    formats: Sequence[str]
    model: str = ""

    def __post_init__(self) -> None:
        if {"report", NAMED_REPORT} & set(self.formats):
            from monai_ceph.plots.film_report import check_report_extra

            check_report_extra()
        if "dicom-sr" in self.formats:
            from monai_ceph.writers.dicom_sr import check_dicom_extra

            check_dicom_extra()

    def files(self, film: Path) -> dict[str, list[Path]]:
        """Return the files that belong to one film, by format."""
        report = [f"{film.name}{suffix}" for suffix in REPORT_SUFFIXES]
        names = {
            "markups": [markups_name(film.name)],
            "overlay": [f"{film.name}{OVERLAY_SUFFIX}"],
            "report": report,
            NAMED_REPORT: report,
        }
        if "dicom-sr" in self.formats and is_dicom(film):
            names["dicom-sr"] = [f"{film.name}{SR_SUFFIX}"]
        return {kind: [self.path / name for name in of_kind] for kind, of_kind in names.items() if kind in self.formats}

    def write(self, result: FilmResult) -> None:
        """Write one film's own files, if it was predicted.

        Raises:
            OSError: a file cannot be written.
        """
        if result.prediction is None:
            return

        def pixels() -> np.ndarray:
            return read_film_apart(result.film)[0] if result.pixels is None else result.pixels

        for kind, paths in self.files(result.film).items():
            if kind == "markups":
                write_markups(paths[0], result.prediction, viewer_frame_apart(result.film))
            elif kind == "overlay":
                from monai_ceph.writers.overlay import write_overlay

                write_overlay(paths[0], pixels(), result.prediction)
            elif kind == "dicom-sr":
                from monai_ceph.writers.dicom_sr import write_dicom_sr

                write_dicom_sr(paths[0], result.film, result.prediction, self.model)
            else:
                from monai_ceph.plots.film_report import write_film_report
                from monai_ceph.writers.film_report import film_report

                film = pixels()
                patient = (patient_name(result.film) or "no name in the file") if kind == NAMED_REPORT else ""
                report = film_report(result.prediction, (film.shape[0], film.shape[1]), self.model, patient)
                write_film_report(paths[0], paths[1], film, report)
