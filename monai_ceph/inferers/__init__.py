"""Running the two stages on a film."""

from monai_ceph.inferers.autocast import AutocastInferer
from monai_ceph.inferers.compressed import compress, compressed_heatmaps
from monai_ceph.inferers.fast import FastTwoStageInferer
from monai_ceph.inferers.two_stage import GlobalStageInferer, TwoStageInferer

__all__ = [
    "AutocastInferer",
    "FastTwoStageInferer",
    "GlobalStageInferer",
    "TwoStageInferer",
    "compress",
    "compressed_heatmaps",
]
