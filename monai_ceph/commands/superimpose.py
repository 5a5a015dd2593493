"""Write how two films of one patient differ: the films with their tracings, both tracings superimposed on S-N and
registered at S, and the change of each measurement and point, as superimposition.pdf, .html and .csv.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from monai_ceph.commands.options import add_bundle, add_device, millimetres

if TYPE_CHECKING:
    from monai_ceph.prediction import Prediction
    from monai_ceph.predictor.predictor import Predictor

HELP = "compare two films of one patient, superimposed on S-N"


def add_arguments(parser: argparse.ArgumentParser) -> None:
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
        type=millimetres,
        metavar="MM",
        help="size of a film pixel in mm; given twice, that of A and of B; takes precedence over the one in the file",
    )
    add_bundle(parser, "bundle to predict with (default: the shipped one)")
    add_device(parser)
    parser.add_argument("--scheme", help="landmark scheme: a name or a .json file (default: the bundle's)")
    parser.add_argument("--site", type=Path, metavar="FILE", help="site file of monai-ceph calibrate (default: none)")


def run(arguments: argparse.Namespace) -> int:
    from dataclasses import replace

    from monai_ceph.atomic import make_folder
    from monai_ceph.data.film import read_film
    from monai_ceph.plots.film_report import check_report_extra
    from monai_ceph.writers.superimposition import superimpose

    check_report_extra()
    from monai_ceph.plots.superimposition import write_superimposition

    a, b, output, spacings_mm = arguments.a, arguments.b, arguments.output, arguments.spacing
    if len(spacings_mm) > 2:
        raise ValueError(f"Expected --spacing at most twice, for A and for B; got it {len(spacings_mm)} times.")
    films = [(a, spacings_mm[0]), (b, spacings_mm[-1])] if spacings_mm else [(a, None), (b, None)]
    make_folder(output)
    if arguments.annotations:
        faces = [_annotated(film, mm, arguments.annotations, arguments.scheme) for film, mm in films]
        source = f"annotations in {', '.join(path.name for path in arguments.annotations)}"
    else:
        faces, source = _predicted(arguments, films)
    pair = replace(superimpose(*faces), source=source)
    write_superimposition(output, read_film(a)[0], read_film(b)[0], pair)
    for remark in pair.remarks:
        print(remark)
    print(f"{a.name} and {b.name} superimposed on S-N, in {output / 'superimposition.pdf'}, .html and .csv")
    return 0


def _predicted(
    arguments: argparse.Namespace, films: Sequence[tuple[Path, float | None]]
) -> tuple[list[Prediction], str]:
    """Return the predictions of films with their spacings, and what predicted them."""
    from monai_ceph.predictor.bundle import model_text
    from monai_ceph.predictor.torch_predictor import load_torch_predictor
    from monai_ceph.site.calibration import SiteCalibration

    site = None if arguments.site is None else SiteCalibration.read(arguments.site)

    def load(spacing_mm: float | None) -> Predictor:
        model = (arguments.bundle, spacing_mm, arguments.device)
        predictor = load_torch_predictor(*model, scheme=arguments.scheme, trust=arguments.trust_bundle)
        return predictor.at_site(site)

    predictors = {mm: load(mm) for mm in dict.fromkeys(mm for _, mm in films)}
    faces = [predictors[mm](film) for film, mm in films]
    moved = f"; moved by site file {faces[0].site}" if faces[0].site else ""
    return faces, f"predicted by {model_text(arguments.bundle)}{moved}"


def _annotated(film: Path, spacing_mm: float | None, sources: Sequence[Path], scheme: str | None) -> Prediction:
    from dataclasses import replace

    from monai_ceph.data.film import read_film
    from monai_ceph.film_names import same_film
    from monai_ceph.formats.annotations import read_annotations
    from monai_ceph.formats.points import AnnotationError
    from monai_ceph.landmarks import ISBI19, get_scheme
    from monai_ceph.prediction import annotated

    info = read_film(film, spacing_mm)[1]
    landmarks = ISBI19 if scheme is None else get_scheme(scheme)
    for source in sources:
        observed = read_annotations(source, landmarks, info.spacing_mm).points_px
        for name, points_px in observed.items():
            if same_film(name, film):
                unplaced = annotated(film.name, landmarks, points_px)
                return replace(unplaced, spacing_mm=info.spacing_mm, spacing_source=info.spacing_source)
    raise AnnotationError(f"{film}: there are no points of this film in {', '.join(map(str, sources))}.")
