"""landmarker's SpatialConfiguration-Net at 512 px, trained as in its ISBI 2015 example.

    .venv-landmarker/bin/python -m benchmarks.models.scn JOB.json

Source:
    C. Payer et al., Integrating spatial configuration into heatmap regression based CNNs for landmark localization,
    Medical Image Analysis 54, 2019; F. Thaler et al., Modeling annotation uncertainty with Gaussian heatmaps in
    landmark localization, MELBA 2021, for the heatmaps whose widths are trained.
"""

from __future__ import annotations

import torch
from landmarker.models import OriginalSpatialConfigurationNet

from benchmarks.models import landmarker_recipe
from benchmarks.models.common import SYMBOLS


def build() -> OriginalSpatialConfigurationNet:
    """landmarker's defaults, as in its example.

    Channels last, which changes no result: two thirds of the time for its wide layers in bfloat16 on a CPU.
    """
    network = OriginalSpatialConfigurationNet(in_channels=1, out_channels=len(SYMBOLS))
    return network.to(memory_format=torch.channels_last)


if __name__ == "__main__":
    landmarker_recipe.run(build)
