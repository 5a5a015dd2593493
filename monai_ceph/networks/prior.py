"""Before training nearly everything is background, and a network may start from knowing it."""

from __future__ import annotations

import logging
import math

import torch

from monai_ceph.networks.two_stage import TwoStageNet

logger = logging.getLogger(__name__)


def set_background_prior(network: TwoStageNet, landmark_share: float = 0.05) -> TwoStageNet:
    """Raise the background channel's bias in both stages, so that their softmax starts from what is mostly true.

    Else the first hundreds of iterations go into learning that a pixel is no landmark.

    Args:
        network: changed in place and returned. A stage's last bias with a value for every channel is taken for that of
            its output; a stage that has none is left as it is, with a warning.
        landmark_share: probability of all landmarks together at the start, in (0, 1).
    Raises:
        ValueError: the share is not between 0 and 1.
    Source:
        Lin et al., Focal loss for dense object detection, 2017, section 4.1; here for a softmax.
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
