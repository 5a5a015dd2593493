"""The inferer against the slow, literal inference of tests/reference, with networks that are plain arithmetic."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.networks.nets import BasicUNet

from monai_ceph.heatmaps import decode_argmax, decode_soft_centroid, decode_threshold_mean
from monai_ceph.inferers import GlobalStageInferer, TwoStageInferer
from monai_ceph.inferers.two_stage import guide_prior, merge_own, patch_offsets, patch_starts
from monai_ceph.landmarks import Landmark, LandmarkScheme
from monai_ceph.networks import TwoStageNet
from monai_ceph.transforms import CropBottomSquare, PointsToFilmd, ScaleToSpacing
from tests.reference import dots
from tests.reference.paper_inference import (
    Inferred,
    bottom_square,
    own_patches_inference,
    paper_inference,
    patches_around,
)
from tests.reference.resample import convolve, shrink

GLOBAL_SCALE = 0.3


class FakeStage(torch.nn.Module):
    """A fixed convolution, less the picture's mean: what a patch shows elsewhere and where it ends both matter.

    The gain keeps probabilities off 1, to which single precision rounds several pixels alike: no single maximum then.
    """

    def __init__(self, channels: int, seed: int, side: int = 5, gain: float = 0.5) -> None:
        super().__init__()
        draw = np.random.default_rng(seed)
        self.kernels = draw.normal(size=(channels, side, side)) * gain / side
        self.bias = draw.normal(size=channels)
        self.conv = torch.nn.Conv2d(1, channels, side, padding=side // 2)
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor(self.kernels[:, None]))
            self.conv.bias.copy_(torch.tensor(self.bias))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.conv(image - image.mean(dim=(2, 3), keepdim=True))
        return logits

    def slow(self, image: np.ndarray) -> np.ndarray:
        return convolve(image - image.mean(), self.kernels, self.bias)


def _network(landmarks: int, seed: int, gain: float = 0.5) -> TwoStageNet:
    scheme = LandmarkScheme("fake", tuple(Landmark(f"L{i}", f"L{i}") for i in range(landmarks)))
    stages = [FakeStage(landmarks + 1, seed + i, gain=gain) for i in (0, 1)]
    return TwoStageNet(*stages, scheme).eval()


def _picture(size: tuple[int, int], seed: int) -> np.ndarray:
    """Smooth blobs over the whole film, to its very border."""
    draw = np.random.default_rng(seed)
    film = np.zeros(size)
    for _ in range(40):
        place = draw.uniform(0, size[0]), draw.uniform(0, size[1])
        film += draw.normal() * dots.draw(size, place, draw.uniform(3, 12))[0].astype(np.float64)
    return film / film.std()


def _clouds(size: tuple[int, int], seed: int, sigma: float = 4.0) -> np.ndarray:
    """Noise blurred by a Gaussian, which is quicker than dots where the film is large."""
    noise = np.random.default_rng(seed).normal(size=size)
    x, y = np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1])[None]
    film = np.fft.irfft2(np.fft.rfft2(noise) * np.exp(-2 * (np.pi * sigma) ** 2 * (x**2 + y**2)), size)
    return film / film.std()


def _run(inferer: TwoStageInferer, network: TwoStageNet, film: np.ndarray) -> np.ndarray:
    return inferer(torch.tensor(film, dtype=torch.float32)[None, None], network)[0].numpy()


def _slow(inference: Callable[..., Inferred], network: TwoStageNet, film: np.ndarray, **options: object) -> Inferred:
    result = inference(
        film, shrink(film, GLOBAL_SCALE), network.global_net.slow, network.local_net.slow, 1 / GLOBAL_SCALE, **options
    )
    # A film on which single precision may decide otherwise would make a test of luck: choose another seed.
    assert result.lead > 1e-5
    assert result.slack.max() < 0.1
    return result


def _agree(found: np.ndarray, slow: Inferred) -> None:
    assert (np.abs(found[:, :2] - slow.points).max(1) <= 1e-3 + slow.slack).all()
    np.testing.assert_allclose(found[:, 2], slow.merged.max((1, 2)), atol=1e-4)


paper = partial(
    TwoStageInferer,
    global_scale=GLOBAL_SCALE,
    merge="all",
    guide_sigma_px=None,
    coarse_decoder=decode_argmax,
    decoder=decode_threshold_mean,
)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("size", "epsilon"), [((90, 90), 1.8), ((70, 101), 1.8), ((90, 90), 1.0), ((64, 80), 1.5)])
def test_paper_s_inference_is_the_literal_one(size: tuple[int, int], epsilon: float, seed: int) -> None:
    network, film = _network(5, seed), _picture(size, seed)
    found = _run(paper(patch_size=25, expansion=epsilon), network, film)
    _agree(found, _slow(paper_inference, network, film, patch_size=25, epsilon=epsilon))


def test_paper_s_own_configuration_is_the_default() -> None:
    inferer = TwoStageInferer()
    assert (inferer.global_scale, inferer.patch_size, inferer.merge, inferer.guide_sigma_px) == (0.3, 125, "all", None)
    assert (inferer.coarse_decoder, inferer.decoder) == (decode_argmax, decode_threshold_mean)
    assert inferer.offsets.tolist() == [[0, 0], [-50, -50], [-50, 50], [50, -50], [50, 50]]


@pytest.mark.slow
def test_paper_s_inference_at_its_own_sizes() -> None:
    """967 px at 0.5x, 290 px at 0.15x, five patches of 125 px around each of 19 landmarks."""
    network, film = _network(19, 5, gain=1.5), _clouds((967, 967), 5)
    found = _run(paper(patch_size=125, expansion=1.8), network, film)
    _agree(found, _slow(paper_inference, network, film, patch_size=125, epsilon=1.8))


def test_from_the_film_s_own_pixels_and_back() -> None:
    """Crop, 0.5x, both stages, and the points in the film's pixels: the whole paper, film to landmarks."""
    film, network = _picture((150, 200), 3), _network(5, 3)
    image = MetaTensor(
        torch.tensor(film, dtype=torch.float32)[None],
        affine=torch.eye(4, dtype=torch.float64),
        meta={"spacing_mm": torch.tensor([0.1, 0.1], dtype=torch.float64)},
    )
    image = ScaleToSpacing(0.2)(CropBottomSquare()(image))
    pred = paper(patch_size=25, expansion=1.8)(image[None], network)[0]
    found = PointsToFilmd()({"image": image, "pred": pred})["pred_px"].numpy()

    local = shrink(bottom_square(film), 0.5)
    slow = _slow(paper_inference, network, local, patch_size=25, epsilon=1.8)
    expected = (slow.points + 0.5) / 0.5 - 0.5 + [0, 50]
    np.testing.assert_allclose(found, expected, atol=2e-3 + 2 * slow.slack.max())


