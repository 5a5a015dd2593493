"""Compute the successful detection rate: the share of landmarks found within a given distance."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from monai_ceph.metrics.radial_error import CumulatedErrors, Reduction, check_reduction

CHALLENGE_THRESHOLDS_MM = (2.0, 2.5, 3.0, 4.0)
"""The distances of the ISBI 2015 challenge. Source: Wang et al. 2016, section 3."""


def detection_rate(errors: torch.Tensor, thresholds: Sequence[float] = CHALLENGE_THRESHOLDS_MM) -> torch.Tensor:
    """Return the share of the annotated landmarks whose error is at most the threshold.

    Args:
        errors: (F, ...), as :func:`monai_ceph.metrics.radial_error` returns them: NaN (no reference) does not count,
            infinity (not found) is a miss at every threshold.
        thresholds: T distances in the unit of the errors; an error equal to a threshold is within it.
    Returns:
        (T, ...), 0 to 1, over the first axis; NaN where nothing is annotated.
    Raises:
        ValueError: there is no threshold, or one is not positive.
    Source:
        Wang et al. 2016, section 3; docs/paper.md, "Numbers to reproduce".
    Example:
        >>> import torch
        >>> from monai_ceph.metrics import detection_rate
        >>> detection_rate(torch.tensor([1.0, 2.0, 3.0, torch.inf, torch.nan]), [2.0, 4.0]).tolist()
        [0.5, 0.75]
    """
    check_thresholds(thresholds)
    annotated = ~errors.isnan()
    within = torch.stack([(errors <= threshold).sum(0) for threshold in thresholds])
    return within / annotated.sum(0).to(errors.dtype)


class DetectionRate(CumulatedErrors):
    """Successful detection rate (SDR) at one or more distances, 0 to 1; higher is better.

    Call it as any MONAI metric: ``metric(y_pred, y)`` with (B, N, 2) tensors or lists of (N, 2), then ``aggregate()``
    and ``reset()``.

    Args:
        thresholds: T distances in the unit of the points: mm for points in mm.
        reduction: ``"mean"`` aggregates to (T,); ``"mean_batch"`` to (T, N), a rate for each landmark; ``"none"`` to
            (F, N, T): 1 where found, 0 where not, NaN where there is no reference.
    Raises:
        ValueError: there is no threshold, one is not positive, or the reduction is unknown.
    Source:
        Wang et al. 2016, section 3; docs/paper.md, "Numbers to reproduce".
    Example:
        >>> import torch
        >>> from monai_ceph.metrics import DetectionRate
        >>> metric = DetectionRate([2.0, 4.0])
        >>> _ = metric(torch.tensor([[[0.0, 1.0], [3.0, 0.0]]]), torch.zeros(1, 2, 2))
        >>> metric.aggregate().tolist()
        [0.5, 1.0]
    """

    def __init__(self, thresholds: Sequence[float] = CHALLENGE_THRESHOLDS_MM, reduction: Reduction = "mean") -> None:
        super().__init__()
        check_thresholds(thresholds)
        check_reduction(reduction)
        self.thresholds = tuple(float(t) for t in thresholds)
        self.reduction = reduction

    def aggregate(self) -> torch.Tensor:
        """Return the detection rates, in the shape that the reduction gives."""
        errors = self.errors()
        if self.reduction == "mean":
            return detection_rate(errors.flatten(), self.thresholds)
        if self.reduction == "mean_batch":
            return detection_rate(errors, self.thresholds)
        limits = torch.tensor(self.thresholds, dtype=errors.dtype, device=errors.device)
        hits = (errors[..., None] <= limits).to(errors.dtype)
        return hits.masked_fill(errors.isnan()[..., None], torch.nan)


def check_thresholds(thresholds: Sequence[float]) -> None:
    """Check that there is at least one threshold and all are positive.

    Args:
        thresholds: distances.
    Raises:
        ValueError: they are not.
    Example:
        >>> from monai_ceph.metrics.detection_rate import check_thresholds
        >>> check_thresholds([2.0, 2.5])
    """
    if len(thresholds) == 0 or not all(t > 0 for t in thresholds):
        raise ValueError(f"Expected at least one positive threshold, got {tuple(thresholds)}.")
