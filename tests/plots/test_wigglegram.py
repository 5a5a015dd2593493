from __future__ import annotations

import math

import numpy as np

from monai_ceph.plots import Deviation, wigglegram
from monai_ceph.plots.wigglegram import LIMIT

A = [
    Deviation("Steiner", "SNA", -1.5, -2.0, -1.0),
    Deviation("Steiner", "SNB", math.nan),
    Deviation("Steiner", "ANB", 9),
]
B = [Deviation("Downs", "Y axis", 0.4)]


def marks(axes) -> list[tuple[str, float, float, str]]:
    found = [line for line in axes.lines if line.get_marker() not in ("None", "") and len(line.get_xdata()) == 1]
    return [
        (line.get_marker(), *line.get_xydata()[0].tolist(), line.get_markerfacecolor())
        for line in found
        if np.isfinite(line.get_xydata()).all()
    ]


def test_each_row_has_a_mark_filled_where_it_lies_out_of_the_norm() -> None:
    [axes] = wigglegram([*A, *B]).axes
    (first, second, third) = marks(axes)
    assert first[:3] == ("o", -1.5, 0) and first[3] != "white"
    assert second[:3] == (">", LIMIT, 2) and second[3] != "white"
    assert third == ("o", 0.4, 3, "white")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["SNA", "SNB", "ANB", "Y axis"]


def test_line_connects_one_analysis_and_is_interrupted_where_unknown() -> None:
    [axes] = wigglegram([*A, *B]).axes
    lines = [line.get_xdata() for line in axes.lines if line.get_marker() == "None" and len(line.get_ydata()) == 3]
    np.testing.assert_array_equal(lines, [[-1.5, np.nan, LIMIT]])


def test_bar_shows_the_interval() -> None:
    [axes] = wigglegram(A[:1]).axes
    assert [-2.0, -1.0] in [list(line.get_xdata()) for line in axes.lines]
