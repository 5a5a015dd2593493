"""Plot the errors of each landmark as boxes, as in the paper's Fig. 4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from monai_ceph.plots import style
from monai_ceph.wording import count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACCEPTED_MM = 2.0
"""Clinically acceptable error. Source: Wang et al. 2016, section 3."""


def error_box_plot(errors_mm: np.ndarray, symbols: Sequence[str], limit_mm: float = 10.0) -> Figure:
    """Plot one box per landmark with the 2 mm line, and columns with n, missing landmarks and errors off the scale.

    Args:
        errors_mm: (F, N) for F films, mm, as returned by :func:`monai_ceph.metrics.radial_error.radial_error`: NaN if
            there is no reference, infinity if a landmark was annotated but not found.
        symbols: N landmark symbols.
        limit_mm: end of the axis, or the largest error if that is smaller. Larger errors are counted and drawn as
            triangles at the edge, so that one outlier does not flatten every box.
    Returns:
        The figure; save it with :func:`monai_ceph.plots.save_plot`.
    Raises:
        ValueError: the errors do not have the shape (F, N).
        ImportError: matplotlib is missing.
    Source:
        Zhong et al. 2019, figure 4.

    >>> import numpy as np
    >>> figure = error_box_plot(np.random.default_rng(0).gamma(2.0, 0.5, (20, 2)), ["S", "N"])
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['S', 'N']
    """
    errors = style.as_landmarks(errors_mm, symbols, "(films, landmarks)")
    per_landmark = [values[np.isfinite(values)] for values in errors.T]
    largest = max((float(values.max()) for values in per_landmark if len(values)), default=0.0)
    end = min(limit_mm, max(1.04 * largest, 1.25 * ACCEPTED_MM))

    figure = style.new_figure(style.rows_height(len(symbols)))
    axes = figure.add_subplot()
    style.landmark_rows(axes, symbols)
    whisker = {"color": style.BLUE, "linewidth": 1}
    outlier = {"marker": "o", "markersize": 2.6, "markerfacecolor": style.BLUE, "markeredgewidth": 0, "alpha": 0.7}
    axes.boxplot(
        per_landmark,
        positions=range(len(symbols)),
        orientation="horizontal",
        widths=0.6,
        manage_ticks=False,
        patch_artist=True,
        boxprops={"facecolor": style.SKY, "edgecolor": style.BLUE, "linewidth": 1, "alpha": 0.65},
        medianprops={"color": style.INK, "linewidth": 1.6},
        whiskerprops=whisker,
        capprops=whisker,
        flierprops=outlier,
    )
    beyond = [int((values > end).sum()) for values in per_landmark]
    for row, number in enumerate(beyond):
        if number:
            axes.plot(end, row, marker=">", color=style.RED, markersize=5, clip_on=False, zorder=5)
    axes.axvline(ACCEPTED_MM, color=style.RED, linewidth=1.2, linestyle=(0, (5, 3)), zorder=1.5)
    look: dict[str, Any] = {"color": style.RED, "fontsize": style.SMALL_PT, "ha": "center", "va": "bottom"}
    axes.text(ACCEPTED_MM, -0.75, f"{ACCEPTED_MM:g} mm", **look)
    axes.set_xlim(0, end)
    style.label_axes(axes, "radial error (mm)")

    style.column(axes, 1.06, "n", [str(n) for n in (~np.isnan(errors)).sum(0)], style.FAINT)
    columns = [("missing", np.isinf(errors).sum(0).tolist()), (f"> {end:.3g} mm", beyond)]
    for k, (heading, counts) in enumerate(column for column in columns if any(column[1])):
        style.column(axes, 1.17 + 0.125 * k, heading, [str(n) if n else "" for n in counts], style.RED)
    style.title(
        figure,
        f"Radial error of each landmark, {count(len(errors), 'film')}",
        "box: quartiles, with the median; whiskers: to the last error within 1.5 box lengths; dots: errors beyond",
    )
    return figure
