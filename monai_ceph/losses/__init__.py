"""The heatmap regression loss."""

from monai_ceph.losses.heatmap_regression import HeatmapRegressionLoss, heatmap_regression_loss

__all__ = ["HeatmapRegressionLoss", "heatmap_regression_loss"]
