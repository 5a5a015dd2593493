"""All figures of an evaluation, with what stands beneath them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from monai_ceph.evaluation.evaluation import Evaluation
from monai_ceph.plots.detection_curve import detection_curve
from monai_ceph.plots.error_box_plot import error_box_plot
from monai_ceph.plots.error_ellipses import error_ellipses
from monai_ceph.plots.site_offset import site_offset_plot
from monai_ceph.writers.evaluation_table import short_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class EvaluationFigure(NamedTuple):
    """A figure, what to call its file, and its caption."""

    name: str
    figure: Figure
    caption: str


def evaluation_figures(evaluation: Evaluation) -> list[EvaluationFigure]:
    """Detection rates of all comparisons; then errors, spread and bias of the predictions against each reference.

    Raises:
        ImportError: matplotlib or SciPy is missing; the message names the extra.
    """
    names = short_names(evaluation.comparisons)
    errors = {f"{a} against {b}": one.errors_mm for (a, b), one in zip(names, evaluation.comparisons, strict=True)}
    figures = [
        EvaluationFigure(
            "detection_curve",
            detection_curve(errors),
            "Share of the annotated landmarks found within a distance; a missing one is never found.",
        )
    ]
    for k, score in enumerate(evaluation.scores):
        # A reference is a path: no name for a file.
        number = f"_{k + 1}" if len(evaluation.scores) > 1 else ""
        against = f"{score.compared} against {score.reference}"
        figures += [
            EvaluationFigure(
                f"error_box_plot{number}",
                error_box_plot(score.errors_mm, score.symbols),
                f"Radial error of each landmark, {against}.",
            ),
            EvaluationFigure(
                f"error_ellipses{number}",
                error_ellipses(score.offsets_mm, score.target_mm, score.symbols),
                f"Where the predictions lie around each landmark, {against}: spread and bias, on the mean shape.",
            ),
            EvaluationFigure(
                f"site_offset{number}",
                site_offset_plot(score.offsets_mm, score.symbols),
                f"Bias of each landmark along both axes, {against}, and how many films it takes to know it to half a "
                "millimetre.",
            ),
        ]
    return figures
