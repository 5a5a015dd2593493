"""``monai-ceph evaluate``: score predictions, print the scores and write them where asked to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from monai_ceph.atomic import make_folder, write_text
from monai_ceph.evaluation.evaluate import evaluate
from monai_ceph.evaluation.evaluation import Evaluation
from monai_ceph.plots import as_svg, evaluation_plots, save_plot
from monai_ceph.writers.evaluation_files import errors_csv, evaluation_json, summary_csv
from monai_ceph.writers.evaluation_report import Picture, write_report
from monai_ceph.writers.evaluation_table import evaluation_text


def run(
    predictions: Path,
    references: Sequence[Path],
    *,
    spacing_mm: float | tuple[float, float] | None = None,
    protocol: str = "mean",
    scheme: str | Path = "isbi19",
    exclude: Sequence[str] = (),
    exclude_landmarks: Sequence[str] = (),
    films: str | Path | None = None,
    json_file: Path | None = None,
    csv_file: Path | None = None,
    summary_file: Path | None = None,
    html_file: Path | None = None,
    figures_dir: Path | None = None,
) -> Evaluation:
    """Score predictions, print all statistics, and write them where asked to.

    Args:
        predictions, references, spacing_mm, protocol, scheme, exclude, exclude_landmarks, films: as in
            :func:`monai_ceph.evaluation.evaluate.evaluate`.
        json_file: also write everything there.
        csv_file: also write every single error there.
        summary_file: also write every figure there, as a table.
        html_file: also write a report there, with pictures.
        figures_dir: also write the pictures there, as SVG and PNG; made if needed.
    Returns:
        What was printed.
    Raises:
        ValueError: input that cannot be scored; the message names the file and the remedy.
        OSError: a file cannot be written.
        ImportError: pictures are asked for and an extra is missing.
    """
    evaluation = evaluate(
        predictions,
        references,
        spacing_mm=spacing_mm,
        protocol=protocol,
        scheme=scheme,
        exclude=exclude,
        exclude_landmarks=exclude_landmarks,
        films=films,
    )
    print(evaluation_text(evaluation), end="")
    if json_file is not None:
        write_text(json_file, evaluation_json(evaluation))
    if csv_file is not None:
        write_text(csv_file, errors_csv(evaluation.scores))
    if summary_file is not None:
        write_text(summary_file, summary_csv(evaluation))
    if html_file is not None or figures_dir is not None:
        _draw(evaluation, html_file, figures_dir)
    return evaluation


def _draw(evaluation: Evaluation, html_file: Path | None, figures_dir: Path | None) -> None:
    plots = evaluation_plots(evaluation)
    if figures_dir is not None:
        make_folder(figures_dir)
        for plot in plots:
            save_plot(plot.figure, figures_dir / plot.name)
    if html_file is not None:
        write_report(html_file, evaluation, [Picture(as_svg(plot.figure), plot.caption) for plot in plots])
