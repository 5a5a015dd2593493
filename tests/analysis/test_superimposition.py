from __future__ import annotations

import numpy as np
import pytest

from monai_ceph.analysis import to_sn_frame
from monai_ceph.landmarks import ISBI19, Landmark, LandmarkScheme
from monai_ceph.phantoms.mean_shape import MEAN_MM

S, N, ME = (ISBI19.index(symbol) for symbol in ("S", "N", "Me"))


def test_sella_is_the_origin_and_nasion_on_the_x_axis() -> None:
    moved = to_sn_frame(MEAN_MM)
    assert moved[S].tolist() == [0, 0]
    assert moved[N] == pytest.approx([np.linalg.norm(MEAN_MM[N] - MEAN_MM[S]), 0], abs=1e-9)
    assert moved[ME, 1] > 50  # the chin is below


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 37, 180, 270])
def test_films_that_lie_in_any_way_have_one_frame(degrees: float, mirrored: bool) -> None:
    turn = np.deg2rad(degrees)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    film = (MEAN_MM * ([-1, 1] if mirrored else [1, 1])) @ rotation + [300, -40]
    np.testing.assert_allclose(to_sn_frame(film), to_sn_frame(MEAN_MM), atol=1e-9)


def test_unknown_points_stay_unknown() -> None:
    points = MEAN_MM.copy()
    points[ME] = np.nan
    moved = to_sn_frame(points)
    assert np.isnan(moved[ME]).all() and np.isfinite(np.delete(moved, ME, 0)).all()


@pytest.mark.parametrize("k", [S, N])
def test_without_sella_or_nasion_there_is_no_superimposition(k: int) -> None:
    points = MEAN_MM.copy()
    points[k] = np.nan
    with pytest.raises(ValueError, match="needs S and N at different places; at least one was not found"):
        to_sn_frame(points)


def test_sella_and_nasion_alone_do_not_tell_up_from_down() -> None:
    points = np.full((19, 2), np.nan)
    points[[S, N]] = MEAN_MM[[S, N]]
    with pytest.raises(ValueError, match="needs at least one landmark beside S and N"):
        to_sn_frame(points)


def test_scheme_without_nasion_is_refused() -> None:
    scheme = LandmarkScheme("two", (Landmark("S", "sella"), Landmark("A", "subspinale")))
    with pytest.raises(ValueError, match="needs a scheme with S and N; 'two' lacks them"):
        to_sn_frame(MEAN_MM[:2], scheme)


def test_points_of_another_scheme_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected points of shape \(19, 2\) for scheme 'isbi19', got \(5, 2\)"):
        to_sn_frame(MEAN_MM[:5])
