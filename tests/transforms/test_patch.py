from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import Affine, Compose

from monai_ceph.transforms import PatchPlace, RandLandmarkPatchesd, RandWindowsd, ScaleToSpacing, extract_patch


def _film(size: tuple[int, int] = (90, 120), name: str = "007.png") -> MetaTensor:
    pixels = torch.rand(1, *size, generator=torch.Generator().manual_seed(0)) + 1
    meta = {"filename_or_obj": name, "spacing_mm": torch.tensor([0.1, 0.1], dtype=torch.float64)}
    return MetaTensor(pixels, affine=torch.eye(4, dtype=torch.float64), meta=meta)


def _centre_px(patch: MetaTensor) -> np.ndarray:
    middle = [(n - 1) / 2 for n in patch.shape[-2:]]
    return (patch.affine.numpy() @ [*middle, 0, 1])[:2]


@settings(max_examples=30)
@given(st.integers(0, 60), st.integers(0, 80), st.integers(5, 30))
def test_upright_patch_is_a_slice(x: int, y: int, size: int) -> None:
    film = _film()
    patch = extract_patch(film, PatchPlace((x + (size - 1) / 2, y + (size - 1) / 2)), size)
    np.testing.assert_allclose(patch, film[:, x : x + size, y : y + size], atol=1e-4)
    np.testing.assert_allclose(patch.affine[:2, 3], [x, y], atol=1e-6)


def test_quarter_turn_is_a_turned_slice() -> None:
    film = _film()
    patch = extract_patch(film, PatchPlace((40.0, 50.0), math.pi / 2), 21)
    sliced = film[0, 30:51, 40:61].numpy()
    # Index (i, j) from the centre shows film (-j, i) from it.
    expected = np.array([[sliced[20 - j, i] for j in range(21)] for i in range(21)])
    np.testing.assert_allclose(patch[0], expected, atol=1e-4)


def test_magnification_shows_less_of_the_film() -> None:
    patch = extract_patch(_film(), PatchPlace((40.0, 50.0), 0.0, 2.0), 20)
    np.testing.assert_allclose(np.diag(patch.affine)[:2], 0.5, atol=1e-6)
    np.testing.assert_allclose(_centre_px(patch), [40, 50], atol=1e-5)


def test_outside_the_film_is_zero() -> None:
    patch = extract_patch(_film(), PatchPlace((0.0, 0.0)), 21)
    # Beside the border the place is a millionth of a pixel off, in single precision.
    assert (patch[0, :10] < 1e-5).all() and (patch[0, :, :10] < 1e-5).all()
    assert (patch[0, 10:, 10:] >= 0.99).all()
    assert (extract_patch(_film(), PatchPlace((-500.0, 50.0)), 21) == 0).all()


def test_patch_larger_than_the_film() -> None:
    patch = extract_patch(_film((20, 30)), PatchPlace((9.5, 14.5)), 50)
    assert patch.shape == (1, 50, 50)
    np.testing.assert_allclose(patch[0, 15:35, 10:40], _film((20, 30))[0], atol=1e-4)


def test_film_itself_is_left_alone() -> None:
    film = _film()
    before = film.clone()
    extract_patch(film, PatchPlace((40.0, 50.0), 0.3, 1.2), 20)
    assert torch.equal(film, before) and torch.equal(film.affine, torch.eye(4, dtype=torch.float64))


POINTS = torch.tensor([[20.0, 30.0], [math.nan, math.nan], [70.0, 100.0]])


def _centres(transform: RandLandmarkPatchesd | RandWindowsd, seed: int = 0) -> np.ndarray:
    transform.set_random_state(seed=seed)
    return np.array([_centre_px(s["image"]) for s in transform({"image": _film(), "points_px": POINTS})])


def test_patch_centres_lie_near_annotated_landmarks_and_reach_all_of_them() -> None:
    centres = _centres(RandLandmarkPatchesd("image", "points_px", 9, 60, near_px=6.0, far_prob=0.0))
    offsets = centres[:, None] - POINTS[[0, 2]].numpy()
    near = np.abs(offsets).max(-1) <= 6.0 + 1e-6
    assert near.any(1).all()
    assert near.any(0).all()
    reached = np.abs(offsets).max(-1).min(1)
    assert reached.max() > 4


def test_a_share_of_patches_is_far() -> None:
    centres = _centres(RandLandmarkPatchesd("image", "points_px", 9, 200, near_px=2.0, far_px=12.0, far_prob=0.25))
    reached = np.abs(centres[:, None] - POINTS[[0, 2]].numpy()).max(-1).min(1)
    assert reached.max() <= 12 + 1e-6
    # Of the far ones 1 in 36 falls within 2 px all the same.
    assert (reached > 2).mean() == pytest.approx(0.25, abs=0.1)


def test_places_are_in_the_frame_of_a_scaled_film() -> None:
    patches = RandLandmarkPatchesd("image", "points_px", 9, 10, near_px=0.0, far_prob=0.0).set_random_state(seed=0)
    scaled = ScaleToSpacing(0.2)(_film())
    for sample in patches({"image": scaled, "points_px": POINTS}):
        assert np.abs(_centre_px(sample["image"]) - POINTS[[0, 2]].numpy()).max(-1).min() < 1e-4


