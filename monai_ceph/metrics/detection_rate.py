"""Successful detection rate: the share of landmarks found within a given distance."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from monai_ceph.metrics.radial_error import CumulatedErrors, Reduction, check_reduction

CHALLENGE_THRESHOLDS_MM = (2.0, 2.5, 3.0, 4.0)
"""The distances of the ISBI 2015 challenge. Source: Wang et al. 2016, section 3."""


def detection_rate(errors: torch.Tensor, thresholds: Sequence[float] = CHALLENGE_THRESHOLDS_MM) -> torch.Tensor:
    """Share of the annotated landmarks whose error is at most the threshold.

    Args:
        errors: (F, ...), as :func:`monai_ceph.metrics.radial_error.radial_error` returns them: NaN (no reference)
            does not count, infinity (not found) is a miss at every threshold.
        thresholds: T distances in the unit of the errors; an error that equals one is within it.
    Returns:
        (T, ...), 0 to 1, over the first axis; NaN where nothing is annotated.
    Raises:
        ValueError: no threshold, or one that is not a positive number.
    Source:
        METHOD "Numbers"; Wang et al. 2016, section 3.
    """
    check_thresholds(thresholds)
    annotated = ~errors.isnan()
    within = torch.stack([(errors <= threshold).sum(0) for threshold in thresholds])
    return within / annotated.sum(0).to(errors.dtype)


class DetectionRate(CumulatedErrors):
    """Successful detection rate (SDR) at one or more distances, 0 to 1; higher is better.

    Args:
        thresholds: T distances in the unit of the points, in mm for points in mm.
        reduction: ``"mean"`` aggregates to (T,), ``"mean_batch"`` to (T, N), one a landmark, ``"none"`` to (F, N, T):
            1 where found, 0 where not, NaN where there is no reference.
    Raises:
        ValueError: thresholds as in :func:`detection_rate`; another reduction.
    """

    def __init__(self, thresholds: Sequence[float] = CHALLENGE_THRESHOLDS_MM, reduction: Reduction = "mean") -> None:
        super().__init__()
        check_thresholds(thresholds)
        check_reduction(reduction)
        self.thresholds = tuple(float(t) for t in thresholds)
        self.reduction = reduction

    def aggregate(self) -> torch.Tensor:
        """The detection rates, shaped as the reduction says."""
        errors = self.errors()
        if self.reduction == "mean":
            return detection_rate(errors.flatten(), self.thresholds)
        if self.reduction == "mean_batch":
            return detection_rate(errors, self.thresholds)
        limits = torch.tensor(self.thresholds, dtype=errors.dtype, device=errors.device)
        found = (errors[..., None] <= limits).to(errors.dtype)
        return found.masked_fill(errors.isnan()[..., None], torch.nan)


def check_thresholds(thresholds: Sequence[float]) -> None:
    """Raises ValueError unless there is at least one threshold and all are positive numbers."""
    if len(thresholds) == 0 or not all(t > 0 for t in thresholds):
        raise ValueError(f"Expected at least one positive threshold, got {tuple(thresholds)}.")