def test_global_film_of_the_paper_is_that_of_the_local_one() -> None:
    """The paper takes 0.15x from the film itself; we take 0.3x of its 0.5x, which is as good as the same picture."""
    film = _picture((150, 150), 5)
    network, local = _network(5, 5), shrink(film, 0.5)
    stages = (network.global_net.slow, network.local_net.slow, 1 / GLOBAL_SCALE, 25, 1.8)
    direct, ours = shrink(film, 0.15), shrink(local, 0.3)
    assert np.abs(direct - ours).max() < 0.1 * np.ptp(film)
    np.testing.assert_array_equal(
        paper_inference(local, direct, *stages).coarse, paper_inference(local, ours, *stages).coarse
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sigma", [None, 9.0])
@pytest.mark.parametrize("epsilon", [1.0, 1.8])
def test_own_patches_and_guide_are_those_of_the_slow_loop(sigma: float | None, epsilon: float, seed: int) -> None:
    network, film = _network(5, seed + 20), _picture((80, 90), seed + 20)
    inferer = TwoStageInferer(GLOBAL_SCALE, 26, epsilon, merge="own", guide_sigma_px=sigma)
    slow = _slow(own_patches_inference, network, film, patch_size=26, epsilon=epsilon, guide_sigma=sigma)
    _agree(_run(inferer, network, film), slow)


def test_guide_may_have_a_width_of_its_own_for_each_landmark() -> None:
    network, film = _network(3, 1), torch.tensor(_picture((80, 80), 1), dtype=torch.float32)[None, None]
    run = partial(TwoStageInferer, GLOBAL_SCALE, 26, 1.0, "own")
    each = run([4.0, 8.0, 16.0])(film, network)[0]
    for k, sigma in enumerate((4.0, 8.0, 16.0)):
        torch.testing.assert_close(each[k], run(sigma)(film, network)[0, k])


def test_guide_applies_to_the_merge_of_all_patches_as_well() -> None:
    network, film = _network(3, 2), torch.tensor(_picture((80, 80), 2), dtype=torch.float32)[None]
    inferer, plain = paper(patch_size=25, guide_sigma_px=6.0), paper(patch_size=25)
    coarse = inferer.coarse_points(film[None], network)[0]
    with torch.no_grad():
        guided, corner = inferer.merged_heatmaps(film, coarse, network)
        merged = plain.merged_heatmaps(film, coarse, network)[0].numpy()
    xs, ys = np.meshgrid(np.arange(80), np.arange(80), indexing="ij")
    for k, (x, y) in enumerate(coarse.tolist()):
        expected = merged[k] * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * 6.0**2))
        np.testing.assert_allclose(guided[k], expected, atol=1e-6)
    assert corner.tolist() == [[0, 0]] * 3


