"""The background prior: what an untrained network says."""

from __future__ import annotations

import logging

import pytest
import torch
from monai.networks.nets import AttentionUnet, BasicUNet

from monai_ceph.landmarks import ISBI19
from monai_ceph.networks import TwoStageNet, set_background_prior


def _stage(kind: str) -> torch.nn.Module:
    if kind == "AttentionUnet":
        return AttentionUnet(2, 1, 20, channels=(8, 16), strides=(2,))
    return BasicUNet(2, 1, 20, (8, 8, 8, 8, 8, 8))


@pytest.mark.parametrize("kind", ["BasicUNet", "AttentionUnet"])
def test_landmarks_share_what_was_asked_for_and_share_it_evenly(kind: str) -> None:
    torch.manual_seed(0)
    network = TwoStageNet(_stage(kind), _stage(kind), ISBI19).eval()
    for stage in (network.global_net, network.local_net):  # the rest of the output is what weights make of the picture
        next(p for p in reversed(list(stage.parameters())) if p.shape == (20,)).data.zero_()
        next(p for p in reversed(list(stage.parameters())) if p.shape[:1] == (20,) and p.dim() == 4).data.zero_()
    set_background_prior(network, 0.1)
    for stage in (network.global_net, network.local_net):
        shares = stage(torch.randn(1, 1, 32, 32)).softmax(1).mean((0, 2, 3))
        torch.testing.assert_close(shares, torch.tensor([0.1 / 19] * 19 + [0.9]), atol=1e-5, rtol=0)


def test_stage_without_an_output_bias_is_left_alone_with_a_word(caplog: pytest.LogCaptureFixture) -> None:
    network = TwoStageNet(torch.nn.Conv2d(1, 20, 3, padding=1, bias=False), _stage("BasicUNet"), ISBI19)
    before = network.global_net.weight.clone()
    with caplog.at_level(logging.WARNING):
        set_background_prior(network)
    assert torch.equal(network.global_net.weight, before)
    assert "The global stage has no output bias" in caplog.text


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_share_that_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="landmark_share between 0 and 1"):
        set_background_prior(TwoStageNet(_stage("BasicUNet"), _stage("BasicUNet"), ISBI19), share)
