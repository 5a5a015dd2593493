"""The module that is exported, against the literal pipeline: transforms, inferer and the way back, one by one."""

from __future__ import annotations

import copy
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.inferers import SimpleInferer
from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged, NormalizeIntensity, NormalizeIntensityd

from monai_ceph.export.whole_film import (
    WholeFilm,
    _pad_by_size,
    any_film_inferer,
    merge_in_windows,
    resampling_matrix,
    whole_film,
)
from monai_ceph.film_pose import FilmPose
from monai_ceph.heatmaps import decode_argmax, decode_soft_centroid, decode_threshold_mean
from monai_ceph.inferers import AnyFilmInferer, AutocastInferer, FastTwoStageInferer, TwoStageInferer
from monai_ceph.inferers.posed_film import posed_film
from monai_ceph.inferers.two_stage import coarse_heatmaps, merge_own
from monai_ceph.networks import HalfResolutionUNet, TwoStageNet
from monai_ceph.transforms import PointsToFilmd, ScaleToSpacing, scale_pixels
from tests.export.nets import peaked_unets
from tests.reference.resample import shrink

WORKING_MM = 0.6


def smooth_film(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """(X, Y) float32, 0 to 255: noise over the whole film, blurred enough to survive being scaled."""
    noise = np.random.default_rng(seed).normal(size=size)
    x, y = np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1])[None]
    film = np.fft.irfft2(np.fft.rfft2(noise) * np.exp(-2 * (np.pi * 5) ** 2 * (x**2 + y**2)), size)
    film = (film - film.min()) / np.ptp(film)
    return (255 * film).astype(np.float32)


def literal(
    film: np.ndarray, spacing_mm: tuple[float, float], network: TwoStageNet, inferer: TwoStageInferer
) -> tuple[np.ndarray, np.ndarray]:
    """Points in film pixels and confidences, by the parts that a bundle wires."""
    image = MetaTensor(
        torch.tensor(film)[None],
        affine=torch.eye(4),
        meta={"spacing_mm": torch.tensor(spacing_mm, dtype=torch.float64)},
    )
    image = NormalizeIntensity()(ScaleToSpacing(WORKING_MM)(image))
    out = PointsToFilmd()({"image": image, "pred": inferer(image[None], network)[0]})
    return out["pred_px"].numpy(), out["confidence"].numpy()


class GlobalStage(TwoStageInferer):
    """Stops after the global stage."""

    def refined(self, films: torch.Tensor, coarse: torch.Tensor, network: TwoStageNet) -> torch.Tensor:
        heatmaps = coarse_heatmaps(films, network, self.global_scale)
        return torch.cat([coarse, heatmaps.amax((-2, -1))[..., None]], -1)


def settings(**changes: object) -> dict[str, object]:
    return {"patch_size": 48, "expansion": 1.0, "merge": "own", "coarse_decoder": decode_soft_centroid, **changes}


def run(module: WholeFilm, film: np.ndarray, spacing_mm: tuple[float, float]) -> tuple[np.ndarray, ...]:
    with torch.no_grad():
        outputs = module(torch.tensor(film)[None, None], torch.tensor(spacing_mm, dtype=torch.float64))
    return tuple(output.numpy() for output in outputs)


FILMS = [
    ((323, 400), (0.6, 0.6)),  # already at the working spacing
    ((401, 333), (0.3, 0.3)),  # landscape, odd
    ((301, 203), (0.6, 1.27)),  # pixels twice as high as wide
    ((150, 211), (1.1, 0.9)),  # magnified
    ((250, 301), (0.6004, 0.5)),  # x would keep its number of pixels
    ((97, 96), (0.3, 0.301)),  # as small as a patch
]


@pytest.mark.parametrize(("size", "spacing_mm"), FILMS)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"expansion": 1.8, "guide_sigma_px": 9.0, "coarse_decoder": decode_argmax},
        {"expansion": 1.5, "guide_sigma_px": [5.0 + k for k in range(6)], "decoder": decode_soft_centroid},
        {"global_scale": 0.5, "patch_size": 33, "decoder": decode_argmax},
    ],
)
def test_same_points_as_the_literal_pipeline(
    size: tuple[int, int], spacing_mm: tuple[float, float], changes: dict[str, object]
) -> None:
    network, film, chosen = peaked_unets(), smooth_film(size), settings(**changes)
    if min(n * mm for n, mm in zip(size, spacing_mm, strict=True)) / WORKING_MM * 0.3 < 16:
        chosen["global_scale"] = 0.5  # BasicUNet takes no less than 16 px
    module = WholeFilm(network, FastTwoStageInferer(**chosen), WORKING_MM, (0.1, 0.1))
    points_px, confidence, *coarse, _ = run(module, film, spacing_mm)
    expected, expected_confidence = literal(film, spacing_mm, network, TwoStageInferer(**chosen))
    np.testing.assert_allclose(points_px, expected, atol=0.01)
    np.testing.assert_allclose(confidence, expected_confidence, atol=1e-4)
    for found, wanted in zip(coarse, literal(film, spacing_mm, network, GlobalStage(**chosen)), strict=True):
        np.testing.assert_allclose(found, wanted, atol=0.01)


