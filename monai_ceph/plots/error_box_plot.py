"""How large the errors of each landmark are: the paper's Fig. 4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from monai_ceph.plots.style import (
    BLUE,
    FAINT,
    INK,
    RED,
    SKY,
    SMALL_PT,
    TEXT_PT,
    as_landmarks,
    column,
    landmark_rows,
    new_figure,
    plain,
    rows_height,
    title,
)
from monai_ceph.wording import count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACCEPTED_MM = 2.0
"""What the field takes for an acceptable error. Source: Wang et al. 2016, section 3."""


def error_box_plot(errors_mm: np.ndarray, symbols: Sequence[str], limit_mm: float = 10.0) -> Figure:
    """A box a landmark, with the 2 mm line, and a column each for n, for what is off the scale and for what is missing.

    Args:
        errors_mm: (F, N) for F films, mm; NaN where there is no reference, infinity where a landmark was annotated but
            not found, as :func:`monai_ceph.metrics.radial_error.radial_error` gives them.
        symbols: the N landmarks'.
        limit_mm: the axis ends here, or at the largest error if that is less; larger errors are drawn as triangles at
            the edge and counted, so that one film gone wrong does not flatten every box.
    Returns:
        The figure; save it with :func:`monai_ceph.plots.save_plot`.
    Raises:
        ValueError: errors that are not (F, N).
        ImportError: matplotlib is missing.
    Source:
        Zhong et al. 2019, figure 4.
    """
    errors = as_landmarks(errors_mm, symbols, "(films, landmarks)")
    found = [column[np.isfinite(column)] for column in errors.T]
    largest = max((float(column.max()) for column in found if len(column)), default=0.0)
    end = min(limit_mm, max(1.04 * largest, 1.25 * ACCEPTED_MM))

    figure = new_figure(rows_height(len(symbols)))
    axes = figure.add_subplot()
    plain(axes)
    landmark_rows(axes, symbols)
    axes.boxplot(
        found,
        positions=range(len(symbols)),
        orientation="horizontal",
        widths=0.6,
        manage_ticks=False,
        patch_artist=True,
        boxprops={"facecolor": SKY, "edgecolor": BLUE, "linewidth": 1, "alpha": 0.65},
        medianprops={"color": INK, "linewidth": 1.6},
        whiskerprops={"color": BLUE, "linewidth": 1},
        capprops={"color": BLUE, "linewidth": 1},
        flierprops={"marker": "o", "markersize": 2.6, "markerfacecolor": BLUE, "markeredgewidth": 0, "alpha": 0.7},
    )
    beyond = [int((column > end).sum()) for column in found]
    for row, some in enumerate(beyond):
        if some:
            axes.plot(end, row, marker=">", color=RED, markersize=5, clip_on=False, zorder=5)
    axes.axvline(ACCEPTED_MM, color=RED, linewidth=1.2, linestyle=(0, (5, 3)), zorder=1.5)
    axes.text(ACCEPTED_MM, -0.75, f"{ACCEPTED_MM:g} mm", color=RED, fontsize=SMALL_PT, ha="center", va="bottom")
    axes.set_xlim(0, end)
    axes.set_xlabel("radial error (mm)", fontsize=TEXT_PT, color=INK)

    column(axes, 1.06, "n", [str(n) for n in (~np.isnan(errors)).sum(0)], FAINT)
    columns = [("missing", [int(n) for n in np.isinf(errors).sum(0)]), (f"> {end:.3g} mm", beyond)]
    for k, (heading, counts) in enumerate([some for some in columns if any(some[1])]):
        column(axes, 1.17 + 0.125 * k, heading, [str(n) if n else "" for n in counts], RED)
    title(
        figure,
        f"Radial error of each landmark, {count(len(errors), 'film')}",
        "box: quartiles, with the median; whiskers: to the last error within 1.5 box lengths; dots: errors beyond",
    )
    return figure
