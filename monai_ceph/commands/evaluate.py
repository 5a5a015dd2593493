"""Print mean radial error (MRE, SD, median) and successful detection rates (SDR at 2, 2.5, 3 and 4 mm) with 95 %
intervals over films, overall and per landmark. With several references, also score the observers against each other.
Films are matched by file name without folder and suffix; only films in PREDICTIONS.csv are scored.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from monai_ceph.commands.options import add_scoring, scoring

if TYPE_CHECKING:
    from monai_ceph.evaluation import Evaluation

HELP = "score predicted landmarks against references"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("predictions", type=Path, metavar="PREDICTIONS.csv", help="landmarks.csv of monai-ceph predict")
    add_scoring(parser)
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


def run(arguments: argparse.Namespace) -> int:
    if arguments.own_process:
        from monai_ceph.predictor.lean_imports import import_lean_monai

        import_lean_monai()
    from monai_ceph.atomic import write_text
    from monai_ceph.evaluation import evaluate
    from monai_ceph.writers.evaluation_files import errors_csv, evaluation_json, summary_csv
    from monai_ceph.writers.measurement_scores import agreement_csv

    evaluation = evaluate(arguments.predictions, arguments.references, **scoring(arguments))
    print_evaluation(evaluation)
    if arguments.json is not None:
        write_text(arguments.json, evaluation_json(evaluation))
    if arguments.csv is not None:
        write_text(arguments.csv, errors_csv(evaluation.scores))
    if arguments.summary is not None:
        write_text(arguments.summary, summary_csv(evaluation))
    if arguments.agreement is not None:
        write_text(arguments.agreement, agreement_csv(evaluation.all_scores))
    if arguments.html is not None or arguments.figures is not None:
        _write_plots(evaluation, arguments.html, arguments.figures)
    return 0


def print_evaluation(evaluation: Evaluation) -> None:
    """Print all statistics, and how well classes agree."""
    from monai_ceph.writers.evaluation_table import evaluation_text
    from monai_ceph.writers.measurement_scores import classification_text

    print(evaluation_text(evaluation), end="")
    if classes := classification_text(evaluation.all_scores):
        print(f"\n{classes}", end="")


def _write_plots(evaluation: Evaluation, html_file: Path | None, figures_dir: Path | None) -> None:
    from monai_ceph.atomic import make_folder
    from monai_ceph.plots import as_svg, evaluation_plots, save_plot
    from monai_ceph.writers.evaluation_report import Picture, write_report

    plots = evaluation_plots(evaluation)
    if figures_dir is not None:
        make_folder(figures_dir)
        for plot in plots:
            save_plot(plot.figure, figures_dir / plot.name)
    if html_file is not None:
        write_report(html_file, evaluation, [Picture(as_svg(plot.figure), plot.caption) for plot in plots])