@pytest.mark.parametrize("changes", [{}, {"expansion": 1.8, "guide_sigma_px": 9.0}])
def test_local_stage_looks_where_it_is_told(changes: dict[str, object]) -> None:
    size, spacing_mm = (301, 203), (0.6, 1.27)
    network, film, inferer = peaked_unets(), smooth_film(size), FastTwoStageInferer(**settings(**changes))
    module = WholeFilm(network, inferer, WORKING_MM, (0.1, 0.1))
    start_px = np.random.default_rng(1).uniform(40, 160, (6, 2))
    local, affine = posed_film(torch.tensor(film)[None], FilmPose(spacing_mm), WORKING_MM, (0.0, 0.0))
    linear, shift = affine[:2, :2].numpy(), affine[:2, 2].numpy()
    with torch.no_grad():
        start = torch.tensor((start_px - shift) @ np.linalg.inv(linear).T, dtype=torch.float32)
        expected = inferer.refined(local[None], start[None], network)[0].to(torch.float64).numpy()
        found = module(
            torch.tensor(film)[None, None], torch.tensor(spacing_mm, dtype=torch.float64), torch.from_numpy(start_px)
        )
    points_px, confidence, *_, spread = (output.numpy() for output in found)
    np.testing.assert_allclose(points_px, expected[:, :2] @ linear.T + shift, atol=0.01)
    np.testing.assert_allclose(confidence, expected[:, 2], atol=1e-4)
    moments = linear @ expected[:, [3, 4, 4, 5]].reshape(-1, 2, 2) @ linear.T
    np.testing.assert_allclose(spread, moments.reshape(-1, 4)[:, [0, 1, 3]], rtol=1e-3, atol=1e-2)


def test_the_films_above_try_the_border_and_all_of_the_film() -> None:
    """Or the comparison would hold for points that hardly move."""
    network, inferer = peaked_unets(), TwoStageInferer(**settings(coarse_decoder=decode_argmax))
    outside, places = 0, []
    for size, spacing_mm in FILMS[:4]:
        image = MetaTensor(torch.tensor(smooth_film(size))[None], affine=torch.eye(4), meta={"spacing_mm": spacing_mm})
        image = NormalizeIntensity()(ScaleToSpacing(WORKING_MM)(image))
        with torch.no_grad():
            coarse = inferer.coarse_points(image.as_tensor()[None], network)[0]
        outside += int(((coarse < 24) | (coarse > image.shape[-1] - 25)).any(1).sum())
        places.append(coarse / image.shape[-1])
    assert outside >= 4
    assert torch.cat(places).std(0).min() > 0.2


def test_film_of_one_gray() -> None:
    network, film = peaked_unets(), np.full((200, 220), 7.0, np.float32)
    module = WholeFilm(network, FastTwoStageInferer(**settings()), WORKING_MM, (0.1, 0.1))
    points_px, confidence, *_ = run(module, film, (0.6, 0.6))
    expected = literal(film, (0.6, 0.6), network, TwoStageInferer(**settings()))
    np.testing.assert_allclose(points_px, expected[0], atol=0.01)
    np.testing.assert_allclose(confidence, expected[1], atol=1e-5)


@pytest.mark.parametrize("spacing_mm", [(math.nan, math.nan), (0.3, math.nan)])
def test_unknown_spacing_is_the_assumed_one(spacing_mm: tuple[float, float]) -> None:
    film = smooth_film((210, 260))
    module = WholeFilm(peaked_unets(), FastTwoStageInferer(**settings()), WORKING_MM, (0.55, 0.55))
    for unknown, known in zip(run(module, film, spacing_mm), run(module, film, (0.55, 0.55)), strict=True):
        np.testing.assert_allclose(unknown, known, atol=1e-3)


