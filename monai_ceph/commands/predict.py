"""``monai-ceph predict``: find the landmarks of films and write them to files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph import __version__
from monai_ceph.atomic import make_folder
from monai_ceph.data.dicom_patient import patient_name
from monai_ceph.data.film_format import FilmError, is_dicom
from monai_ceph.data.film_search import RESULT, search_films
from monai_ceph.data.film_workers import FilmCrashError, FilmWorkers, read_film_apart, viewer_frame_apart
from monai_ceph.film_names import OVERLAY_SUFFIX, REPORT_SUFFIXES, SR_SUFFIX
from monai_ceph.film_records import RecordError
from monai_ceph.formats.markups import markups_name, write_markups
from monai_ceph.landmarks import get_scheme
from monai_ceph.predictor.at_site import SitePredictor
from monai_ceph.predictor.bundle import bundle_config, digest, model_text, root_cause, weights_file
from monai_ceph.predictor.films import FilmResult, predict_films, submit
from monai_ceph.predictor.predictor import Predictor
from monai_ceph.predictor.ranks import Ranks, ranks
from monai_ceph.predictor.threads import single_thread_workers, worker_count
from monai_ceph.predictor.torch_predictor import load_torch_predictor
from monai_ceph.site.calibration import SiteCalibration
from monai_ceph.wording import count, named
from monai_ceph.writers.prediction_records import PredictionRecords
from monai_ceph.writers.remarks import film_remarks

NAMED_REPORT = "report with name"
"""How a report that names the patient is recorded."""
POINTS_TO_CHECK = 5
"""How many points are named at the end of a run, those with the largest expected errors."""


def run(
    films: Sequence[Path],
    output: Path,
    *,
    spacing_mm: float | None = None,
    bundle: Path | None = None,
    device: str = "auto",
    formats: Sequence[str] = ("csv", "markups", "overlay"),
    overwrite: bool = False,
    backend: str = "torch",
    scheme: str | None = None,
    name_from_dicom: bool = False,
    site: Path | None = None,
    load: Callable[[Path | None, float | None, str], Predictor] = load_torch_predictor,
) -> int:
    """Find the landmarks of films and write them.

    Films that were already done in this folder with these settings are skipped, so an interrupted run can be continued
    by the same call. Under ``torchrun``, the processes share the films.

    Args:
        films: files and folders.
        output: folder for ``landmarks.csv``, ``measurements.csv``, ``<film>.mrk.json``, ``<film>.overlay.png``,
            ``<film>.report.pdf``, ``<film>.report.html`` and ``<film>.sr.dcm``; made if needed.
        spacing_mm: size of a film pixel; takes precedence over the one in the file.
        bundle: the bundle's folder, or anything that ``load`` takes; None is the shipped one.
        device: ``"auto"``, ``"cpu"``, ``"cuda:0"``.
        formats: which of ``csv``, ``markups``, ``overlay``, ``measurements``, ``report``,
            ``dicom-sr`` to write.
        overwrite: predict films again that were already done.
        scheme: name or file of the landmark scheme that the weights were trained with; None is the bundle's.
        name_from_dicom: write the patient's name in a DICOM film on its report.
        site: a site file, which moves the points to where a clinic marks them; None moves none.
        backend: what runs the networks; results of different backends are not mixed.
        load: makes the predictor from bundle, spacing and device; not called if all films were already done.
    Returns:
        The number of films that failed; each is named on standard error.
    Raises:
        ValueError, OSError, ImportError: nothing can be done at all, or a result cannot be written; the message says
            why.
    """
    if "report" in formats:
        from monai_ceph.plots.film_report import check_report_extra

        check_report_extra()
    if "dicom-sr" in formats:
        from monai_ceph.writers.dicom_sr import check_dicom_extra

        check_dicom_extra()
    if name_from_dicom:  # reports without the name, which a record may tell of, are not those
        formats = [NAMED_REPORT if name == "report" else name for name in formats]
    calibration = None if site is None else SiteCalibration.read(site)
    all_films, passed_over = search_films(films)
    _refuse_same_names(all_films)
    make_folder(output)
    given = {} if scheme is None else {"scheme": scheme}
    settings = _settings(bundle, spacing_mm, backend, scheme, calibration)
    model = model_text(bundle) if set(formats) & {"report", NAMED_REPORT, "dicom-sr"} else ""
    write = partial(_write, output, formats, model)

    def loaded() -> Predictor:
        predictor = load(bundle, spacing_mm, device, **given)
        return predictor if calibration is None else SitePredictor(predictor, calibration)

    with ranks() as process:
        if process.rank > 0:
            process.wait()
        with closing(PredictionRecords(output, settings, process.rank, fresh=overwrite)) as records:
            if process.rank == 0:
                process.wait()
            mine, refused = _films_to_predict(process.share(all_films), output, formats, records)
            try:
                failed = _predict(loaded, mine, write, formats, records, process)
            except BaseException:  # also Ctrl-C
                if process.count == 1:
                    _write_table(records, output, all_films, formats)
                raise
            failed, tried = process.sum(failed + refused, len(mine) + refused)
            if process.rank == 0:
                _write_table(records, output, all_films, formats)
                _name_passed_over(passed_over)
                if "dicom-sr" in formats and (others := [film.name for film in all_films if not is_dicom(film)]):
                    _say(f"no DICOM SR for {named(others)}: it refers to a DICOM film, and these are none")
                before = len(all_films) - tried
                note = f", {before} of them before (--overwrite does them again)" if before else ""
                moved = "" if calibration is None else f"; points moved by {calibration.label}"
                print(f"{len(all_films) - failed} of {len(all_films)} films done, in {output}{note}{moved}")
                _name_points_to_check(records.largest_errors(all_films, POINTS_TO_CHECK))
            process.wait()
    return failed


def _refuse_same_names(films: Sequence[Path]) -> None:
    seen: dict[str, Path] = {}
    for film in films:
        if film.name in seen:
            raise ValueError(
                f"'{film}' and '{seen[film.name]}' have one file name, and results go by it; predict them separately."
            )
        seen[film.name] = film


def _settings(
    bundle: Path | None,
    spacing_mm: float | None,
    backend: str,
    scheme: str | None,
    site: SiteCalibration | None,
) -> dict[str, str]:
    """Return the settings that a film's results depend on, so that results of other settings are kept apart.

    The device is not one of them: a run may continue on another device, in its precision.
    """
    weights = weights_file(bundle)
    if weights == bundle:  # an exported model is both
        configs = [weights]
    else:
        config = bundle_config(bundle)
        # Files that it refers to: the face shape, the status rule, the uncertainty.
        beside = ("face_shape.json", "landmark_status.json", "uncertainty.json")
        configs = [config, *map(config.with_name, beside)]

    return {
        "version": __version__,
        "bundle": digest(*configs),
        "weights": digest(weights),
        "backend": backend,
        "spacing": "the file's" if spacing_mm is None else f"{spacing_mm:g} mm",
        **({} if scheme is None else {"scheme": " ".join(get_scheme(scheme).symbols)}),
        "site": "none" if site is None else site.label,
    }


def _films_to_predict(
    films: Sequence[Path], output: Path, formats: Sequence[str], records: PredictionRecords
) -> tuple[list[Path], int]:
    """Return the films to predict and the number of failed ones; repeat the remarks on films that are done."""
    to_predict, refused = [], 0
    for film in films:
        try:
            record = records.find(film, formats, chain(*_results(output, film, formats).values()))
        except FilmError as error:
            refused += 1
            _say(str(error))
            continue
        except RecordError as error:
            record = None
            _say(f"{error} {film.name} is predicted again.")
        if record is None:
            to_predict.append(film)
        else:
            _say_of(film, record.remarks)
    return to_predict, refused


def _predict(
    load: Callable[[], Predictor],
    films: Sequence[Path],
    write: Callable[[FilmResult], None],
    formats: Sequence[str],
    records: PredictionRecords,
    process: Ranks,
) -> int:
    """Predict films, write each while others are predicted, and return how many failed."""
    if not films:
        return 0
    failed, workers = 0, worker_count()
    unsure = 0
    bar = _bar(len(films)) if process.rank == 0 else None
    # The first process starts while the networks are loaded.
    with FilmWorkers(workers) as film_workers, film_workers.used_by_this_process():
        predictor = load()
        with single_thread_workers(workers) as writers, closing(predict_films(predictor, films)) as results:
            for result, writing in submit(predictor)(writers, write, results, workers):
                error, prediction = result.error or writing.exception(), result.prediction
                if error is None and prediction is not None:
                    remarks = film_remarks(prediction, predictor.low_confidence)
                    records.add(result.film, result.identity, prediction, formats, remarks)
                    unsure += bool(prediction.doubts)
                    _say_of(result.film, remarks)
                elif isinstance(error, OSError) and error is not result.error:
                    raise error  # the output folder cannot be written, so all other films would fail as well
                else:  # one bad film, of whatever kind, never stops a batch
                    failed += 1
                    _say(replace(result, error=error).message)
                    if isinstance(cause := root_cause(error), FilmCrashError):
                        records.add_crash(result.film, cause)
                if bar is not None:
                    bar.update()
    if bar is not None:
        bar.close()
    if unsure and len(films) > 1:
        _say(f"{count(unsure, 'film')} of {len(films)} in doubt, named above")
    return failed


def _say(text: str) -> None:
    print(f"monai-ceph predict: {text}", file=sys.stderr)


def _say_of(film: Path, remarks: Sequence[str]) -> None:
    for remark in remarks:
        _say(f"{film.name}: {remark}")


def _name_passed_over(paths: Sequence[tuple[Path, str]]) -> None:
    """Print which files and folders were not predicted, by reason."""
    reasons: dict[str, list[str]] = {}
    for path, reason in paths:
        if reason != RESULT:
            name = os.fsencode(path.name).decode(errors="backslashreplace")
            reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        print(f"passed over, {reason}: {', '.join(names)}")


def _name_points_to_check(points: Sequence[tuple[str, str, float]]) -> None:
    """Print the points with the largest expected errors, (film, landmark, mm), by film."""
    by_film: dict[str, list[str]] = {}
    for film, symbol, error_mm in points:
        by_film.setdefault(film, []).append(f"{symbol} {error_mm:.1f} mm")
    if by_film:
        named = "; ".join(f"{film}: {', '.join(symbols)}" for film, symbols in by_film.items())
        print(f"check these first (expected error): {named}")


def _write(output: Path, formats: Sequence[str], model: str, result: FilmResult) -> None:
    if result.prediction is None:
        return

    def pixels() -> np.ndarray:
        return read_film_apart(result.film)[0] if result.pixels is None else result.pixels

    for kind, paths in _results(output, result.film, formats).items():
        if kind == "markups":
            write_markups(paths[0], result.prediction, viewer_frame_apart(result.film))
        elif kind == "overlay":
            from monai_ceph.writers.overlay import write_overlay

            write_overlay(paths[0], pixels(), result.prediction)
        elif kind == "dicom-sr":
            from monai_ceph.writers.dicom_sr import write_dicom_sr

            write_dicom_sr(paths[0], result.film, result.prediction, model)
        else:
            from monai_ceph.plots.film_report import write_film_report
            from monai_ceph.writers.film_report import film_report

            (pdf, html), film = paths, pixels()
            patient = (patient_name(result.film) or "no name in the file") if kind == NAMED_REPORT else ""
            size = (film.shape[0], film.shape[1])
            report = film_report(result.prediction, size, model, patient)
            write_film_report(pdf, html, film, report)


def _results(output: Path, film: Path, formats: Sequence[str]) -> dict[str, list[Path]]:
    """Return the files that belong to one film, by format."""
    report = [f"{film.name}{suffix}" for suffix in REPORT_SUFFIXES]
    names = {
        "markups": [markups_name(film.name)],
        "overlay": [f"{film.name}{OVERLAY_SUFFIX}"],
        "report": report,
        NAMED_REPORT: report,
    }
    if "dicom-sr" in formats and is_dicom(film):
        names["dicom-sr"] = [f"{film.name}{SR_SUFFIX}"]
    return {kind: [output / name for name in files] for kind, files in names.items() if kind in formats}


def _write_table(records: PredictionRecords, output: Path, films: Sequence[Path], formats: Sequence[str]) -> None:
    for kind, name, write in (
        ("csv", "landmarks.csv", records.write_table),
        ("measurements", "measurements.csv", records.write_measurements),
    ):
        table = output / name
        if kind not in formats:
            continue
        if kept := records.keep_changed_table(table):
            _say(f"'{table}' was edited or damaged since it was written; it is kept as '{kept.name}' and written anew")
        if not write(table, films) and table.exists():
            print(f"monai-ceph predict: no film was done: '{table}' is of an earlier run.", file=sys.stderr)


def _bar(total: int) -> Any:
    """Return a progress bar, or None if standard error is not a terminal."""
    if total < 2 or not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=total, unit="film")
