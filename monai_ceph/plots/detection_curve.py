"""Plot the successful detection rate over the distance threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from monai_ceph.metrics.detection_rate import CHALLENGE_THRESHOLDS_MM, check_thresholds
from monai_ceph.metrics.summary import DECIMALS
from monai_ceph.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LINE = 100
"""Maximum number of characters in a line of the legend."""
_DASHES = ("solid", (0, (6, 2)), (0, (2, 1.5)), (0, (7, 2, 1.5, 2)))
_COLOURS = (style.BLUE, style.RED, style.GREEN, style.ORANGE, style.PURPLE, style.SKY, style.INK)
_LINES = list(product(_DASHES, _COLOURS))


def detection_curve(
    errors_mm: Mapping[str, np.ndarray],
    thresholds: Sequence[float] = CHALLENGE_THRESHOLDS_MM,
    limit_mm: float = 10.0,
) -> Figure:
    """Plot the successful detection rate over the distance threshold, with one curve for each set of errors.

    Args:
        errors_mm: name -> errors of any shape, mm. NaN (no reference) is ignored; infinity (not found) is a miss at
            every threshold, so a curve may end below 100 %.
        thresholds: distances to mark, mm.
        limit_mm: end of the horizontal axis, mm.
    Returns:
        The figure; save it with :func:`monai_ceph.plots.save_plot`.
    Raises:
        ValueError: there is no set of errors, a set has no reference, or a threshold is not positive.
        ImportError: matplotlib is missing.

    >>> import numpy as np
    >>> figure = detection_curve({"ours": np.array([0.5, 1.5, 3.0]), "theirs": np.array([1.0, 2.2, np.inf])})
    >>> [text.get_text() for text in figure.legends[0].get_texts()][0]
    'ours: 66.7 % within 2 mm (n = 3)'
    """
    check_thresholds(thresholds)
    if not errors_mm:
        raise ValueError("Expected at least one set of errors, got none.")
    figure = style.new_figure(4.0 + 0.2 * len(errors_mm))
    axes = figure.add_subplot()
    style.plain(axes, grid="y")
    marked = [threshold for threshold in thresholds if threshold <= limit_mm]
    for threshold in marked:
        axes.axvline(threshold, color=style.FAINT, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
        look: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": style.SMALL_PT, "color": style.FAINT}
        axes.text(threshold, 101.5, f"{threshold:g}", **look)
    for k, (name, errors) in enumerate(errors_mm.items()):
        annotated = _annotated(name, errors)
        steps = np.concatenate([[0.0], annotated[annotated <= limit_mm], [limit_mm]])
        dashes, color = _LINES[k % len(_LINES)]
        label = _label(name, annotated, thresholds[0])
        rates = _percent(annotated, steps)
        axes.step(steps, rates, where="post", color=color, linestyle=dashes, linewidth=1.8, label=label, zorder=3)
        axes.plot(marked, _percent(annotated, marked), "o", color=color, markersize=4, zorder=4, clip_on=False)
    axes.set_xlim(0, limit_mm)
    axes.set_ylim(0, 101)
    style.label_axes(axes, "largest error that counts as found (mm)", "landmarks found (%)")
    # Below the axes, because names are often long paths.
    legend = figure.legend(loc="outside lower left", fontsize=style.TEXT_PT, frameon=False, handlelength=3)
    for text in legend.get_texts():
        text.set_parse_math(False)
    style.title(figure, "Successful detection rate")
    return figure


def _annotated(name: str, errors: np.ndarray) -> np.ndarray:
    """Return the errors that have a reference, sorted, infinity last."""
    # Rounded as in the summary; otherwise rates could differ from the table for distances at a threshold.
    flat = np.asarray(errors, dtype=np.float64).ravel().round(DECIMALS)
    annotated = np.sort(flat[~np.isnan(flat)])
    if not len(annotated):
        raise ValueError(f"Expected errors of '{name}', but none of its landmarks has a reference.")
    return annotated


def _percent(annotated: np.ndarray, within_mm: np.ndarray | Sequence[float]) -> np.ndarray:
    percent: np.ndarray = 100 * np.searchsorted(annotated, within_mm, side="right") / len(annotated)
    return percent


def _label(name: str, annotated: np.ndarray, threshold: float) -> str:
    missing = int(np.isinf(annotated).sum())
    numbers = f"n = {len(annotated)}" + (f", {missing} missing" if missing else "")
    label = f"{name}: {float(_percent(annotated, [threshold])[0]):.1f} % within {threshold:g} mm ({numbers})"
    return "\n".join(wrap(label, _LINE))
