"""Ignite handlers for epoch metrics, result files, and resumable training.

Attaching them requires the extra ``train``.
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