class DotFinder(torch.nn.Module):
    """Landmark k is where the film is about as bright as k + 1."""

    def __init__(self, landmarks: int) -> None:
        super().__init__()
        self.levels = torch.arange(1.0, landmarks + 1)[None, :, None, None]

    def forward(self, film: torch.Tensor) -> torch.Tensor:
        logits = 10 - 60 * (film - self.levels).abs()
        return torch.cat([logits, torch.zeros_like(film)], dim=1)


def _dots(size: tuple[int, int], places: list[tuple[int, int]], radius: int = 4) -> torch.Tensor:
    film = torch.zeros(1, 1, *size)
    for level, (x, y) in enumerate(places, start=1):
        film[..., max(x - radius, 0) : x + radius + 1, max(y - radius, 0) : y + radius + 1] = level
    return film


def _dot_network(landmarks: int) -> TwoStageNet:
    scheme = LandmarkScheme("dots", tuple(Landmark(str(k), str(k)) for k in range(landmarks)))
    return TwoStageNet(DotFinder(landmarks), DotFinder(landmarks), scheme)


@pytest.mark.parametrize("merge", ["all", "own"])
@pytest.mark.parametrize("expansion", [1.0, 1.8])
def test_landmarks_in_the_film_s_corners_are_found(merge: str, expansion: float) -> None:
    """Patches that would hang over the border are moved inside; half a dot is left, whose middle is what counts."""
    film = _dots((100, 80), [(4, 4), (95, 4), (4, 75), (95, 75)])
    inferer = TwoStageInferer(0.3, 31, expansion, merge=merge)  # type: ignore[arg-type]
    found = inferer(film, _dot_network(4))[0]
    np.testing.assert_allclose(found[:, :2], [[4, 4], [95, 4], [4, 75], [95, 75]], atol=0.5)
    assert found[:, 2].min() > 0.9 and found[:, 2].max() <= 1


def test_film_of_exactly_one_patch() -> None:
    film = _dots((40, 40), [(10, 20), (30, 25)])
    found = TwoStageInferer(0.3, 40, 1.8, merge="own")(film, _dot_network(2))[0]
    np.testing.assert_allclose(found[:, :2], [[10, 20], [30, 25]], atol=0.5)


@pytest.mark.parametrize("size", [(39, 60), (60, 39)])
def test_film_smaller_than_a_patch(size: tuple[int, int]) -> None:
    message = f"The film is {size[0]} x {size[1]} px at the local stage's scale, smaller than a patch of 40 px."
    with pytest.raises(ValueError, match=re.escape(message)):
        TwoStageInferer(0.3, 40, 1.0)(_dots(size, [(10, 20)]), _dot_network(1))


@pytest.mark.parametrize("batch_size", [1, 4, 1000])
def test_patches_a_forward_pass_do_not_matter(batch_size: int) -> None:
    network, film = _network(3, 7), torch.tensor(_picture((70, 80), 7), dtype=torch.float32)[None, None]
    run = partial(paper, patch_size=25)
    torch.testing.assert_close(run(batch_size=batch_size)(film, network), run(batch_size=15)(film, network))


