"""Find the landmarks on films and write them as a table, Slicer markups and pictures. A film that fails is reported on
standard error, the other films are still predicted, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from monai_ceph.commands.options import add_predictor

if TYPE_CHECKING:
    from monai_ceph.predictor.predictor import Predictor

DEFAULT_FORMATS = ("csv", "markups", "overlay")
FORMATS = (*DEFAULT_FORMATS, "measurements", "report", "dicom-sr")
BACKENDS = ("torch", "onnx")

HELP = "find the landmarks on films"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("films", nargs="+", type=Path, metavar="FILM|FOLDER", help="film files, or folders of films")
    parser.add_argument(
        "--output", required=True, type=Path, metavar="DIR", help="folder to write to, created if needed"
    )
    add_predictor(parser, "bundle to predict with (default: the shipped one)")
    parser.add_argument(
        "--scheme",
        help="landmark scheme that the weights were trained with: a name or a .json file (default: the bundle's)",
    )
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        default="torch",
        help="library that runs the networks; onnx uses the bundle's models/model.onnx, or an .onnx file given as "
        "--bundle (default: torch)",
    )
    parser.add_argument(
        "--site",
        type=Path,
        metavar="FILE",
        help="site file of monai-ceph calibrate, which moves the points to where a clinic marks them",
    )
    parser.add_argument(
        "--format",
        type=_formats,
        default=DEFAULT_FORMATS,
        metavar=",".join(FORMATS),
        help="formats to write, separated by commas; measurements is a table of angles, lengths and ratios with norms; "
        "report is a PDF and an HTML page for each film, and needs the extra 'report'; dicom-sr is a DICOM SR for each "
        "DICOM film, and needs the extra 'dicom' "
        f"(default: {','.join(DEFAULT_FORMATS)})",
    )
    parser.add_argument(
        "--name-from-dicom",
        action="store_true",
        help="write the patient's name in a DICOM film on its report (default: no name)",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="predict films again that are done in DIR (default: skip them)"
    )


def _formats(text: str) -> tuple[str, ...]:
    formats = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"expected some of {', '.join(FORMATS)} separated by commas; got '{text}' with {unknown}"
        )
    return formats


def run(arguments: argparse.Namespace) -> int:
    from monai_ceph.batch.predict import predict_batch
    from monai_ceph.batch.result_folder import NAMED_REPORT, ResultFolder
    from monai_ceph.batch.settings import result_settings
    from monai_ceph.data.film_format import is_dicom
    from monai_ceph.data.film_search import search_films
    from monai_ceph.memory import keep_freed_memory
    from monai_ceph.predictor.bundle import model_text
    from monai_ceph.site.calibration import SiteCalibration
    from monai_ceph.wording import named

    formats, bundle = arguments.format, arguments.bundle
    if arguments.name_from_dicom:
        if "report" not in formats:
            raise ValueError("--name-from-dicom writes a name on reports; add report to --format.")
        # A record of reports without the name must not count for reports with it.
        formats = [NAMED_REPORT if name == "report" else name for name in formats]
    if arguments.own_process:
        keep_freed_memory()
    load = _loader(arguments)
    site = None if arguments.site is None else SiteCalibration.read(arguments.site)
    films, passed_over = search_films(arguments.films)
    settings = result_settings(bundle, arguments.spacing, arguments.backend, arguments.scheme, site)
    model = model_text(bundle) if {"report", "dicom-sr"} & set(arguments.format) else ""
    output = ResultFolder(arguments.output, formats, model)
    result = predict_batch(
        films, output, lambda: load().at_site(site), settings, overwrite=arguments.overwrite, say=_say
    )
    if result.rank == 0:
        _name_passed_over(passed_over)
        if "dicom-sr" in formats and (others := [film.name for film in films if not is_dicom(film)]):
            _say(f"no DICOM SR for {named(others)}: it refers to a DICOM film, and these are none")
        note = f", {result.before} of them before (--overwrite does them again)" if result.before else ""
        moved = "" if site is None else f"; points moved by {site.label}"
        print(f"{len(films) - result.failed} of {len(films)} films done, in {output.path}{note}{moved}")
        _name_points_to_check(result.to_check)
    return 1 if result.failed else 0


def _loader(arguments: argparse.Namespace) -> Callable[[], Predictor]:
    model = (arguments.bundle, arguments.spacing, arguments.device)
    if arguments.backend == "onnx":
        if arguments.scheme is not None:
            raise ValueError("An exported model has its own landmark scheme; leave out --scheme.")
        from monai_ceph.predictor.onnx_predictor import load_onnx_predictor

        return partial(load_onnx_predictor, *model)
    from monai_ceph.predictor.lean_imports import load_lean_predictor
    from monai_ceph.predictor.torch_predictor import load_torch_predictor

    load = load_lean_predictor if arguments.own_process else load_torch_predictor
    return partial(load, *model, scheme=arguments.scheme, trust=arguments.trust_bundle)


def _say(text: str) -> None:
    print(f"monai-ceph predict: {text}", file=sys.stderr)


def _name_passed_over(paths: Sequence[tuple[Path, str]]) -> None:
    """Print which files and folders were not predicted, by reason."""
    from monai_ceph.data.film_search import RESULT

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
        text = "; ".join(f"{film}: {', '.join(symbols)}" for film, symbols in by_film.items())
        print(f"check these first (expected error): {text}")
