"""Print how much the predictions of B.csv differ from those of A.csv in mean radial error (MRE) and detection rate (SDR
at 2 mm) on their common films, with 95 % intervals over films and a permutation test, overall and per landmark. A
negative difference in MRE favours B.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from monai_ceph.commands.options import add_scoring, scoring

HELP = "test whether one set of predictions is better than another"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", type=Path, metavar="A.csv", help="landmarks.csv of monai-ceph predict")
    parser.add_argument("b", type=Path, metavar="B.csv", help="landmarks.csv of other predictions")
    add_scoring(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the whole result to this file")


def run(arguments: argparse.Namespace) -> int:
    if arguments.own_process:
        from monai_ceph.predictor.lean_imports import import_lean_monai

        import_lean_monai()
    from monai_ceph.atomic import write_text
    from monai_ceph.evaluation import compare
    from monai_ceph.writers.paired import paired_json, paired_text

    paired = compare(arguments.a, arguments.b, arguments.references, **scoring(arguments))
    print(paired_text(paired), end="")
    if arguments.json is not None:
        write_text(arguments.json, paired_json(paired))
    return 0
