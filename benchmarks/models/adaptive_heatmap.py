"""landmarker's adaptive heatmap regression with a plain residual U-Net: what remains of ``scn`` without its network.

    .venv-landmarker/bin/python -m benchmarks.models.adaptive_heatmap JOB.json

Heatmaps with trained widths, loss, optimiser and decoder are those of :mod:`benchmarks.models.scn`; the network is
MONAI's U-Net as landmarker sets it up inside its ``ProbSpatialConfigurationNet``.
"""

from __future__ import annotations

from monai.networks.nets import UNet

from benchmarks.models import landmarker_recipe
from benchmarks.models.common import SYMBOLS


def build() -> UNet:
    return UNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=len(SYMBOLS),
        channels=(128, 128, 128, 128, 128),
        strides=(2, 2, 2, 2),
        num_res_units=2,
        norm="instance",
    )


if __name__ == "__main__":
    landmarker_recipe.run(build)
