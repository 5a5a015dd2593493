"""Read annotations in any format that the package knows and write them in another, also under another landmark scheme.
Remarks on the annotations go to standard error.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from monai_ceph.commands.options import add_films_folder, add_spacing

FORMATS = ("csv", "kaggle", "labelme", "markups", "isbi", "aariz", "cl-detection", "coco")

HELP = "read annotations in any format and write them in another"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", type=Path, metavar="IN", help="annotations: a file, or a folder with one for each film"
    )
    parser.add_argument("--to", required=True, choices=FORMATS, dest="format", help="format to write")
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
    add_films_folder(parser, "the films: points are checked against them, sizes and names are theirs")
    add_spacing(parser, "size of a film pixel in mm, where IN does not say")


def _renaming(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise argparse.ArgumentTypeError(f"expected two symbols, such as Ls=UL; got '{text}'")
    return old, new


def run(arguments: argparse.Namespace) -> int:
    from monai_ceph.data.named_films import frame_finder, named_films
    from monai_ceph.film_names import spelled_like
    from monai_ceph.formats.annotations import natural_scheme, read_annotations
    from monai_ceph.formats.convert import FilmFile, write_annotations
    from monai_ceph.formats.other_scheme import to_scheme
    from monai_ceph.formats.points import check_annotations
    from monai_ceph.landmarks import get_scheme
    from monai_ceph.wording import count

    source, output, spacing_mm = arguments.source, arguments.output, arguments.spacing
    files = named_films(arguments.films)
    frame_of = frame_finder(files)
    from_scheme = natural_scheme(source) if arguments.from_scheme is None else get_scheme(arguments.from_scheme)
    annotations = read_annotations(source, from_scheme, spacing_mm, frame_of).spelled_like(files)
    spelled = spelled_like(annotations.points_px, files)
    films = {
        film: FilmFile(files[spelled[film]], frame.size, frame)
        for film in annotations.points_px
        if (frame := frame_of(film)) is not None
    }
    remarks = [*annotations.problems]
    remarks += check_annotations(annotations, {film: file.size for film, file in films.items()} if files else None)
    if arguments.scheme is not None:
        annotations, lacking = to_scheme(annotations, get_scheme(arguments.scheme), dict(arguments.rename))
        remarks += lacking
    elif arguments.rename:
        raise ValueError("--rename needs --scheme, the scheme that has the new symbols.")
    user_mm = None if spacing_mm is None else (spacing_mm, spacing_mm)
    failed = write_annotations(annotations, arguments.format, output, films, user_mm)
    for sentence in dict.fromkeys([*remarks, *failed]):
        print(f"monai-ceph convert: {sentence}", file=sys.stderr)
    print(f"{output}: {count(len(annotations.points_px) - len(failed), 'film')}")
    return 1 if failed else 0
