"""Start training from a network that predicts mostly background."""

from __future__ import annotations

import logging
import math

import torch

from monai_ceph.networks.two_stage import TwoStageNet

logger = logging.getLogger(__name__)


def set_background_prior(network: TwoStageNet, landmark_share: float = 0.05) -> TwoStageNet:
    """Raise the background channel's bias in both stages, so that the untrained network predicts mostly background.

    Otherwise the first few hundred iterations only teach it that most pixels are not landmarks.

    Args:
        network: changed in place and returned. A stage's output bias is taken to be its last bias with one value per
            channel; a stage without one is left unchanged, with a warning.
        landmark_share: probability of all landmarks together at the start, in (0, 1).
    Raises:
        ValueError: the share is not between 0 and 1.
    Source:
        Lin et al., Focal loss for dense object detection, ICCV 2017, section 4.1, adapted to a softmax.
    Example:
        >>> import torch
        >>> from monai_ceph.landmarks import ISBI19
        >>> from monai_ceph.networks import TwoStageNet, set_background_prior
        >>> stages = [torch.nn.Conv2d(1, 20, kernel_size=1) for _ in range(2)]
        >>> for stage in stages:
        ...     _ = torch.nn.init.zeros_(stage.weight), torch.nn.init.zeros_(stage.bias)
        >>> network = set_background_prior(TwoStageNet(*stages, ISBI19), landmark_share=0.05)
        >>> round(float(network(torch.zeros(1, 1, 8, 8)).detach()[0, -1].mean()), 4)
        0.95
    """
    if not 0 < landmark_share < 1:
        raise ValueError(f"Expected a landmark_share between 0 and 1, got {landmark_share}.")
    for name, stage in (("global", network.global_net), ("local", network.local_net)):
        shape = torch.Size([network.channels])
        biases = [value for key, value in stage.named_parameters() if key.endswith("bias") and value.shape == shape]
        if not biases:
            logger.warning("The %s stage has no output bias: it starts without the background prior.", name)
            continue
        with torch.no_grad():
            biases[-1][-1] += math.log((network.channels - 1) * (1 - landmark_share) / landmark_share)
    return network
