"""The two-stage network, and adapters that let other networks take films of any size."""

from monai_ceph.networks.divisible import DivisibleNet
from monai_ceph.networks.for_inference import for_inference
from monai_ceph.networks.half_resolution import HalfResolutionUNet
from monai_ceph.networks.lite_encoder import EfficientNetLiteEncoder
from monai_ceph.networks.prior import set_background_prior
from monai_ceph.networks.two_stage import TwoStageNet, WeightsError, load_weights

__all__ = [
    "DivisibleNet",
    "EfficientNetLiteEncoder",
    "HalfResolutionUNet",
    "TwoStageNet",
    "WeightsError",
    "for_inference",
    "load_weights",
    "set_background_prior",
]
