"""Options that several subcommands have."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any


def millimetres(text: str) -> float:
    """Read a length in mm, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(
            f"expected a positive number of mm for one film pixel, such as 0.1; got '{text}'"
        )
    return value


def add_predictor(parser: argparse.ArgumentParser, bundle_help: str) -> None:
    """Add the options of a predictor: spacing, bundle and device."""
    add_spacing(parser, "size of a film pixel in mm; takes precedence over the one in the file")
    add_bundle(parser, bundle_help)
    add_device(parser)


def add_spacing(parser: argparse.ArgumentParser, help: str) -> None:
    """Add the option for the size of a film pixel."""
    parser.add_argument("--spacing", type=millimetres, metavar="MM", help=help)


def add_bundle(parser: argparse.ArgumentParser, help: str) -> None:
    """Add the options for a bundle and for trust in it."""
    parser.add_argument("--bundle", type=Path, metavar="DIR", help=help)
    parser.add_argument(
        "--trust-bundle",
        action="store_true",
        help="run a bundle whose configs can run code that no shipped bundle has; read them first",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add the option for the device that runs the networks."""
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda:0", help="default: auto")


def add_films_folder(parser: argparse.ArgumentParser, help: str) -> None:
    """Add the option for the films that points belong to."""
    parser.add_argument("--films", type=Path, metavar="FOLDER", help=help)


def add_scoring(parser: argparse.ArgumentParser) -> None:
    """Add the options that scores depend on: references, spacing, protocol, exclusions."""
    parser.add_argument(
        "references",
        nargs="+",
        type=Path,
        metavar="REFERENCE",
        help="an observer's annotations: landmark table, Kaggle-style CSV, or folder of ISBI .txt, labelme .json or "
        ".mrk.json",
    )
    add_spacing(parser, "size of a film pixel in mm, for films whose points no file gives in mm as well")
    add_films_folder(
        parser, "the films, to check points against them, and for markups that do not say which film they were made on"
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


def scoring(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what `evaluate` and `compare` take of the options of :func:`add_scoring`, besides the references."""
    return {
        "spacing_mm": arguments.spacing,
        "films": arguments.films,
        "protocol": arguments.protocol,
        "scheme": arguments.scheme,
        "exclude": arguments.exclude,
        "exclude_landmarks": arguments.exclude_landmark,
    }
