"""Start a MONAI Label server for a folder of films or a DICOMweb store, and print the address for 3D Slicer. Labels are
stored beside the films, in FOLDER/labels. The first start copies the bundle into the folder, and training changes the
copy.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from monai_ceph.commands.options import add_predictor

HELP = "start a MONAI Label server to annotate films and train on them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    films = parser.add_mutually_exclusive_group(required=True)
    films.add_argument("folder", nargs="?", metavar="FOLDER", help="folder of films")
    films.add_argument(
        "--dicomweb", type=_url, metavar="URL", help="DICOMweb store of films, such as http://host:8042/dicom-web"
    )
    parser.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1, only this machine")
    parser.add_argument("--port", type=int, default=8000, help="default: 8000; 0 selects a free one")
    add_predictor(parser, "bundle to start from (default: the shipped one)")
    parser.add_argument("--base", metavar="DATASET", help="replay set: films to mix into training against forgetting")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="folder for a DICOMweb store's films and labels")
    parser.add_argument(
        "--no-calibration",
        action="store_true",
        help="do not move predictions to where the final labels of the folder have the landmarks",
    )


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"expected an address that begins with http:// or https://; got '{text}'")
    return text


def run(arguments: argparse.Namespace) -> int:
    from monai_ceph.label.options import Options
    from monai_ceph.label.serve import serve

    values = {key: getattr(arguments, key) for key in ("spacing", "bundle", "device", "base", "cache")}
    options = {key: str(value) for key, value in values.items() if value is not None}
    if arguments.trust_bundle:
        options["trust_bundle"] = "true"
    if arguments.no_calibration:
        options["calibrate"] = "false"
    serve(arguments.dicomweb or arguments.folder, Options(**options), host=arguments.host, port=arguments.port)
    return 0
