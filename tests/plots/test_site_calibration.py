"""The plot of a site calibration: arrows that point where points move, and what becomes worse in another colour."""

from __future__ import annotations

import numpy as np

from monai_ceph.plots import site_calibration_plot
from monai_ceph.plots.site_calibration import MAGNIFIED
from monai_ceph.plots.style import BLUE, RED
from monai_ceph.site import SiteCalibration, SiteEstimate


def estimate() -> SiteEstimate:
    face = np.array([[0.0, 0.0], [50.0, 0.0], [np.nan, np.nan]])
    bias, films = np.array([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0]]), np.array([3, 3, 0])
    site = SiteCalibration(("S", "N", "$x"), "ab", face, bias, bias * 0 + 0.2, np.ones(3), films, "2026-01-31")
    offsets = np.tile(bias, (3, 1, 1))
    offsets[:, 2] = np.nan
    left = offsets * [[[0.5], [2.0], [1.0]]]
    return SiteEstimate(site, ("a", "b", "c"), offsets, left)


def test_arrows_end_where_points_move_to() -> None:
    face = site_calibration_plot(estimate()).axes[0]
    ends = [note.xy for note in face.texts if not note.get_text()]
    np.testing.assert_allclose(ends, [[-2 * MAGNIFIED, 0], [50, -MAGNIFIED]])
    assert [note.get_text() for note in face.texts if note.get_text()] == ["S", "N"]
    assert face.yaxis_inverted()


def test_landmark_that_becomes_worse_has_another_colour() -> None:
    dots = [line for line in site_calibration_plot(estimate()).axes[1].lines if line.get_marker() == "o"]
    assert [dot.get_color() for dot in dots[1:4:2]] == [BLUE, RED]
    assert [float(dot.get_xdata()[0]) for dot in dots[:4]] == [2.0, 1.0, 1.0, 2.0]
