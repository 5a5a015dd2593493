"""The two-stage network."""

from monai_ceph.networks.two_stage import TwoStageNet, WeightsError, load_weights

__all__ = ["TwoStageNet", "WeightsError", "load_weights"]