def test_network_itself_is_left_alone() -> None:
    network = peaked_unets()
    names = [name for name, _ in network.named_modules()]
    WholeFilm(network, FastTwoStageInferer(**settings()), WORKING_MM, (0.1, 0.1))
    assert [name for name, _ in network.named_modules()] == names


@pytest.mark.parametrize(("size", "factor"), [(40, 0.5), (61, 0.3), (61, 0.77), (37, 1.0), (37, 1.6), (9, 0.12)])
def test_matrix_scales_as_the_transform_does(size: int, factor: float) -> None:
    film = np.random.default_rng(size).random((size, size))
    matrix = resampling_matrix(size, torch.tensor(factor, dtype=torch.float64), int(size * factor))
    scaled = matrix @ torch.tensor(film, dtype=torch.float32) @ matrix.T
    # torch 2.13 repeats one row of an image that comes out a single pixel wide.
    if len(matrix) > 1:
        expected = scale_pixels(torch.tensor(film[None], dtype=torch.float32), (factor, factor))[0]
        torch.testing.assert_close(scaled, expected, atol=2e-6, rtol=0)
    if factor <= 1:
        np.testing.assert_allclose(scaled, shrink(film, factor), atol=2e-5)


def test_windows_hold_what_the_loop_puts_there() -> None:
    draw = np.random.default_rng(0)
    own = torch.tensor(draw.random((7, 5, 12, 12)), dtype=torch.float32)
    starts = torch.tensor(draw.integers(0, 9, (7, 5, 2)))
    expected, corner = merge_own(own, starts)
    window = merge_in_windows(own, starts, 24)
    side = expected.shape[-1]
    torch.testing.assert_close(window[:, :side, :side], expected)
    assert window[:, side:].abs().max() == 0
    assert corner.tolist() == starts.amin(1).tolist()


def steps(**changes: object) -> SimpleNamespace:
    found = [
        LoadImaged("image"),
        EnsureChannelFirstd("image"),
    ]
    inferer = AnyFilmInferer(FastTwoStageInferer(**changes), WORKING_MM, None)
    return SimpleNamespace(network=peaked_unets(), preprocessing=Compose(found), inferer=inferer)


def test_parts_of_a_bundle() -> None:
    parts = steps(**settings())
    module = whole_film(parts.network, parts.preprocessing, AutocastInferer(parts.inferer))
    assert (module.patch_size, module.window, module.working_mm.item()) == (48, 48, WORKING_MM)
    assert (module.coarse_decoder, module.decoder) == (decode_soft_centroid, decode_threshold_mean)
    assert any_film_inferer(AutocastInferer(AutocastInferer(parts.inferer))) is parts.inferer


def test_merge_of_all_patches_is_refused() -> None:
    parts = steps(**settings(merge="all"))
    with pytest.raises(ValueError, match=re.escape("Expected an inferer with merge 'own' to export, got 'all'")):
        whole_film(parts.network, parts.preprocessing, parts.inferer)


def test_other_preprocessing_or_network_is_refused() -> None:
    parts = steps(**settings())
    longer = Compose([*parts.preprocessing.transforms, NormalizeIntensityd("image")])
    message = "after LoadImaged, EnsureChannelFirstd, NormalizeIntensityd; other bundles run with"
    with pytest.raises(ValueError, match=re.escape(message)):
        whole_film(parts.network, longer, parts.inferer)
    with pytest.raises(ValueError, match="got a BasicUNet after LoadImaged"):
        whole_film(parts.network.global_net, parts.preprocessing, parts.inferer)


def test_inferer_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected an AnyFilmInferer to export, got a AutocastInferer without one"):
        any_film_inferer(AutocastInferer(SimpleInferer()))


def test_half_resolution_network_is_exported_for_any_size() -> None:
    torch.manual_seed(0)
    network = HalfResolutionUNet(1, 3, "efficientnet-lite0", decoder_channels=(16, 12, 8, 8)).eval()
    both = torch.nn.ModuleDict({"global_net": copy.deepcopy(network)})
    _pad_by_size(both)
    sides = {2: torch.export.Dim("x", min=64, max=512), 3: torch.export.Dim("y", min=64, max=512)}
    program = torch.export.export(both["global_net"], (torch.rand(1, 1, 67, 90),), dynamic_shapes=(sides,))
    for size in ((67, 90), (128, 101), (80, 80)):
        image = torch.rand(1, 1, *size)
        with torch.no_grad():
            torch.testing.assert_close(program.module()(image), network(image), rtol=1e-4, atol=1e-5)
