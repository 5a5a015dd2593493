from __future__ import annotations

import numpy as np
import pytest

from monai_ceph.analysis import TRACING, TracingLine, trace
from monai_ceph.landmarks import AARIZ29, ISBI19, Landmark, LandmarkScheme

POINTS = np.random.default_rng(0).uniform(0, 500, (19, 2))


def of(symbol: str) -> np.ndarray:
    return POINTS[ISBI19.index(symbol)]


def test_every_line_is_drawn_through_its_points() -> None:
    drawn = trace(POINTS)
    assert [one.line for one in drawn] == list(TRACING)
    for one in drawn:
        for symbol in one.line.through:
            start, step = one.ends_px[:-1], np.diff(one.ends_px, axis=0)
            share = ((of(symbol) - start) * step).sum(-1) / (step**2).sum(-1)
            nearest = start + np.clip(share, 0, 1)[:, None] * step
            assert np.linalg.norm(nearest - of(symbol), axis=-1).min() < 1e-9


def test_planes_go_beyond_their_points_and_profiles_end_at_theirs() -> None:
    lines = {one.line.name: one.ends_px for one in trace(POINTS)}
    assert np.linalg.norm(np.diff(lines["S-N"], axis=0)) == pytest.approx(1.24 * np.linalg.norm(of("N") - of("S")))
    assert lines["facial profile"].tolist() == [of(symbol).tolist() for symbol in ("N", "A", "B", "Pog")]


def test_missing_points_leave_out_planes_and_split_profiles() -> None:
    points = POINTS.copy()
    points[[ISBI19.index("Po"), ISBI19.index("LL")]] = np.nan
    parts = [(one.line.name, len(one.ends_px)) for one in trace(points)]
    assert "Frankfort plane" not in dict(parts)
    # Pog' alone is no line.
    assert [part for part in parts if part[0] == "soft-tissue profile"] == [("soft-tissue profile", 2)]
    assert trace(np.full((19, 2), np.nan)) == []


def test_one_missing_point_gives_both_parts_of_a_profile() -> None:
    line = TracingLine("five", ("S", "N", "Or", "Po", "A"), "profile")
    points = POINTS.copy()
    points[2] = np.nan
    assert [one.ends_px.tolist() for one in trace(points, lines=[line])] == [points[:2].tolist(), points[3:5].tolist()]


def test_other_schemes_give_the_lines_that_they_have() -> None:
    points = np.random.default_rng(1).uniform(0, 500, (29, 2))
    assert "S-N" in [one.line.name for one in trace(points, AARIZ29)]
    scheme = LandmarkScheme("two", (Landmark("Sn", "subnasale"), Landmark("Pog`", "chin")))
    assert trace(points[:2], scheme) == []
    line = TracingLine("chin", ("Sn", "Pog'"), "profile")
    assert len(trace(points[:2], scheme, [line])) == 1


def test_points_of_another_scheme_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected points of shape \(19, 2\) for scheme 'isbi19', got \(18, 2\)"):
        trace(POINTS[:18])
