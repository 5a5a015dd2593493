"""Films that lie in any way, with stages that know the truth: what is found, and in how many looks."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_ceph.inferers import AnyFilmInferer, FilmPose, Orientation
from monai_ceph.inferers.posed_film import posed_film
from tests.faces import face_shape, faces_mm
from tests.inferers.posed import Oracle, coordinate_film, shown_places

SHAPE = face_shape()
SIZE, MM = (240, 300), 0.8
"""A film of 192 x 240 mm."""


def face_px(turn_deg: float = 0.0, seed: int = 5) -> np.ndarray:
    angle = np.radians(turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    face = faces_mm(1, seed=seed)[0]
    return (face - face.mean(0)) @ turn.T / MM + np.array(SIZE) / 2


def run(film: torch.Tensor, oracle: Oracle, known_mm: float | None) -> np.ndarray:
    inputs = MetaTensor(film, meta={"spacing_mm": np.full(2, np.nan if known_mm is None else known_mm)})[None]
    found = AnyFilmInferer(oracle, 0.4, SHAPE)(inputs, None)
    assert found.shape == (1, 19, 10)
    return found[0].numpy()


@pytest.mark.parametrize(
    "orientation", [Orientation(k, m, i) for k in range(4) for m in (False, True) for i in (False, True)]
)
def test_a_posed_film_shows_the_pixels_that_its_affine_names(orientation: Orientation) -> None:
    film = coordinate_film((50, 70))
    film = 1000 - film if orientation.inverted else film
    for pose in (
        FilmPose((0.3, 0.3), orientation),
        FilmPose((0.3, 0.3), orientation, 0.0, (25.0, 30.0)),
        FilmPose((0.3, 0.3), orientation, 20.0, (25.0, 35.0)),
    ):
        posed, affine = posed_film(film, pose, 0.5, (9.0, 7.0))
        places, inverted = shown_places(posed)
        assert not inverted and posed.mean().abs() < 1e-5
        grid = torch.stack(torch.meshgrid(*(torch.arange(n) for n in posed.shape[-2:]), indexing="ij"), -1)
        named = grid.to(torch.float64) @ affine[:2, :2].T + affine[:2, 2]
        if orientation.inverted:
            continue  # the film no longer shows its places
        inside = ((named > 2) & (named < torch.tensor([47, 67]))).all(-1)
        assert (
            inside.any() and (places - named)[inside].abs().max() < 0.1
        )  # the filter of a shrunk film is not quite symmetric


def test_a_film_of_known_scale_takes_one_look() -> None:
    points = face_px()
    oracle = Oracle(points, MM)
    found = run(coordinate_film(SIZE), oracle, MM)
    np.testing.assert_allclose(found[:, :2], points, atol=0.02)
    assert oracle.looks == 1 and (found[:, 2] > 0.7).all() and found[0, 5] > 0.3
    np.testing.assert_allclose(found[0, 7:], np.array([4.0, 0.0, 1.0]) * (0.4 / MM) ** 2, rtol=0.01)


def test_the_spread_of_a_heatmap_turns_with_the_film() -> None:
    film, points = coordinate_film(SIZE), face_px()
    lying = film.transpose(-1, -2).flip(-2)
    at = np.stack([SIZE[1] - 1 - points[:, 1], points[:, 0]], 1)
    found = run(lying, Oracle(points, MM), MM)
    np.testing.assert_allclose(found[:, :2], at, atol=0.1)
    np.testing.assert_allclose(found[0, 7:], np.array([1.0, 0.0, 4.0]) * (0.4 / MM) ** 2, rtol=0.01, atol=1e-3)


@pytest.mark.parametrize("known_mm", [None, 0.16, 4.0])
def test_an_unknown_or_wrong_scale_is_found(known_mm: float | None) -> None:
    points = face_px()
    found = run(coordinate_film(SIZE), Oracle(points, MM), known_mm)
    np.testing.assert_allclose(found[:, :2], points, atol=0.05)


@pytest.mark.parametrize("known_mm", [None, MM])
@pytest.mark.parametrize(("turns", "mirrored"), [(0, True), (1, False), (3, False), (2, False), (1, True)])
def test_a_turned_or_mirrored_film_gives_points_in_its_own_pixels(
    turns: int, mirrored: bool, known_mm: float | None
) -> None:
    axes = Orientation(turns, mirrored).axes()
    upright = face_px()
    moved = (upright - np.array(SIZE) / 2) @ axes.T
    size = SIZE if turns % 2 == 0 else SIZE[::-1]
    points = moved + np.array(size) / 2
    found = run(coordinate_film(size), Oracle(points, MM, torch.from_numpy(axes)), known_mm)
    np.testing.assert_allclose(found[:, :2], points, atol=0.05)


def test_an_inverted_film_is_found_and_reported() -> None:
    points = face_px()
    film = coordinate_film(SIZE)
    found = run(1000 - film, Inverted(points, MM), MM)
    np.testing.assert_allclose(found[:, :2], points, atol=0.05)
    assert (found[:, 6] == 1).all()


class Inverted(Oracle):
    """Reads a coordinate film that was stored inverted, once it is turned round."""

    def _read(self, film: torch.Tensor, scale: float, scales: tuple[float, float]) -> torch.Tensor:
        if float((film[3] - film[2]).mean()) < 0:  # as stored: bones are dark
            return super()._read(-film, scale, (9, 10))
        return super()._read(film, scale, scales)


def test_a_tilted_head_is_set_upright() -> None:
    points = face_px(turn_deg=28)
    found = run(coordinate_film(SIZE), Oracle(points, MM), MM)
    np.testing.assert_allclose(found[:, :2], points, atol=0.1)


def test_a_face_in_a_corner_of_a_large_picture() -> None:
    points = face_px() + np.array([450, 20])
    found = run(coordinate_film((750, 350)), Oracle(points, MM), None)
    np.testing.assert_allclose(found[:, :2], points, atol=0.05)


def test_a_point_that_the_global_stage_misplaces_is_looked_for_where_the_face_has_it() -> None:
    class Misled(Oracle):
        def coarse(self, films: torch.Tensor, network: object) -> torch.Tensor:
            found = super().coarse(films, network)
            found[:, 9, 0] -= 60  # 40 mm
            return found

    points = face_px()
    found = run(coordinate_film(SIZE), Misled(points, MM), MM)
    np.testing.assert_allclose(found[:, :2], points, atol=0.05)
    assert found[9, 4] > 30 > 5 > np.delete(found[:, 4], 9).max()  # mm between both stages


def test_without_a_face_a_film_is_used_as_stored() -> None:
    oracle = Oracle(face_px(), MM, upright=-torch.eye(2) * torch.tensor([1.0, 0.0]))  # fits no orientation
    found = run(coordinate_film(SIZE), oracle, MM)
    assert found[0, 5] < 0.2 and (found[:, 2] < 0.1).all() and np.isfinite(found).all()


@pytest.mark.parametrize("known_mm", [None, MM])
def test_search_of_a_picture_without_a_face_ends_early(known_mm: float | None) -> None:
    class Blind(Oracle):
        def coarse(self, films: torch.Tensor, network: object) -> torch.Tensor:
            found = super().coarse(films, network)
            found[..., 2] = 0.001
            return found

    oracle = Blind(face_px(), MM)
    search = AnyFilmInferer(oracle, 0.4, SHAPE).search
    assert search is not None
    plans = search.plans(SIZE, None if known_mm is None else (known_mm, known_mm))
    run(coordinate_film(SIZE), oracle, known_mm)
    assert oracle.looks == len(plans[0]) + len(plans[1]) < sum(len(plan) for plan in search.plans(SIZE)) - 5


def test_without_a_shape_nothing_is_searched() -> None:
    oracle = Oracle(face_px(), MM)
    inputs = MetaTensor(coordinate_film(SIZE), meta={"spacing_mm": np.full(2, MM)})[None]
    plain = AnyFilmInferer(oracle, 0.4, SHAPE).without_search()
    np.testing.assert_allclose(plain(inputs, None)[0, :, :2], face_px(), atol=0.05)
    assert oracle.looks == 1


def test_a_pixel_size_in_another_unit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"The film: with this pixel spacing the film is 24 x 30 m large; is it in mm"):
        run(coordinate_film(SIZE), Oracle(face_px(), MM), 100.0)


def test_the_poses_to_try_begin_with_the_known_spacing_and_end() -> None:
    search = AnyFilmInferer(Oracle(face_px(), MM), 0.4, SHAPE).search
    assert search is not None
    poses = list(chain(*search.plans((1000, 1200), (0.1, 0.1))))
    assert poses[0] == FilmPose((0.1, 0.1)) and len(set(poses)) == len(poses) < 60
    assert {pose.orientation for pose in poses} == {
        Orientation(k, m, i) for k in range(4) for m in (False, True) for i in (False, True)
    }
    turned = search.plans((1000, 1200), None, Orientation(3))
    assert turned[0][0].orientation == Orientation(3)
    assert not any(replace(search, extents_mm=(20.0,)).plans((1000, 1200)))  # too small to see anything


@pytest.mark.parametrize("tag", range(1, 9))
def test_an_orientation_tag_says_how_the_film_is_stored(tag: int) -> None:
    image, ops = pytest.importorskip("PIL.Image"), pytest.importorskip("PIL.ImageOps")
    stored = np.arange(6, dtype=np.uint8).reshape(2, 3)
    picture = image.fromarray(stored)
    picture.getexif()[274] = tag
    upright = np.asarray(ops.exif_transpose(picture))
    posed, _ = posed_film(
        torch.from_numpy(stored.T.copy())[None].float(), FilmPose((1.0, 1.0), Orientation.of_tag(tag)), 1.0, (0, 0)
    )
    assert torch.argsort(posed[0].T.flatten()).tolist() == np.argsort(upright.flatten()).tolist()
    assert posed[0].T.shape == upright.shape


def test_a_film_is_looked_at_first_as_its_tag_says() -> None:
    axes = Orientation.of_tag(6).axes()
    points = (face_px() - np.array(SIZE) / 2) @ axes.T + np.array(SIZE[::-1]) / 2
    oracle = Oracle(points, MM, torch.from_numpy(axes))
    meta = {"spacing_mm": np.full(2, MM), "film_orientation": 6}
    found = AnyFilmInferer(oracle, 0.4, SHAPE)(MetaTensor(coordinate_film(SIZE[::-1]), meta=meta)[None], None)
    np.testing.assert_allclose(found[0, :, :2], points, atol=0.05)
    assert oracle.looks == 1


def test_a_strip_of_unknown_pixel_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"can show a face, got 2 x 3000 pixels, which is too narrow"):
        run(coordinate_film((2, 3000)), Oracle(face_px(), 0.2), None)
