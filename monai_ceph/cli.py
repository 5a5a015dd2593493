"""Parse the command line and call the subcommands, which are in `monai_ceph.commands`.

Heavy imports wait until a subcommand runs, so that ``--help`` and invalid arguments are answered at once.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from monai_ceph import __version__

INTERRUPTED = 130
"""Exit status that shells report for a command stopped by Ctrl-C."""
DEFAULT_FORMATS = ("csv", "markups", "overlay")
FORMATS = (*DEFAULT_FORMATS, "measurements", "report", "dicom-sr")
BACKENDS = ("torch", "onnx")
EXPORTS = ("onnx", "torchscript")
CONVERSIONS = ("csv", "kaggle", "labelme", "markups", "isbi", "aariz", "cl-detection", "coco")
LABEL_EXPORTS = ("csv", "labelme", "isbi")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand.

    Args:
        argv: the arguments; by default those of the process.
    Returns:
        The exit status: 0 on success, 1 if a film failed or the input could not be used, 130 after Ctrl-C. Invalid
        arguments exit with 2.
    """
    arguments = build_parser().parse_args(argv)
    arguments.own_process = argv is None
    try:
        return int(arguments.run(arguments))
    except (ValueError, OSError, ImportError) as error:
        # These errors have a message that names the file and the remedy; a traceback would hide it.
        print(f"monai-ceph {arguments.command}: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        resume = "; run the same command again to continue" if arguments.command == "predict" else ""
        print(f"monai-ceph {arguments.command}: stopped{resume}", file=sys.stderr)
        return INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``monai-ceph``; each subcommand sets ``run``, which is called with the parsed arguments."""
    parser = argparse.ArgumentParser(
        prog="monai-ceph",
        description="Find anatomical landmarks on lateral cephalograms. Research only, not a medical device.",
    )
    parser.add_argument("--version", action="version", version=f"monai-ceph {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_predict(commands)
    _add_calibrate(commands)
    _add_evaluate(commands)
    _add_compare(commands)
    _add_convert(commands)
    _add_measure(commands)
    _add_superimpose(commands)
    _add_ruler(commands)
    _add_export(commands)
    _add_label(commands)
    _add_view(commands)
    return parser


def _add_predict(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "predict",
        help="find the landmarks on films",
        description="Find the landmarks on films and write them as a table, Slicer markups and pictures. A film that "
        "fails is reported on standard error, the other films are still predicted, and the exit status is 1.",
    )
    parser.add_argument("films", nargs="+", type=Path, metavar="FILM|FOLDER", help="film files, or folders of films")
    parser.add_argument(
        "--output", required=True, type=Path, metavar="DIR", help="folder to write to, created if needed"
    )
    _add_predictor(parser, "bundle to predict with (default: the shipped one)")
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
    parser.set_defaults(run=_predict)


def _add_calibrate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "calibrate",
        help="learn from a few annotated films where a clinic marks each landmark",
        description="Predict films that a clinic annotated, estimate how far its points lie from the predicted ones, "
        "and write a site file for monai-ceph predict --site. Prints how each landmark will move, and how much better "
        "films become that were left out of the estimate. Nothing is written if they become no better.",
    )
    parser.add_argument("films", type=Path, metavar="FILMS", help="folder of films; 5 to 10 annotated ones are enough")
    parser.add_argument(
        "annotations",
        nargs="+",
        type=Path,
        metavar="ANNOTATIONS",
        help="the clinic's annotations in any format that the package reads; of several observers, their mean counts",
    )
    parser.add_argument(
        "--output", required=True, type=Path, metavar="FILE", help="site file to write, such as site.json"
    )
    _add_predictor(parser, "bundle to calibrate (default: the shipped one)")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="also write the plot to DIR, as SVG and PNG")
    parser.set_defaults(run=_calibrate)


def _add_evaluate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="score predicted landmarks against references",
        description="Print mean radial error (MRE, SD, median) and successful detection rates (SDR at 2, 2.5, 3 and "
        "4 mm) with 95 % intervals over films, overall and per landmark. With several references, also score the "
        "observers against each other. Films are matched by file name without folder and suffix; only films in "
        "PREDICTIONS.csv are scored.",
    )
    parser.add_argument("predictions", type=Path, metavar="PREDICTIONS.csv", help="landmarks.csv of monai-ceph predict")
    _add_scoring(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the whole result to this file")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write the error of every landmark to this file")
    parser.add_argument("--summary", type=Path, metavar="FILE", help="also write every statistic to this file, as CSV")
    parser.add_argument(
        "--agreement",
        type=Path,
        metavar="FILE",
        help="also write how well angles, lengths, ratios and classes agree to this file, as CSV",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a report with plots, as one HTML file")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="also write the plots to DIR, as SVG and PNG")
    parser.set_defaults(run=_evaluate)


def _add_compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "compare",
        help="test whether one set of predictions is better than another",
        description="Print how much the predictions of B.csv differ from those of A.csv in mean radial error (MRE) and "
        "detection rate (SDR at 2 mm) on their common films, with 95 % intervals over films and a permutation test, "
        "overall and per landmark. A negative difference in MRE favours B.",
    )
    parser.add_argument("a", type=Path, metavar="A.csv", help="landmarks.csv of monai-ceph predict")
    parser.add_argument("b", type=Path, metavar="B.csv", help="landmarks.csv of other predictions")
    _add_scoring(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the whole result to this file")
    parser.set_defaults(run=_compare)


def _add_predictor(parser: argparse.ArgumentParser, bundle_help: str) -> None:
    """Add the options of a predictor: spacing, bundle and device."""
    parser.add_argument(
        "--spacing",
        type=_millimetres,
        metavar="MM",
        help="size of a film pixel in mm; takes precedence over the one in the file",
    )
    _add_bundle(parser, bundle_help)
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda:0", help="default: auto")


def _add_bundle(parser: argparse.ArgumentParser, bundle_help: str) -> None:
    parser.add_argument("--bundle", type=Path, metavar="DIR", help=bundle_help)
    parser.add_argument(
        "--trust-bundle",
        action="store_true",
        help="run a bundle whose configs can run code that no shipped bundle has; read them first",
    )


def _add_scoring(parser: argparse.ArgumentParser) -> None:
    """Add the options that scores depend on: references, spacing, protocol, exclusions."""
    parser.add_argument(
        "references",
        nargs="+",
        type=Path,
        metavar="REFERENCE",
        help="an observer's annotations: landmark table, Kaggle-style CSV, or folder of ISBI .txt, labelme .json or "
        ".mrk.json",
    )
    parser.add_argument(
        "--spacing",
        type=_millimetres,
        metavar="MM",
        help="size of a film pixel in mm, for films whose points no file gives in mm as well",
    )
    parser.add_argument(
        "--films",
        type=Path,
        metavar="FOLDER",
        help="the films, to check points against them, and for markups that do not say which film they were made on",
    )
    parser.add_argument(
        "--protocol",
        default="mean",
        metavar="mean|each|OBSERVER",
        help="score against the references' mean (default), against each of them, or against the one with this name "
        "(without folder and suffix)",
    )
    parser.add_argument("--scheme", default="isbi19", help="landmark scheme: a name or a .json file (default: isbi19)")
    parser.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="FILM|LIST",
        help="leave out a film or a list of films; the list isbi2015-duplicates holds the 23 films of Test1 that the "
        "challenge also has under another name; may be given several times",
    )
    parser.add_argument(
        "--exclude-landmark",
        action="append",
        default=[],
        metavar="SYMBOL",
        help="leave out a landmark; may be given several times",
    )


def _add_superimpose(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "superimpose",
        help="compare two films of one patient, superimposed on S-N",
        description="Write how two films of one patient differ: the films with their tracings, both tracings "
        "superimposed on S-N and registered at S, and the change of each measurement and point, as "
        "superimposition.pdf, .html and .csv.",
    )
    parser.add_argument("a", type=Path, metavar="A", help="the earlier film")
    parser.add_argument("b", type=Path, metavar="B", help="the later film")
    parser.add_argument(
        "--output", type=Path, default=Path(), metavar="DIR", help="folder to write to (default: the current one)"
    )
    parser.add_argument(
        "--annotations",
        action="append",
        default=[],
        type=Path,
        metavar="IN",
        help="annotations with the points of the films, or landmarks.csv of monai-ceph predict; may be given several "
        "times (default: predict the points)",
    )
    parser.add_argument(
        "--spacing",
        action="append",
        default=[],
        type=_millimetres,
        metavar="MM",
        help="size of a film pixel in mm; given twice, that of A and of B; takes precedence over the one in the file",
    )
    parser.add_argument("--bundle", type=Path, metavar="DIR", help="bundle to predict with (default: the shipped one)")
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda:0", help="default: auto")
    parser.add_argument("--scheme", help="landmark scheme: a name or a .json file (default: the bundle's)")
    parser.add_argument("--site", type=Path, metavar="FILE", help="site file of monai-ceph calibrate (default: none)")
    parser.set_defaults(run=_superimpose)


def _add_convert(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "convert",
        help="read annotations in any format and write them in another",
        description="Read annotations in any format that the package knows and write them in another, also under "
        "another landmark scheme. What is odd about the annotations is said on standard error.",
    )
    parser.add_argument(
        "source", type=Path, metavar="IN", help="annotations: a file, or a folder with one for each film"
    )
    parser.add_argument("--to", required=True, choices=CONVERSIONS, dest="format", help="format to write")
    parser.add_argument(
        "--output",
        required=True,
        type=Path,
        metavar="OUT",
        help="file to write; for labelme, markups, isbi and aariz a folder",
    )
    parser.add_argument("--scheme", help="landmark scheme to write: a name or a .json file (default: that of IN)")
    parser.add_argument("--from-scheme", help="landmark scheme of IN (default: that of its format, or isbi19)")
    parser.add_argument(
        "--rename",
        action="append",
        default=[],
        type=_renaming,
        metavar="OLD=NEW",
        help="a landmark of IN that has another symbol in --scheme; may be given several times",
    )
    parser.add_argument(
        "--films",
        type=Path,
        metavar="FOLDER",
        help="the films: points are checked against them, sizes and names are theirs",
    )
    parser.add_argument(
        "--spacing", type=_millimetres, metavar="MM", help="size of a film pixel in mm, where IN does not say"
    )
    parser.set_defaults(run=_convert)


def _add_measure(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "measure",
        help="measure faces from points, such as corrected ones",
        description="Print or write a table of angles, lengths and ratios with norms, intervals and classes, a row for "
        "each film and measurement, from points in any format that the package knows.",
    )
    parser.add_argument(
        "source", type=Path, metavar="POINTS", help="landmarks.csv of monai-ceph predict, or any annotations"
    )
    parser.add_argument(
        "--spacing",
        type=_millimetres,
        metavar="MM",
        help="size of a film pixel in mm, where POINTS does not say it; without it there are no lengths",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="table to write (default: print it)")
    parser.add_argument(
        "--measurements", type=Path, metavar="FILE.json", help="definitions to use instead of the shipped ones"
    )
    parser.add_argument("--scheme", help="landmark scheme of POINTS (default: that of its format, or isbi19)")
    parser.add_argument(
        "--films",
        type=Path,
        metavar="FOLDER",
        help="the films, for markups that do not say which film they were made on",
    )
    parser.set_defaults(run=_measure)


def _add_ruler(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "ruler",
        help="get the size of a film pixel from a ruler in the film",
        description="Print the size of a film pixel in mm, as monai-ceph predict --spacing takes it: from two marks of "
        "a ruler in the film and what lies between them, or from a millimetre ruler that is found in the film.",
    )
    parser.add_argument("film", type=Path, metavar="FILM", help="the film; the marks have to lie on it")
    parser.add_argument(
        "--points",
        nargs=2,
        type=_point,
        metavar="X,Y",
        help="both marks, in pixels of the film; without, a ruler is looked for",
    )
    parser.add_argument("--mm", type=_millimetres, metavar="MM", help="what lies between the marks")
    parser.set_defaults(run=_ruler)


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "export",
        help="export a bundle as one ONNX or TorchScript file, or labels for other programs",
        description="Write a bundle's whole pipeline, from a film's pixels to its landmarks, as one file that runs "
        "without this package. The file is first tested on a drawn film and only written if it gives the bundle's "
        "points. With --labels: write the final labels of a folder of films in pixels, separately for each annotator.",
    )
    parser.add_argument(
        "--format",
        choices=(*EXPORTS, *LABEL_EXPORTS),
        help=f"for a bundle: {' or '.join(EXPORTS)} (default: onnx); for labels: {', '.join(LABEL_EXPORTS)} "
        "(default: csv)",
    )
    parser.add_argument(
        "--output", required=True, type=Path, metavar="FILE|DIR", help="file to write; for labels, a folder"
    )
    _add_bundle(parser, "bundle to export (default: the shipped one)")
    parser.add_argument(
        "--labels", type=Path, metavar="FOLDER", help="films and labels, as monai-ceph label stores them"
    )
    parser.add_argument(
        "--scheme", default="isbi19", help="landmark scheme of the labels: a name or a .json file (default: isbi19)"
    )
    parser.set_defaults(run=_export)


def _add_label(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "label",
        help="start a MONAI Label server to annotate films and train on them",
        description="Start a MONAI Label server for a folder of films or a DICOMweb store, and print the address for "
        "3D Slicer. Labels are stored beside the films, in FOLDER/labels. The first start copies the bundle into the "
        "folder, and training changes the copy.",
    )
    films = parser.add_mutually_exclusive_group(required=True)
    films.add_argument("folder", nargs="?", metavar="FOLDER", help="folder of films")
    films.add_argument(
        "--dicomweb", type=_url, metavar="URL", help="DICOMweb store of films, such as http://host:8042/dicom-web"
    )
    parser.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1, only this machine")
    parser.add_argument("--port", type=int, default=8000, help="default: 8000; 0 selects a free one")
    _add_predictor(parser, "bundle to start from (default: the shipped one)")
    parser.add_argument("--base", metavar="DATASET", help="replay set: films to mix into training against forgetting")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="folder for a DICOMweb store's films and labels")
    parser.add_argument(
        "--no-calibration",
        action="store_true",
        help="do not move predictions to where the final labels of the folder have the landmarks",
    )
    parser.set_defaults(run=_label)


def _add_view(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "view",
        help="look at films and correct their points in a browser",
        description="Open films with the model's points, or with those of a file, on a page in the browser, and save "
        "corrected points as Slicer markups and as one table. Only this machine can open the page.",
    )
    parser.add_argument("films", nargs="+", type=Path, metavar="FILM|FOLDER", help="film files, or folders of films")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("corrected"),
        metavar="DIR",
        help="folder for the corrected points (default: corrected); those that are there are shown again",
    )
    parser.add_argument(
        "--annotations",
        type=Path,
        metavar="FILE|FOLDER",
        help="points to show instead of the model's, such as the landmarks.csv of monai-ceph predict",
    )
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    _add_predictor(parser, "bundle to predict with (default: the shipped one)")
    parser.set_defaults(run=_view)


def _predict(arguments: argparse.Namespace) -> int:
    from monai_ceph.commands.predict import run
    from monai_ceph.memory import keep_freed_memory

    if arguments.name_from_dicom and "report" not in arguments.format:
        raise ValueError("--name-from-dicom writes a name on reports; add report to --format.")
    if arguments.own_process:
        keep_freed_memory()
    failed = run(
        arguments.films,
        arguments.output,
        spacing_mm=arguments.spacing,
        bundle=arguments.bundle,
        device=arguments.device,
        formats=arguments.format,
        overwrite=arguments.overwrite,
        backend=arguments.backend,
        scheme=arguments.scheme,
        name_from_dicom=arguments.name_from_dicom,
        site=arguments.site,
        load=_backend(arguments),
    )
    return 1 if failed else 0


def _calibrate(arguments: argparse.Namespace) -> int:
    from monai_ceph.commands.calibrate import run

    run(
        arguments.films,
        arguments.annotations,
        arguments.output,
        figures_dir=arguments.figures,
        spacing_mm=arguments.spacing,
        bundle=arguments.bundle,
        device=arguments.device,
        trust=arguments.trust_bundle,
    )
    return 0


def _backend(arguments: argparse.Namespace) -> Callable[..., Any]:
    if arguments.backend == "onnx":
        if arguments.scheme is not None:
            raise ValueError("An exported model has its own landmark scheme; leave out --scheme.")
        from monai_ceph.predictor.onnx_predictor import load_onnx_predictor

        return load_onnx_predictor
    from monai_ceph.predictor.lean_imports import load_lean_predictor
    from monai_ceph.predictor.torch_predictor import load_torch_predictor

    load = load_lean_predictor if arguments.own_process else load_torch_predictor
    return partial(load, trust=True) if arguments.trust_bundle else load


def _evaluate(arguments: argparse.Namespace) -> int:
    _import_lean_monai(arguments)
    from monai_ceph.commands.evaluate import run

    run(
        arguments.predictions,
        arguments.references,
        **_scoring(arguments),
        json_file=arguments.json,
        csv_file=arguments.csv,
        summary_file=arguments.summary,
        agreement_file=arguments.agreement,
        html_file=arguments.html,
        figures_dir=arguments.figures,
    )
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    _import_lean_monai(arguments)
    from monai_ceph.commands.compare import run

    run(
        arguments.a,
        arguments.b,
        arguments.references,
        **_scoring(arguments),
        json_file=arguments.json,
    )
    return 0


def _superimpose(arguments: argparse.Namespace) -> int:
    from monai_ceph.commands.superimpose import run

    run(
        arguments.a,
        arguments.b,
        arguments.output,
        annotations=arguments.annotations,
        spacing_mm=arguments.spacing,
        bundle=arguments.bundle,
        device=arguments.device,
        scheme=arguments.scheme,
        site=arguments.site,
    )
    return 0


def _import_lean_monai(arguments: argparse.Namespace) -> None:
    if arguments.own_process:
        from monai_ceph.predictor.lean_imports import UNUSED, without_packages

        with without_packages(UNUSED):
            import monai  # noqa: F401


def _scoring(arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "spacing_mm": arguments.spacing,
        "films": arguments.films,
        "protocol": arguments.protocol,
        "scheme": arguments.scheme,
        "exclude": arguments.exclude,
        "exclude_landmarks": arguments.exclude_landmark,
    }


def _convert(arguments: argparse.Namespace) -> int:
    from monai_ceph.commands.convert import run

    failed = run(
        arguments.source,
        arguments.output,
        format=arguments.format,
        scheme=arguments.scheme,
        from_scheme=arguments.from_scheme,
        rename=dict(arguments.rename),
        films=arguments.films,
        spacing_mm=arguments.spacing,
    )
    return 1 if failed else 0


def _renaming(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise argparse.ArgumentTypeError(f"expected two symbols, such as Ls=UL; got '{text}'")
    return old, new


def _measure(arguments: argparse.Namespace) -> int:
    from monai_ceph.commands.measure import run

    run(
        arguments.source,
        arguments.output,
        spacing_mm=arguments.spacing,
        measurements=arguments.measurements,
        scheme=arguments.scheme,
        films=arguments.films,
    )
    return 0


def _ruler(arguments: argparse.Namespace) -> int:
    from monai_ceph.commands.ruler import find, run

    if (arguments.points is None) != (arguments.mm is None):
        raise ValueError("--points and --mm belong together: two marks of a ruler, and the mm between them.")
    if arguments.points is None:
        find(arguments.film)
    else:
        run(arguments.film, arguments.points, arguments.mm)
    return 0


def _export(arguments: argparse.Namespace) -> int:
    if arguments.labels is not None:
        return _export_labels(arguments)
    if arguments.format in LABEL_EXPORTS:
        raise ValueError(f"--format {arguments.format} is for labels; give their folder with --labels FOLDER.")
    from monai_ceph.commands.export import run

    run(
        arguments.output,
        format=arguments.format or EXPORTS[0],
        bundle=arguments.bundle,
        trust=arguments.trust_bundle,
    )
    return 0


def _export_labels(arguments: argparse.Namespace) -> int:
    if arguments.format in EXPORTS:
        raise ValueError(
            f"--format {arguments.format} is for a bundle; for --labels choose {', '.join(LABEL_EXPORTS)}."
        )
    if arguments.bundle is not None:
        raise ValueError("--bundle and --labels export different things; give one of them.")
    from monai_ceph.commands.export_labels import run

    format = arguments.format or LABEL_EXPORTS[0]
    failed = run(arguments.labels, arguments.output, format=format, scheme=arguments.scheme)
    return 1 if failed else 0


def _label(arguments: argparse.Namespace) -> int:
    from monai_ceph.commands.label import run

    given = {key: getattr(arguments, key) for key in ("spacing", "bundle", "device", "base", "cache")}
    options = {key: str(value) for key, value in given.items() if value is not None}
    if arguments.trust_bundle:
        options["trust_bundle"] = "true"
    if arguments.no_calibration:
        options["calibrate"] = "false"
    run(arguments.dicomweb or arguments.folder, host=arguments.host, port=arguments.port, **options)
    return 0


def _view(arguments: argparse.Namespace) -> int:
    from monai_ceph.commands.view import run

    run(
        arguments.films,
        output=arguments.output,
        annotations=arguments.annotations,
        spacing_mm=arguments.spacing,
        bundle=arguments.bundle,
        device=arguments.device,
        port=arguments.port,
    )
    return 0


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"expected an address that begins with http:// or https://; got '{text}'")
    return text


def _point(text: str) -> tuple[float, float]:
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected X,Y in pixels such as 120,48.5, got '{text}'") from None
    return x, y


def _millimetres(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(
            f"expected a positive number of mm for one film pixel, such as 0.1; got '{text}'"
        )
    return value


def _formats(text: str) -> tuple[str, ...]:
    formats = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"expected some of {', '.join(FORMATS)} separated by commas; got '{text}' with {unknown}"
        )
    return formats
