"""Compute binary cross-entropy plus focal loss between softmax heatmaps and soft targets."""

from __future__ import annotations

import torch


def log_softmax_and_complement(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ``log p`` and ``log(1 - p)`` of a softmax over channels, both accurate where p is close to 1.

    ``log1p(-p)`` loses every digit once p rounds to 1. Only the largest channel can come that close; its complement is
    computed as the sum of the others, without cancellation.

    Args:
        logits: (B, C, ...), any floating dtype; C >= 2.
    Returns:
        Two float32 tensors of the shape of ``logits``.
    Example:
        >>> import torch
        >>> from monai_ceph.losses.heatmap_regression import log_softmax_and_complement
        >>> log_p, log_complement = log_softmax_and_complement(torch.tensor([[0.0, 50.0]]))
        >>> log_p.tolist(), log_complement.tolist()
        ([[-50.0, 0.0]], [[0.0, -50.0]])
    """
    # Contiguous, because the lines below read the tensor many times: other strides than the target's take three times
    # as long.
    log_p = logits.to(torch.float32).contiguous().log_softmax(dim=1)
    p = log_p.exp()
    # At most one channel is above a half, so the others sum to its complement.
    others = torch.where(p > 0.5, 0.0, p).sum(dim=1, keepdim=True)
    complement = torch.where(p > 0.5, others, 1 - p)
    return log_p, complement.clamp(min=torch.finfo(torch.float32).tiny).log()


def heatmap_regression_loss(
    logits: torch.Tensor, target: torch.Tensor, bce_weight: float = 1.0, focal_weight: float = 1.0, gamma: float = 2.0
) -> torch.Tensor:
    """Return weighted BCE plus focal loss: the mean over pixels, summed over channels, averaged over the batch.

    The focal term is ``|h - p|^gamma * BCE(h, p)``. Unlike ``(1 - p_t)^gamma`` it has its minimum at p = h for soft
    targets, too.

    Args:
        logits: (B, C, X, Y), before the softmax; C = landmarks + background. Computed in float32 whatever the dtype.
        target: (B, C, X, Y), in [0, 1], channels summing to 1; NaN pixels add no loss (the channel of a landmark that
            is not annotated is NaN).
        bce_weight, focal_weight: weights of the two terms.
        gamma: exponent of the focal term.
    Returns:
        A scalar.
    Raises:
        ValueError: shapes differ; the message shows both.
    Source:
        Zhong et al. 2019, equation 3; docs/paper.md, "Network and loss".
    Example:
        >>> import torch
        >>> from monai_ceph.losses import heatmap_regression_loss
        >>> target = torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1).expand(1, 2, 8, 8)
        >>> bool(heatmap_regression_loss(40 * target, target) < heatmap_regression_loss(0 * target, target))
        True
    """
    if logits.shape != target.shape:
        raise ValueError(
            f"Expected logits and target of one shape, got {tuple(logits.shape)} and {tuple(target.shape)}."
        )
    log_p, log_complement = log_softmax_and_complement(logits)
    missing = target.isnan()
    target = target.to(torch.float32).nan_to_num(0.0)
    bce = -torch.lerp(log_complement, log_p, target)
    weight = bce_weight + focal_weight * (target - log_p.exp()).abs() ** gamma
    pixels = (weight * bce).masked_fill(missing, 0.0)
    return pixels.mean(dim=tuple(range(2, pixels.dim()))).sum(dim=1).mean()


class HeatmapRegressionLoss(torch.nn.Module):
    """Binary cross-entropy plus focal loss between the softmax of logits and heatmaps.

    Module version of :func:`heatmap_regression_loss`.

    Args:
        bce_weight, focal_weight: weights of the two terms, not negative, one of them above 0.
        gamma: exponent of the focal term: 0 (no focusing) or at least 1.
    Raises:
        ValueError: a weight or gamma is outside its range.
    Example:
        >>> import torch
        >>> from monai_ceph.losses import HeatmapRegressionLoss
        >>> HeatmapRegressionLoss()(torch.zeros(1, 2, 8, 8), torch.full((1, 2, 8, 8), 0.5)).shape
        torch.Size([])
    """

    def __init__(self, bce_weight: float = 1.0, focal_weight: float = 1.0, gamma: float = 2.0) -> None:
        super().__init__()
        if bce_weight < 0 or focal_weight < 0 or bce_weight + focal_weight == 0:
            raise ValueError(f"Expected non-negative weights, one above zero; got {bce_weight} and {focal_weight}.")
        if not (gamma == 0 or gamma >= 1):
            # In between, the derivative of |h - p|^gamma is infinite at h = p, which is true of every empty pixel.
            raise ValueError(f"Expected gamma 0 (no focusing) or at least 1, got {gamma}.")
        self.bce_weight, self.focal_weight, self.gamma = bce_weight, focal_weight, gamma

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits (B, C, X, Y) before the softmax and targets of the same shape, a scalar."""
        return heatmap_regression_loss(logits, target, self.bce_weight, self.focal_weight, self.gamma)
