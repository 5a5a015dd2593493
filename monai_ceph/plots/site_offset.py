"""Plot the bias of each landmark, and the number of films needed to measure it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from monai_ceph.metrics.site_offset import site_offset
from monai_ceph.plots import style
from monai_ceph.wording import count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_AXES = ("to the right (mm)", "downwards (mm)")


def site_offset_plot(offsets_mm: np.ndarray, symbols: Sequence[str], target_mm: float = 0.5) -> Figure:
    """Plot each landmark's bias along x and y with its 95 % interval, and the films needed to reach the target.

    Args:
        offsets_mm: (F, N, 2), (x, y), predicted minus reference, mm in the film's frame; NaN if either is unknown.
        symbols: N landmark symbols.
        target_mm: half-width of the interval to reach, mm, see :func:`monai_ceph.metrics.site_offset.site_offset`.
    Returns:
        The figure; save it with :func:`monai_ceph.plots.save_plot`.
    Raises:
        ValueError: the offsets do not have the shape (F, N, 2), or the target is not positive.
        ImportError: matplotlib or SciPy is missing.

    >>> import numpy as np
    >>> figure = site_offset_plot(np.random.default_rng(0).normal(0.3, 1.0, (10, 2, 2)), ["S", "N"])
    """
    offsets = style.as_landmarks(offsets_mm, symbols, "(films, landmarks, 2)")
    result = site_offset(offsets, target_mm)
    reach = np.abs(result.bias_mm) + np.nan_to_num(result.margin_mm)
    end = 1.08 * max(1.0, float(np.nanmax(reach)) if np.isfinite(reach).any() else 1.0)

    figure = style.new_figure(style.rows_height(len(symbols)))
    for axis, axes in enumerate(figure.subplots(1, 2, sharey=True)):
        style.landmark_rows(axes, symbols)
        axes.axvline(0, color=style.INK, linewidth=1)
        axes.axvspan(-target_mm, target_mm, color="#F0F0F0", zorder=0)
        for row in range(len(symbols)):
            bias, margin = result.bias_mm[row, axis], result.margin_mm[row, axis]
            apart = abs(bias) > margin  # False where the margin is unknown
            color = style.RED if apart else style.BLUE
            axes.plot([bias - margin, bias + margin], [row, row], color=color, linewidth=2.2, solid_capstyle="butt")
            axes.plot(bias, row, "o", color=color, markersize=5.5, markerfacecolor=color if apart else "white")
        axes.set_xlim(-end, end)
        style.label_axes(axes, _AXES[axis])
    style.column(axes, 1.10, "n", [str(n) for n in result.n], style.FAINT)
    needed = ["" if np.isnan(films) else f"{films:.0f}" for films in result.films_needed]
    style.column(axes, 1.26, "films\nneeded", needed)
    style.title(
        figure,
        f"Bias of each landmark (predicted minus reference), {count(len(offsets), 'film')}",
        f"bars: 95 % interval of the mean; filled: 0 is outside; films needed: to know it to ±{target_mm:g} mm (band)",
    )
    return figure
