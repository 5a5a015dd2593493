"""``monai-ceph evaluate``: print the scores of predictions and write them to files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_ceph.atomic import make_folder, write_text
from monai_ceph.evaluation.evaluate import evaluate
from monai_ceph.evaluation.evaluation import Evaluation
from monai_ceph.plots import as_svg, evaluation_plots, save_plot
from monai_ceph.writers.evaluation_files import errors_csv, evaluation_json, summary_csv
from monai_ceph.writers.evaluation_report import Picture, write_report
from monai_ceph.writers.evaluation_table import evaluation_text
from monai_ceph.writers.measurement_scores import agreement_csv, classification_text


def run(
    predictions: Path,
    references: Sequence[Path],
    *,
    json_file: Path | None = None,
    csv_file: Path | None = None,
    summary_file: Path | None = None,
    agreement_file: Path | None = None,
    html_file: Path | None = None,
    figures_dir: Path | None = None,
    **options: Any,
) -> Evaluation:
    """Score predictions and print all statistics.

    Args:
        predictions, references, options: as in :func:`monai_ceph.evaluation.evaluate.evaluate`.
        json_file: also write the whole evaluation to this file.
        csv_file: also write the error of every landmark to this file.
        summary_file: also write every statistic to this file, as a table.
        agreement_file: also write the agreement of angles, lengths, ratios and classes to this file, as a table.
        html_file: also write a report with plots to this file.
        figures_dir: also write the plots to this folder, as SVG and PNG; created if needed.
    Returns:
        The evaluation that was printed.
    Raises:
        ValueError: the input cannot be scored; the message names the file and the remedy.
        OSError: a file cannot be written.
        ImportError: plots are requested and an extra is missing.
    """
    evaluation = evaluate(predictions, references, **options)
    print(evaluation_text(evaluation), end="")
    if classes := classification_text(evaluation.all_scores):
        print(f"\n{classes}", end="")
    if json_file is not None:
        write_text(json_file, evaluation_json(evaluation))
    if csv_file is not None:
        write_text(csv_file, errors_csv(evaluation.scores))
    if summary_file is not None:
        write_text(summary_file, summary_csv(evaluation))
    if agreement_file is not None:
        write_text(agreement_file, agreement_csv(evaluation.all_scores))
    if html_file is not None or figures_dir is not None:
        _write_plots(evaluation, html_file, figures_dir)
    return evaluation


def _write_plots(evaluation: Evaluation, html_file: Path | None, figures_dir: Path | None) -> None:
    plots = evaluation_plots(evaluation)
    if figures_dir is not None:
        make_folder(figures_dir)
        for plot in plots:
            save_plot(plot.figure, figures_dir / plot.name)
    if html_file is not None:
        write_report(html_file, evaluation, [Picture(as_svg(plot.figure), plot.caption) for plot in plots])
