"""Make all plots of an evaluation, with captions."""

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


class EvaluationPlot(NamedTuple):
    """Hold a plot: the name of its file without suffix, the figure and the caption.

    >>> from matplotlib.figure import Figure
    >>> EvaluationPlot("errors", Figure(), "Radial error of each landmark.").name
    'errors'
    """

    name: str
    figure: Figure
    caption: str


def evaluation_plots(evaluation: Evaluation) -> list[EvaluationPlot]:
    """Return the plots of an evaluation.

    The first shows the detection rates of all scores; then follow the errors, spread and bias of the predictions for
    each reference.

    Raises:
        ImportError: matplotlib or SciPy is missing; the message names the extra.

    >>> import numpy as np
    >>> from monai_ceph import evaluate
    >>> from monai_ceph.formats import Annotations
    >>> from monai_ceph.landmarks import ISBI19
    >>> points = {f"{k:03}": np.random.default_rng(k).uniform(0, 2000, (19, 2)) for k in range(5)}
    >>> moved = {film: p + [10.0, 5.0] for film, p in points.items()}
    >>> predicted, anna = Annotations("model", ISBI19, moved), Annotations("anna", ISBI19, points)
    >>> evaluation = evaluate(predicted, [anna], spacing_mm=0.1)
    >>> [plot.name for plot in evaluation_plots(evaluation)]
    ['detection_curve', 'error_box_plot', 'error_ellipses', 'site_offset']
    """
    names = short_names(evaluation.all_scores)
    errors = {f"{a} against {b}": scores.errors_mm for (a, b), scores in zip(names, evaluation.all_scores, strict=True)}
    curve_caption = "Share of the annotated landmarks found within a distance; a missing one is never found."
    plots = [EvaluationPlot("detection_curve", detection_curve(errors), curve_caption)]
    for k, score in enumerate(evaluation.scores):
        # Numbers, because references are paths and cannot be part of a file name.
        number = f"_{k + 1}" if len(evaluation.scores) > 1 else ""
        against = f"{score.compared} against {score.reference}"
        boxes = error_box_plot(score.errors_mm, score.symbols)
        ellipses = error_ellipses(score.offsets_mm, score.target_mm, score.symbols)
        offsets = site_offset_plot(score.offsets_mm, score.symbols)
        spread = f"Where the predictions lie around each landmark, {against}: spread and bias, on the mean shape."
        bias = (
            f"Bias of each landmark along both axes, {against}, and how many films it takes to know it to half a "
            "millimetre."
        )
        plots += [
            EvaluationPlot(f"error_box_plot{number}", boxes, f"Radial error of each landmark, {against}."),
            EvaluationPlot(f"error_ellipses{number}", ellipses, spread),
            EvaluationPlot(f"site_offset{number}", offsets, bias),
        ]
    return plots
