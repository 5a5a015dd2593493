"""The metrics as ignite handlers, to be named in a bundle's evaluator."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from monai.handlers.ignite_metric import IgniteMetricHandler

from monai_ceph.metrics.detection_rate import DetectionRate
from monai_ceph.metrics.radial_error import RadialError


def lower_is_better(current: float, best: float) -> bool:
    """For an evaluator's ``metric_cmp_fn`` when its key metric is an error.

    A best value of NaN is beaten by any number, else an evaluation gone wrong would stay the best one for ever.
    Set ``CheckpointSaver(key_metric_negative_sign=True)`` as well, or the saver keeps the largest error.
    """
    return current < best or (math.isnan(best) and not math.isnan(current))


class RadialErrorHandler(IgniteMetricHandler):
    """Mean radial error of an epoch, in the unit of the points, as a number in ``engine.state.metrics``.

    As a key metric its best is the lowest: see :func:`lower_is_better`. ``engine.state.metric_details`` gets the
    (F, N) errors.

    Args:
        output_transform: gives (predicted, reference) points, each (B, N, 2) or a list of (N, 2), for example
            ``monai.handlers.from_engine(["pred_mm", "target_mm"])``.
        save_details: keep the errors of every landmark in ``engine.state.metric_details``.
    """

    def __init__(self, output_transform: Callable[..., Any], save_details: bool = True) -> None:
        super().__init__(metric_fn=RadialError(), output_transform=output_transform, save_details=save_details)


class DetectionRateHandler(IgniteMetricHandler):
    """Share (0 to 1) of an epoch's landmarks found within one distance; as a key metric its best is the highest.

    One distance a handler, because MONAI's loggers print and plot single numbers.

    Args:
        output_transform: as in :class:`RadialErrorHandler`.
        threshold: the distance, in the unit of the points.
        save_details: keep the errors of every landmark in ``engine.state.metric_details``.
    """

    def __init__(self, output_transform: Callable[..., Any], threshold: float = 2.0, save_details: bool = True) -> None:
        super().__init__(
            metric_fn=DetectionRate([threshold]), output_transform=output_transform, save_details=save_details
        )
