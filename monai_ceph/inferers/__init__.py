"""Run the two stages on a film."""

from monai_ceph.film_pose import FilmPose, Orientation
from monai_ceph.inferers.any_film import AnyFilmInferer
from monai_ceph.inferers.autocast import AutocastInferer
from monai_ceph.inferers.compressed import compress, compressed_heatmaps
from monai_ceph.inferers.fast import FastTwoStageInferer
from monai_ceph.inferers.two_stage import GlobalStageInferer, TwoStageInferer
from monai_ceph.pose_search import PoseSearch

__all__ = [
    "AnyFilmInferer",
    "AutocastInferer",
    "FastTwoStageInferer",
    "FilmPose",
    "GlobalStageInferer",
    "Orientation",
    "PoseSearch",
    "TwoStageInferer",
    "compress",
    "compressed_heatmaps",
]
