"""Parts of a training that MONAI and ignite do not have. They need the extra ``train``."""

from monai_ceph.training.checkpoint import last_checkpoint
from monai_ceph.training.mixing import mixing_weights

__all__ = ["last_checkpoint", "mixing_weights"]