def test_films_of_a_batch_are_independent() -> None:
    network, inferer = _network(3, 8), paper(patch_size=25)
    films = torch.stack([torch.tensor(_picture((70, 80), s), dtype=torch.float32)[None] for s in (8, 9)])
    both = inferer(films, network)
    assert both.shape == (2, 3, 3)
    for film, found in zip(films, both, strict=True):
        torch.testing.assert_close(inferer(film[None], network)[0], found)


def test_metatensor_in_plain_numbers_out() -> None:
    network, film = _network(3, 8), torch.tensor(_picture((70, 80), 8), dtype=torch.float32)[None, None]
    found = paper(patch_size=25)(MetaTensor(film), network)
    torch.testing.assert_close(torch.as_tensor(found).as_subclass(torch.Tensor), paper(patch_size=25)(film, network))


def test_no_gradient_is_kept() -> None:
    network, film = _network(3, 8), torch.rand(1, 1, 60, 60)
    assert not paper(patch_size=25)(film, network).requires_grad
    assert not GlobalStageInferer()(film, network).requires_grad


class Silent(torch.nn.Module):
    """So sure of background that no landmark has any probability left."""

    def forward(self, film: torch.Tensor) -> torch.Tensor:
        return torch.cat([film * 0 - 1e4, film * 0 - 1e4, film * 0], dim=1)


def _half_silent(silent: str) -> TwoStageNet:
    network = _dot_network(2)
    setattr(network, silent, Silent())
    return network


def test_silent_local_stage_leaves_the_coarse_position_and_no_confidence() -> None:
    film = _dots((90, 90), [(30, 40), (60, 50)])
    found = TwoStageInferer(0.3, 25, 1.8, merge="own")(film, _half_silent("local_net"))[0]
    np.testing.assert_allclose(found[:, :2], [[30, 40], [60, 50]], atol=2)
    assert found[:, 2].tolist() == [0, 0]


def test_silent_global_stage_looks_at_the_film_s_middle() -> None:
    network, film = _half_silent("global_net"), _dots((90, 90), [(40, 44), (80, 80)])
    inferer = TwoStageInferer(0.3, 25, 1.0, merge="own")
    assert inferer.coarse_points(film, network).tolist() == [[[44.5, 44.5]] * 2]
    found = inferer(film, network)[0]
    assert found[0].tolist() == pytest.approx([40, 44, 1.0], abs=0.1)
    assert found[1, 2] < 1e-6  # too far from the middle for its patch


