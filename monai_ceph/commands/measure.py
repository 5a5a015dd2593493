"""Print or write a table of angles, lengths and ratios with norms, intervals and classes, a row for each film and
measurement, from points in any format that the package knows.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from monai_ceph.commands.options import add_films_folder, add_spacing

HELP = "measure faces from points, such as corrected ones"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", type=Path, metavar="POINTS", help="landmarks.csv of monai-ceph predict, or any annotations"
    )
    add_spacing(parser, "size of a film pixel in mm, where POINTS does not say it; without it there are no lengths")
    parser.add_argument("--output", type=Path, metavar="FILE", help="table to write (default: print it)")
    parser.add_argument(
        "--measurements", type=Path, metavar="FILE.json", help="definitions to use instead of the shipped ones"
    )
    parser.add_argument("--scheme", help="landmark scheme of POINTS (default: that of its format, or isbi19)")
    add_films_folder(parser, "the films, for markups that do not say which film they were made on")


def run(arguments: argparse.Namespace) -> int:
    from dataclasses import replace

    from monai_ceph.analysis import MEASUREMENTS, read_measurements
    from monai_ceph.atomic import write_text
    from monai_ceph.data.named_films import frame_finder, named_films
    from monai_ceph.evaluation.film_spacings import film_spacings
    from monai_ceph.formats.annotations import natural_scheme, read_annotations
    from monai_ceph.formats.measurement_table import measurements_csv_text
    from monai_ceph.landmarks import get_scheme
    from monai_ceph.prediction import annotated
    from monai_ceph.spacing import check_spacing
    from monai_ceph.wording import count, named

    source, spacing_mm = arguments.source, arguments.spacing
    definitions = MEASUREMENTS if arguments.measurements is None else read_measurements(arguments.measurements)
    frame_of = frame_finder(named_films(arguments.films))
    scheme = natural_scheme(source) if arguments.scheme is None else get_scheme(arguments.scheme)
    points = read_annotations(source, scheme, spacing_mm, frame_of)
    user_mm = None if spacing_mm is None else check_spacing(spacing_mm, "--spacing")
    known = [film for film in points.points_px if user_mm is not None or film in points.spacings_mm]
    spacings, remarks = film_spacings(known, [(str(source), points)], user_mm)
    if unknown := sorted(points.points_px.keys() - set(known)):
        remarks.append(
            f"The pixel spacing of {count(len(unknown), 'film')} ({named(unknown, 3)}) is unknown, so no length is "
            "measured there; give it with --spacing."
        )
    faces = []
    for film, points_px in points.points_px.items():
        file = points.sources.get(film)
        face = annotated(film if file is None or file.name is None else file.name, scheme, points_px)
        faces.append(replace(face, spacing_mm=spacings.get(film)))
    for sentence in dict.fromkeys([*points.problems, *remarks]):
        print(f"monai-ceph measure: {sentence}", file=sys.stderr)
    table = measurements_csv_text(faces, definitions)
    if arguments.output is None:
        print(table, end="")
    else:
        write_text(arguments.output, table)
        print(f"{arguments.output}: {count(len(faces), 'film')}")
    return 0
