"""What training needs beyond MONAI's and ignite's own parts. Needs the extra ``train``."""

from monai_ceph.training.checkpoint import last_checkpoint
from monai_ceph.training.mixing import mixing_weights

__all__ = ["last_checkpoint", "mixing_weights"]
