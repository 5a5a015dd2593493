"""Compute the radial error: the distance between predicted and reference landmarks."""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
from monai.metrics import CumulativeIterationMetric

Reduction = Literal["mean", "mean_batch", "none"]
"""What :meth:`RadialError.aggregate` returns: one number, one per landmark, or every error. Names as in MONAI."""


def radial_error(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the distance between predicted and reference landmarks, in the unit of the input.

    Args:
        pred: (..., N, 2), (x, y), best in mm in the film's frame; NaN where a landmark was not found.
        target: as ``pred``; NaN where a landmark is not annotated.
    Returns:
        (..., N), float32 or wider; NaN where the target is NaN, infinity where a landmark is annotated but was not
        found, so that a miss is never mistaken for a landmark without a reference.
    Raises:
        ValueError: shapes differ or do not end in 2; the message shows both.
    Source:
        Wang et al. 2016, section 3; docs/paper.md, "Numbers to reproduce".
    Example:
        >>> import torch
        >>> from monai_ceph.metrics import radial_error
        >>> pred = torch.tensor([[3.0, 4.0], [torch.nan, torch.nan], [1.0, 1.0]])
        >>> target = torch.tensor([[0.0, 0.0], [0.0, 0.0], [torch.nan, torch.nan]])
        >>> radial_error(pred, target).tolist()
        [5.0, inf, nan]
    """
    if pred.shape != target.shape or pred.ndim < 2 or pred.shape[-1] != 2:
        raise ValueError(
            "Expected predicted and reference points of one shape (..., N, 2), "
            f"got {tuple(pred.shape)} and {tuple(target.shape)}."
        )
    # MetaTensors would merge their metadata here, and half precision cannot hold 240 mm to a tenth of a mm.
    pred, target = pred.as_subclass(torch.Tensor), target.as_subclass(torch.Tensor)
    dtype = torch.promote_types(torch.promote_types(pred.dtype, target.dtype), torch.float32)
    pred, target = pred.to(dtype), target.to(device=pred.device, dtype=dtype)
    missed = pred.isnan().any(-1) & ~target.isnan().any(-1)
    return torch.linalg.vector_norm(pred - target, dim=-1).masked_fill(missed, torch.inf)


class CumulatedErrors(CumulativeIterationMetric):
    """Collect the radial errors of every landmark of every film; subclasses define ``aggregate()``.

    Call it as any MONAI metric: ``metric(y_pred, y)`` with (B, N, 2) tensors or lists of (N, 2), then ``aggregate()``
    and ``reset()``. Errors are in the unit of the points.

    Example:
        >>> import torch
        >>> from monai_ceph.metrics.radial_error import CumulatedErrors
        >>> class LargestError(CumulatedErrors):
        ...     def aggregate(self):
        ...         return self.errors().max()
        >>> metric = LargestError()
        >>> _ = metric(torch.tensor([[[3.0, 4.0], [0.0, 1.0]]]), torch.zeros(1, 2, 2))
        >>> float(metric.aggregate())
        5.0
    """

    def _compute_list(self, y_pred: Any, y: Any = None, **kwargs: Any) -> Any:
        # MONAI's zip() would silently drop the surplus of the longer list.
        if y is not None and len(y_pred) != len(y):
            raise ValueError(f"Expected as many references as predictions, got {len(y)} and {len(y_pred)}.")
        return super()._compute_list(y_pred, y, **kwargs)

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor | None = None, **kwargs: Any) -> torch.Tensor:
        if y is None:
            raise ValueError(f"{type(self).__name__} needs reference points: call it with predictions and references.")
        if y_pred.ndim != 3:
            raise ValueError(f"Expected points of shape (B, N, 2), got {tuple(y_pred.shape)}.")
        return radial_error(y_pred, y)

    def errors(self) -> torch.Tensor:
        """Return all errors so far, over all processes.

        Returns:
            (F, N) for F films; NaN and infinity as in :func:`radial_error`.
        Raises:
            ValueError: no film was added, or no landmark has a reference.
        """
        errors = self.get_buffer()
        if errors is None:
            raise ValueError(f"{type(self).__name__} has seen no film; call it before aggregate().")
        if errors.isnan().all():
            raise ValueError(
                f"{type(self).__name__} has seen {len(errors)} films, none with a known reference point; "
                "check the annotations, and, for points in mm, that the films' pixel spacing is known."
            )
        return torch.as_tensor(errors)


class RadialError(CumulatedErrors):
    """Mean radial error (MRE) over films and landmarks, in the unit of the points; lower is better.

    Call it as any MONAI metric: ``metric(y_pred, y)`` with (B, N, 2) tensors or lists of (N, 2), then ``aggregate()``
    and ``reset()``.

    Every annotated landmark has the same weight, even if films differ in how many they have. An annotated landmark that
    was not found makes the mean infinite, so that a network that loses landmarks never becomes the best one.

    Args:
        reduction: ``"mean"`` aggregates to one number; ``"mean_batch"`` to (N,), a mean for each landmark (NaN where no
            film has a reference); ``"none"`` to the (F, N) errors.
    Raises:
        ValueError: the reduction is unknown.
    Source:
        Wang et al. 2016, section 3; docs/paper.md, "Numbers to reproduce".
    Example:
        >>> import torch
        >>> from monai_ceph.metrics import RadialError
        >>> metric = RadialError()
        >>> _ = metric(torch.tensor([[[3.0, 4.0], [0.0, 1.0]]]), torch.zeros(1, 2, 2))
        >>> float(metric.aggregate())
        3.0
    """

    def __init__(self, reduction: Reduction = "mean") -> None:
        super().__init__()
        check_reduction(reduction)
        self.reduction = reduction

    def aggregate(self) -> torch.Tensor:
        """Return the mean radial error, in the shape that the reduction gives."""
        errors = self.errors()
        if self.reduction == "none":
            return errors
        return errors.nanmean() if self.reduction == "mean" else errors.nanmean(0)


def check_reduction(reduction: str) -> None:
    """Check that a reduction is one of :data:`Reduction`.

    Args:
        reduction: its name.
    Raises:
        ValueError: it is not; the message lists those there are.
    Example:
        >>> from monai_ceph.metrics.radial_error import check_reduction
        >>> check_reduction("mean_batch")
    """
    known = get_args(Reduction)
    if reduction not in known:
        raise ValueError(f"Expected a reduction among {known}, got {reduction!r}.")
