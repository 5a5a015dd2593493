"""Binary cross-entropy plus focal loss between softmax heatmaps and soft targets."""

from __future__ import annotations

import torch


def log_softmax_and_complement(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """``log p`` and ``log(1 - p)`` of a softmax over channels, both accurate where p is close to 1.

    ``log1p(-p)`` loses every digit once p rounds to 1. Only the largest channel can come that close, and its
    complement is the sum of all the others, which is computed without cancellation.

    Args:
        logits: (B, C, ...), any floating dtype; C >= 2.
    Returns:
        Two tensors shaped as ``logits``, float32.
    """
    # Contiguous: what follows goes over the tensor many times; strides that differ from the target's cost threefold.
    log_p = logits.to(torch.float32).contiguous().log_softmax(dim=1)
    p = log_p.exp()
    # At most one channel is above a half, so the others sum to its complement.
    others = torch.where(p > 0.5, 0.0, p).sum(dim=1, keepdim=True)
    complement = torch.where(p > 0.5, others, 1 - p)
    return log_p, complement.clamp(min=torch.finfo(torch.float32).tiny).log()


def heatmap_regression_loss(
    logits: torch.Tensor, target: torch.Tensor, bce_weight: float = 1.0, focal_weight: float = 1.0, gamma: float = 2.0
) -> torch.Tensor:
    """Mean over the batch of the sum over channels of the mean over pixels of weighted BCE and focal loss.

    The focal term is ``|h - p|^gamma * BCE(h, p)``: unlike ``(1 - p_t)^gamma`` it has its minimum at p = h for soft
    targets as well.

    Args:
        logits: (B, C, X, Y), before the softmax; C = landmarks + background. Computed in float32 whatever the dtype.
        target: (B, C, X, Y), in [0, 1], channels summing to 1; a NaN pixel counts nothing (a landmark that nobody
            annotated has a channel of NaN).
        bce_weight, focal_weight: the weights of the two terms.
        gamma: exponent of the focal term.
    Returns:
        A scalar.
    Raises:
        ValueError: shapes differ; the message shows both.
    Source:
        METHOD "Loss"; Zhong et al. 2019, equation 3.
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
    """:func:`heatmap_regression_loss` as a module; arguments as there."""

    def __init__(self, bce_weight: float = 1.0, focal_weight: float = 1.0, gamma: float = 2.0) -> None:
        super().__init__()
        if bce_weight < 0 or focal_weight < 0 or bce_weight + focal_weight == 0:
            raise ValueError(f"Expected non-negative weights, one above zero; got {bce_weight} and {focal_weight}.")
        if not (gamma == 0 or gamma >= 1):
            # Between them the derivative of |h - p|^gamma is infinite where h = p, as it is on every empty pixel.
            raise ValueError(f"Expected gamma 0 (no focusing) or at least 1, got {gamma}.")
        self.bce_weight, self.focal_weight, self.gamma = bce_weight, focal_weight, gamma

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return heatmap_regression_loss(logits, target, self.bce_weight, self.focal_weight, self.gamma)
