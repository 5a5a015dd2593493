"""The fast inferer against the literal one: the same landmarks, with less work."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.networks.nets import BasicUNet

from monai_ceph.heatmaps import decode_soft_centroid
from monai_ceph.inferers import FastTwoStageInferer, TwoStageInferer
from monai_ceph.inferers.fast import CPU_BATCH, own_probability
from monai_ceph.landmarks import Landmark, LandmarkScheme
from monai_ceph.networks import TwoStageNet


class Counting(torch.nn.Module):
    """A network that notes how many pictures it was given at a time."""

    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        self.net, self.batches = net, list[int]()

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        self.batches.append(len(pictures))
        logits: torch.Tensor = self.net(pictures)
        return logits


def _network(landmarks: int, seed: int) -> TwoStageNet:
    """Random U-Nets, made as decided as trained ones: a peak's place says nothing where the heatmap is flat."""
    torch.manual_seed(seed)
    stages = []
    for _ in range(2):
        net = BasicUNet(2, 1, landmarks + 1, (8, 8, 8, 8, 8, 8), norm=("batch", {}))
        net.final_conv.weight.data *= 20
        stages.append(Counting(net))
    scheme = LandmarkScheme("fake", tuple(Landmark(f"L{i}", f"L{i}") for i in range(landmarks)))
    return TwoStageNet(*stages, scheme).eval()


def _films(count: int, size: tuple[int, int], seed: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.nn.functional.interpolate(
        torch.randn(count, 1, size[0] // 6, size[1] // 6, generator=draw), size=size, mode="bicubic"
    )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 99),
    size=st.sampled_from([(96, 96), (97, 131), (180, 110)]),
    count=st.integers(1, 3),
    patch_size=st.sampled_from([32, 48, 95]),
    expansion=st.sampled_from([1.0, 1.8]),
    guide=st.sampled_from([None, 9.0]),
    batch_size=st.sampled_from([None, 1, 7, 1000]),
)
def test_same_landmarks_as_the_literal_inferer(
    seed: int,
    size: tuple[int, int],
    count: int,
    patch_size: int,
    expansion: float,
    guide: float | None,
    batch_size: int | None,
) -> None:
    network, films = _network(4, seed), _films(count, size, seed)
    knobs: dict[str, Any] = {
        "patch_size": patch_size,
        "expansion": expansion,
        "merge": "own",
        "guide_sigma_px": guide,
        "coarse_decoder": decode_soft_centroid,
        "decoder": decode_soft_centroid,
    }
    literal = TwoStageInferer(**knobs)(films, network)
    fast = FastTwoStageInferer(batch_size=batch_size, **knobs)(films, network)
    assert fast.shape == (count, 4, 3)
    torch.testing.assert_close(fast[..., :2], literal[..., :2], atol=0.02, rtol=0)
    torch.testing.assert_close(fast[..., 2], literal[..., 2], atol=1e-5, rtol=0)


def test_merge_of_all_patches_is_the_literal_one() -> None:
    network, films = _network(3, 5), _films(2, (96, 96), 5)
    knobs: dict[str, Any] = {"patch_size": 40, "merge": "all"}
    literal = TwoStageInferer(**knobs)(films, network)
    torch.testing.assert_close(FastTwoStageInferer(**knobs)(films, network), literal, atol=0.02, rtol=0)


@pytest.mark.parametrize(("batch_size", "expected"), [(None, [CPU_BATCH, CPU_BATCH, 2]), (3, [3, 3, 3, 1])])
def test_patches_of_all_films_share_the_forward_passes(batch_size: int | None, expected: list[int]) -> None:
    network = _network(5, 0)
    FastTwoStageInferer(batch_size, patch_size=32, expansion=1.0, merge="own")(_films(2, (96, 96), 0), network)
    assert network.local_net.batches == expected
    assert network.global_net.batches == [2]


def test_film_smaller_than_a_patch_is_refused_as_by_the_literal_inferer() -> None:
    with pytest.raises(ValueError, match="smaller than a patch of 128 px"):
        FastTwoStageInferer(patch_size=128, merge="own")(_films(1, (96, 200), 0), _network(2, 0))


def test_wrong_knob_is_refused_as_by_the_literal_inferer() -> None:
    with pytest.raises(ValueError, match="Expected a patch_size and a batch_size of at least 1"):
        FastTwoStageInferer(batch_size=0)


def test_own_probability_is_that_channel_of_the_softmax() -> None:
    logits = 30 * torch.randn(6, 5, 7, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    channel = torch.tensor([0, 4, 2, 2, 1, 3])
    expected = logits.softmax(1)[torch.arange(6), channel].float()
    torch.testing.assert_close(own_probability(logits, channel), expected, atol=1e-6, rtol=1e-4)