def test_decoders_are_knobs() -> None:
    film, network = _dots((90, 90), [(30, 40), (60, 50)]), _dot_network(2)
    calls: list[tuple[str, tuple[int, ...]]] = []

    def spy(name: str, decoder: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
        def decode(heatmaps: torch.Tensor) -> torch.Tensor:
            calls.append((name, tuple(heatmaps.shape)))
            return decoder(heatmaps)

        return decode

    TwoStageInferer(0.3, 25, 1.0, "own", None, spy("coarse", decode_soft_centroid), spy("fine", decode_soft_centroid))(
        film, network
    )
    assert calls == [("coarse", (1, 2, 27, 27)), ("fine", (2, 25, 25))]


def test_global_stage_alone() -> None:
    film = _dots((90, 90), [(30, 40)])
    found = GlobalStageInferer(0.3, decode_threshold_mean)(film, _dot_network(1))
    assert found.shape == (1, 1, 3)
    np.testing.assert_allclose(found[0, 0], [30, 40, 1], atol=1)
    assert GlobalStageInferer(0.3)(film, _half_silent("global_net"))[0, :, :2].isnan().all()


def test_works_with_a_real_network() -> None:
    scheme = LandmarkScheme("two", (Landmark("A", "a"), Landmark("B", "b")))
    network = TwoStageNet(*(BasicUNet(2, 1, 3, features=(4, 4, 4, 4, 4, 4)) for _ in "gl"), scheme).eval()
    found = TwoStageInferer(0.5, 33, 1.8)(torch.rand(1, 1, 70, 75), network)
    assert found.shape == (1, 2, 3) and found.isfinite().all()


# --- the parts -------------------------------------------------------------------------------------------------------


@given(st.integers(1, 200), st.floats(1, 2))
def test_offsets_cover_the_expanded_square(size: int, expansion: float) -> None:
    offsets = patch_offsets(size, expansion).tolist()
    assert offsets[0] == [0, 0]
    # Along one axis the patches leave no gap and reach size * epsilon.
    covered = sorted({x + i for x, _ in offsets for i in range(size)})
    assert covered == list(range(covered[0], covered[0] + len(covered)))
    assert abs(len(covered) - size * expansion) <= 1.0001


@pytest.mark.parametrize("expansion", [0.99, 2.01, float("nan")])
def test_expansion_outside_one_to_two(expansion: float) -> None:
    with pytest.raises(ValueError, match=re.escape("Expected an expansion from 1 (centre patch alone) to 2")):
        TwoStageInferer(expansion=expansion)


@given(st.floats(-20, 120), st.floats(-20, 120), st.integers(5, 60), st.floats(1, 2))
def test_patches_start_where_the_slow_loop_says_and_stay_inside(x: float, y: float, size: int, epsilon: float) -> None:
    assume(abs(size * (epsilon - 1) / 2 % 1 - 0.5) > 1e-9)  # a tie, which the order of multiplications decides
    starts = patch_starts(torch.tensor([[x, y]], dtype=torch.float64), patch_offsets(size, epsilon), size, (1, 80, 100))
    expected = patches_around(np.array([x, y]), size, epsilon, (80, 100))
    if len(starts[0]) == 5:
        assert starts[0].tolist() == [list(start) for start in expected]
    else:  # epsilon so near to 1 that the corners are the centre
        assert set(map(tuple, starts[0].tolist())) == set(expected)
    assert starts.min() >= 0 and (starts[0] + size <= torch.tensor([80, 100])).all()


def test_own_windows_of_landmarks_at_opposite_borders() -> None:
    """Their patches are moved by different lengths, so their windows would differ in size: all get the largest."""
    own = torch.ones(2, 5, 9, 9)
    starts = patch_starts(torch.tensor([[2.0, 2.0], [25.0, 25.0]]), patch_offsets(9, 1.8), 9, (50, 50))
    merged, corner = merge_own(own, starts)
    assert corner.tolist() == [[0, 0], [17, 17]]
    assert merged.shape == (2, 17, 17)
    assert merged.unique().tolist() == [0, 1]
    assert (merged[0] == 1).nonzero().max() == 10  # patches from pixels 0 and 2, 9 wide


def test_guide_is_one_at_the_coarse_position_and_falls_with_its_sigma() -> None:
    prior = guide_prior(torch.tensor([[30.0, 41.0]]), torch.tensor([[25, 35]]), (20, 20), torch.tensor([3.0]))
    assert prior[0, 5, 6] == 1
    assert float(prior[0, 8, 6]) == pytest.approx(np.exp(-0.5))
    assert float(prior[0, 5, 0]) == pytest.approx(np.exp(-2))


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"merge": "mine"}, "Expected merge 'all' or 'own', got 'mine'"),
        ({"guide_sigma_px": 0.0}, "Expected guide_sigma_px above 0, got 0.0"),
        ({"guide_sigma_px": [3.0, -1.0]}, "Expected guide_sigma_px above 0, got [3.0, -1.0]"),
        ({"global_scale": 0.0}, "Expected a global_scale above 0, got 0.0"),
        ({"patch_size": 0}, "Expected a patch_size and a batch_size of at least 1, got 0 and 19"),
        ({"batch_size": 0}, "Expected a patch_size and a batch_size of at least 1, got 125 and 0"),
    ],
)
def test_knob_that_cannot_be(argument: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        TwoStageInferer(**argument)  # type: ignore[arg-type]


def test_guide_for_another_number_of_landmarks() -> None:
    with pytest.raises(ValueError, match=re.escape("guide_sigma_px has 3 widths, the network 2 landmarks")):
        TwoStageInferer(0.3, 25, 1.0, "own", [1.0, 2.0, 3.0])(_dots((60, 60), [(9, 9), (40, 40)]), _dot_network(2))
