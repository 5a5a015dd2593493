"""What training needs beyond MONAI's and ignite's own handlers."""

from monai_ceph.training.checkpoint import last_checkpoint
from monai_ceph.training.handlers import GradientClipHandler, ReseedHandler

__all__ = ["GradientClipHandler", "ReseedHandler", "last_checkpoint"]
