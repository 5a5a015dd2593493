"""Provide the metrics as ignite handlers, for a bundle's evaluator."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from monai.handlers.ignite_metric import IgniteMetricHandler

from monai_ceph.metrics.detection_rate import DetectionRate
from monai_ceph.metrics.radial_error import RadialError


def lower_is_better(current: float, best: float) -> bool:
    """Return whether a metric is better than the best one, where lower is better.

    Use it as an evaluator's ``metric_cmp_fn`` if its key metric is an error, and set
    ``CheckpointSaver(key_metric_negative_sign=True)`` as well, or the saver keeps the largest error. Any number is
    better than NaN, so that a failed evaluation does not stay the best one.

    Args:
        current: the metric.
        best: the best one so far.
    Example:
        >>> from monai_ceph.handlers import lower_is_better
        >>> lower_is_better(1.0, 2.0), lower_is_better(1.0, float("nan"))
        (True, True)
    """
    return current < best or (math.isnan(best) and not math.isnan(current))


class RadialErrorHandler(IgniteMetricHandler):
    """Compute the mean radial error of an epoch, in the unit of the points, for ``engine.state.metrics``.

    As a key metric lower is better: see :func:`lower_is_better`.

    Args:
        output_transform: gives (predicted, reference) points, each (B, N, 2) or a list of (N, 2), for example
            ``monai.handlers.from_engine(["pred_mm", "target_mm"])``.
        save_details: keep the (F, N) errors in ``engine.state.metric_details``.
    Example:
        >>> import torch
        >>> from ignite.engine import Engine
        >>> from monai.handlers import from_engine
        >>> from monai_ceph.handlers import RadialErrorHandler
        >>> engine = Engine(lambda engine, batch: batch)
        >>> RadialErrorHandler(from_engine(["pred_mm", "target_mm"])).attach(engine, "MRE_mm")
        >>> film = {"pred_mm": torch.tensor([[3.0, 4.0]]), "target_mm": torch.zeros(1, 2)}
        >>> engine.run([[film]]).metrics["MRE_mm"]
        5.0
    """

    def __init__(self, output_transform: Callable[..., Any], save_details: bool = True) -> None:
        super().__init__(metric_fn=RadialError(), output_transform=output_transform, save_details=save_details)


class DetectionRateHandler(IgniteMetricHandler):
    """Compute the share (0 to 1) of an epoch's landmarks found within a distance, for ``engine.state.metrics``.

    As a key metric higher is better. A handler takes one distance, because MONAI's loggers print and plot single
    numbers.

    Args:
        output_transform: as in :class:`RadialErrorHandler`.
        threshold: the distance, in the unit of the points.
        save_details: keep the (F, N) errors in ``engine.state.metric_details``.
    Example:
        >>> import torch
        >>> from ignite.engine import Engine
        >>> from monai_ceph.handlers import DetectionRateHandler
        >>> points_mm = torch.tensor([[[3.0, 4.0], [0.0, 1.0]]])
        >>> engine = Engine(lambda engine, batch: batch)
        >>> DetectionRateHandler(lambda output: output, threshold=2.0).attach(engine, "SDR_2mm")
        >>> engine.run([(points_mm, torch.zeros_like(points_mm))]).metrics["SDR_2mm"]
        0.5
    """

    def __init__(self, output_transform: Callable[..., Any], threshold: float = 2.0, save_details: bool = True) -> None:
        super().__init__(
            metric_fn=DetectionRate([threshold]), output_transform=output_transform, save_details=save_details
        )
