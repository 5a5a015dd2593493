"""Write a bundle's whole pipeline, from a film's pixels to its landmarks, as one file that runs without this package.
The file is first tested on a drawn film and only written if it gives the bundle's points. With --labels: write the
final labels of a folder of films in pixels, separately for each annotator.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from monai_ceph.commands.options import add_bundle

MODEL_FORMATS = ("onnx", "torchscript")
LABEL_FORMATS = ("csv", "labelme", "isbi")

HELP = "export a bundle as one ONNX or TorchScript file, or labels for other programs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=(*MODEL_FORMATS, *LABEL_FORMATS),
        help=f"for a bundle: {' or '.join(MODEL_FORMATS)} (default: onnx); for labels: {', '.join(LABEL_FORMATS)} "
        "(default: csv)",
    )
    parser.add_argument(
        "--output", required=True, type=Path, metavar="FILE|DIR", help="file to write; for labels, a folder"
    )
    add_bundle(parser, "bundle to export (default: the shipped one)")
    parser.add_argument(
        "--labels", type=Path, metavar="FOLDER", help="films and labels, as monai-ceph label stores them"
    )
    parser.add_argument(
        "--scheme", default="isbi19", help="landmark scheme of the labels: a name or a .json file (default: isbi19)"
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.labels is not None:
        return _export_labels(arguments)
    if arguments.format in LABEL_FORMATS:
        raise ValueError(f"--format {arguments.format} is for labels; give their folder with --labels FOLDER.")
    from monai_ceph.export.bundle import export_bundle

    output, format = arguments.output, arguments.format or "onnx"
    export_bundle(output, format=format, bundle=arguments.bundle, trust=arguments.trust_bundle)
    print(f"{output}: {format}, {output.stat().st_size / 1e6:.1f} MB, gives the bundle's points")
    return 0


def _export_labels(arguments: argparse.Namespace) -> int:
    if arguments.format in MODEL_FORMATS:
        raise ValueError(
            f"--format {arguments.format} is for a bundle; for --labels choose {', '.join(LABEL_FORMATS)}."
        )
    if arguments.bundle is not None:
        raise ValueError("--bundle and --labels export different things; give one of them.")
    from monai_ceph.data.label_export import export_labels
    from monai_ceph.landmarks import get_scheme
    from monai_ceph.wording import count

    failed, scheme = 0, get_scheme(arguments.scheme)
    for exported in export_labels(arguments.labels, arguments.output, arguments.format or "csv", scheme):
        for sentence in exported.failed:
            print(sentence, file=sys.stderr)
        print(f"{exported.path}: {count(exported.films, 'film')}")
        failed += len(exported.failed)
    return 1 if failed else 0