def test_turn_and_magnification_stay_in_their_ranges_and_fill_them() -> None:
    patches = RandLandmarkPatchesd("image", "points_px", 9, 120, rotate_deg=12.0, scale=0.25).set_random_state(seed=0)
    linear = np.array([s["image"].affine[:2, :2].numpy() for s in patches({"image": _film(), "points_px": POINTS})])
    angles = np.degrees(np.arctan2(linear[:, 1, 0], linear[:, 0, 0]))
    magnifications = 1 / np.linalg.norm(linear[:, :, 0], axis=1)
    assert np.abs(angles).max() <= 12 + 1e-6 and angles.max() > 10 and angles.min() < -10
    assert magnifications.max() <= 1.25 + 1e-6 and magnifications.max() > 1.2
    assert magnifications.min() >= 1 / 1.25 - 1e-6 and magnifications.min() < 1 / 1.2
    assert np.median(magnifications) == pytest.approx(1, abs=0.04)


def test_film_without_annotated_landmark_is_named() -> None:
    patches = RandLandmarkPatchesd("image", "points_px", 9)
    item = {"image": _film(), "points_px": torch.full((3, 2), torch.nan)}
    with pytest.raises(ValueError, match=r"007\.png has no annotated landmark; leave it out of the training films"):
        patches(item)


def test_windows_lie_on_the_bottom_square() -> None:
    centres = _centres(RandWindowsd("image", 9, 100, shift_px=7.0))
    offsets = centres - [44.5, 74.5]  # the middle of x 0..89, y 30..119
    assert np.abs(offsets).max() <= 7 + 1e-6
    assert offsets.max() > 6 and offsets.min() < -6


def test_window_without_shift_is_the_bottom_square() -> None:
    window = RandWindowsd("image", 90)({"image": _film()})[0]["image"]
    np.testing.assert_allclose(window, _film()[:, :, 30:], atol=1e-4)


TRANSFORMS = [
    lambda: RandLandmarkPatchesd("image", "points_px", 9, 3, rotate_deg=10.0, scale=0.2),
    lambda: RandWindowsd("image", 9, 3, 10.0, 10.0, 0.2),
]


@pytest.mark.parametrize("make", TRANSFORMS)
def test_same_seed_same_patches_another_seed_others(make: object) -> None:
    item = {"image": _film(), "points_px": POINTS}

    def run(seed: int) -> torch.Tensor:
        return torch.stack([s["image"] for s in make().set_random_state(seed=seed)(item)])  # type: ignore[operator]

    assert torch.equal(run(3), run(3))
    assert not torch.equal(run(3), run(4))


@pytest.mark.parametrize("make", TRANSFORMS)
def test_compose_seeds_it_and_calls_differ(make: object) -> None:
    item = {"image": _film(), "points_px": POINTS}
    first, again = Compose([make()]), Compose([make()])  # type: ignore[operator]
    first.set_random_state(seed=5)
    again.set_random_state(seed=5)
    a, b = first(item), first(item)
    assert not torch.equal(a[0]["image"], b[0]["image"])
    assert torch.equal(a[0]["image"], again(item)[0]["image"])
    assert torch.equal(b[2]["image"], again(item)[2]["image"])


@pytest.mark.parametrize("make", TRANSFORMS)
def test_every_sample_keeps_the_rest_and_the_item_is_left_alone(make: object) -> None:
    item = {"image": _film(), "points_px": POINTS, "film": "007"}
    samples = make()(item)  # type: ignore[operator]
    assert [s["film"] for s in samples] == ["007"] * 3
    assert all(s["points_px"] is POINTS for s in samples)
    assert item["image"].shape == (1, 90, 120)


def test_all_images_of_a_film_are_cut_at_the_same_places() -> None:
    item = {"image": _film(), "twice": _film() * 2, "points_px": POINTS}
    for sample in RandLandmarkPatchesd(("image", "twice"), "points_px", 9, 4, rotate_deg=9.0)(item):
        torch.testing.assert_close(sample["twice"], sample["image"] * 2)


def test_missing_image_only_where_allowed() -> None:
    item = {"points_px": POINTS}
    assert RandLandmarkPatchesd("image", "points_px", 9, 2, allow_missing_keys=True)(item) == [item, item]
    assert RandWindowsd("image", 9, 2, allow_missing_keys=True)(item) == [item, item]
    with pytest.raises(KeyError, match="image"):
        RandWindowsd("image", 9)(item)


@pytest.mark.parametrize(("size", "num_samples"), [(0, 1), (9, 0)])
def test_size_and_number_of_at_least_one(size: int, num_samples: int) -> None:
    with pytest.raises(ValueError, match=f"at least 1, got {size} and {num_samples}"):
        RandWindowsd("image", size, num_samples)


@given(
    centre=st.tuples(st.floats(-10, 90), st.floats(-10, 70)),
    angle=st.floats(-3, 3),
    magnification=st.floats(0.5, 2),
    size=st.integers(5, 40),
)
def test_same_patch_and_same_frame_as_by_monai_s_affine(
    centre: tuple[float, float], angle: float, magnification: float, size: int
) -> None:
    film = MetaTensor(
        torch.randn(2, 80, 61, generator=torch.Generator().manual_seed(0)),
        affine=torch.diag(torch.tensor([2.0, 3.0, 1.0, 1.0], dtype=torch.float64)),
    )
    cos, sin = np.cos(angle) / magnification, np.sin(angle) / magnification
    shift = [c - (n - 1) / 2 for c, n in zip(centre, film.shape[-2:], strict=True)]
    matrix = np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]], [0.0, 0.0, 1.0]])
    expected = Affine(affine=matrix, spatial_size=(size, size), mode="bilinear", padding_mode="zeros", image_only=True)(
        film
    )
    patch = extract_patch(film, PatchPlace(centre, angle, magnification), size)
    torch.testing.assert_close(patch.as_tensor(), expected.as_tensor(), atol=2e-3, rtol=0)
    torch.testing.assert_close(patch.affine, expected.affine, atol=1e-5, rtol=0)
