"""Plot a site calibration: how it moves each landmark, and what it does to the error on held-out films."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from monai_ceph.plots import style
from monai_ceph.site.estimate import SiteEstimate
from monai_ceph.wording import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAGNIFIED = 4
"""Factor by which arrows are magnified relative to the face."""


def site_calibration_plot(estimate: SiteEstimate) -> Figure:
    """Plot the mean face with an arrow for each landmark, and each landmark's error before and after.

    Args:
        estimate: of :func:`monai_ceph.calibration.calibrate`.
    Returns:
        The figure; save it with :func:`monai_ceph.plots.save_plot`.
    Raises:
        ImportError: matplotlib is missing.

    >>> from monai_ceph.site.calibration import SiteCalibration
    >>> zeros = np.zeros((1, 2))
    >>> site = SiteCalibration(("S",), "12ab", zeros, zeros + 1, zeros + 0.2, np.ones(1), np.full(1, 3), "2026-01-31")
    >>> offsets_mm = np.ones((3, 1, 2))
    >>> figure = site_calibration_plot(SiteEstimate(site, ("a", "b", "c"), offsets_mm, offsets_mm * 0.1))
    """
    site = estimate.site
    figure = style.new_figure(max(style.rows_height(len(site.symbols)), 5.0))
    face, errors = figure.subplots(1, 2, width_ratios=(1.25, 1))
    _draw_face(face, estimate)
    _draw_errors(errors, estimate)
    before, after = (float(np.nanmean(values)) for values in estimate.errors_mm)
    style.title(
        figure,
        f"Site calibration from {count(len(estimate.films), 'film')}: {before:.2f} mm before, {after:.2f} mm after",
        f"arrows: how predicted points move, {MAGNIFIED} times as long as they are, with the standard error of their "
        "end; error: on films left out of the estimate",
    )
    return figure


def _draw_face(axes: Axes, estimate: SiteEstimate) -> None:
    from matplotlib.patches import Ellipse

    site = estimate.site
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.axis("off")
    for symbol, start, shift, error in zip(site.symbols, site.mean_face_mm, site.shift_mm, site.error_mm, strict=True):
        if not np.isfinite(start).all():
            continue
        end = start + MAGNIFIED * shift
        axes.plot(*start, "o", color=style.FAINT, markersize=3)
        axes.add_patch(Ellipse(end, *(2 * MAGNIFIED * error), color=style.BLUE, alpha=0.18, linewidth=0))
        axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": style.BLUE, "shrinkA": 0, "shrinkB": 0})
        away = -shift / max(float(np.linalg.norm(shift)), 1e-9)
        axes.annotate(
            symbol, start, xytext=(9 * away[0], -9 * away[1]), textcoords="offset points", ha="center", va="center",
            fontsize=style.SMALL_PT, color=style.INK, parse_math=False,
        )  # fmt: skip
    axes.margins(0.12)


def _draw_errors(axes: Axes, estimate: SiteEstimate) -> None:
    style.landmark_rows(axes, estimate.site.symbols)
    table = estimate.to_frame()
    for row, (before, after) in enumerate(zip(table.before_mm, table.after_mm, strict=True)):
        color = style.BLUE if after < before else style.RED
        axes.plot([before, after], [row, row], color=color, linewidth=2.2, solid_capstyle="butt")
        axes.plot(before, row, "o", color=style.FAINT, markersize=5, markerfacecolor="white")
        axes.plot(after, row, "o", color=color, markersize=5.5)
    axes.set_xlim(left=0)
    style.label_axes(axes, "mean error (mm): open before, filled after")
