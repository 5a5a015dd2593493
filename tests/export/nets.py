"""Networks whose heatmaps have peaks without training."""

from __future__ import annotations

import torch
from monai.networks.nets import BasicUNet

from monai_ceph.landmarks import Landmark, LandmarkScheme
from monai_ceph.networks import TwoStageNet

SCHEME = LandmarkScheme("six", tuple(Landmark(f"L{i}", f"landmark {i}") for i in range(6)))


def peaked_unets(seed: int = 0) -> TwoStageNet:
    """Random weights, the last layer's so large that each channel has its own places."""
    torch.manual_seed(seed)
    stages = [BasicUNet(2, 1, len(SCHEME) + 1, (4, 4, 8, 8, 8, 4), norm=("batch", {"affine": True})) for _ in range(2)]
    network = TwoStageNet(*stages, SCHEME)
    return sharpen(network).eval()


def sharpen(network: TwoStageNet, gain: float = 60.0) -> TwoStageNet:
    with torch.no_grad():
        for stage in (network.global_net, network.local_net):
            stage.final_conv.weight *= gain
    return network


class OneConvolution(torch.nn.Module):
    """A stage that exports in a second."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(1, len(SCHEME) + 1, 7, padding=3)
        torch.nn.init.normal_(self.conv.weight, std=0.5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.conv(image)
        return logits


def convolutions() -> TwoStageNet:
    torch.manual_seed(3)
    return TwoStageNet(OneConvolution(), OneConvolution(), SCHEME).eval()
