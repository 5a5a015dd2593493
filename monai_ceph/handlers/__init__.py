"""Ignite handlers: metrics of an epoch, results to files, and what a training needs beyond MONAI's own.

To attach them needs the extra ``train``.
"""

from monai_ceph.handlers.gradient_clip import GradientClipHandler
from monai_ceph.handlers.landmarks_saver import LandmarksSaver
from monai_ceph.handlers.metrics import DetectionRateHandler, RadialErrorHandler, lower_is_better
from monai_ceph.handlers.reseed import ReseedHandler
from monai_ceph.handlers.resume import BestSoFar, ResumeHandler
from monai_ceph.handlers.scores_saver import ScoresSaver

__all__ = [
    "BestSoFar",
    "DetectionRateHandler",
    "GradientClipHandler",
    "LandmarksSaver",
    "RadialErrorHandler",
    "ReseedHandler",
    "ResumeHandler",
    "ScoresSaver",
    "lower_is_better",
]
