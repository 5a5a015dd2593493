"""What training needs beyond MONAI's and ignite's own handlers. Needs the extra ``train``."""

from monai_ceph.training.checkpoint import last_checkpoint
from monai_ceph.training.handlers import GradientClipHandler, ReseedHandler
from monai_ceph.training.mixing import mixing_weights
from monai_ceph.training.resume import BestSoFar, ResumeHandler

__all__ = ["BestSoFar", "GradientClipHandler", "ReseedHandler", "ResumeHandler", "last_checkpoint", "mixing_weights"]
