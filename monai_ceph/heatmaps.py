"""Points -> heatmaps and heatmaps -> points, as pure functions on tensors. Everything is in array frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

Decoder = Callable[[torch.Tensor], torch.Tensor]
"""(..., X, Y) heatmaps -> (..., 2) points (x, y) in array indices; NaN where a heatmap is empty."""


def gaussian_heatmaps(points: torch.Tensor, spatial_size: Sequence[int], sigma_px: float) -> torch.Tensor:
    """One Gaussian a landmark, peak 1 at the landmark's sub-pixel position, and a background channel.

    Where Gaussians overlap to more than 1 they are divided by their sum, so that the channels sum to 1 everywhere.

    Args:
        points: (..., N, 2), (x, y), array indices; NaN where nobody annotated gives an empty channel.
        spatial_size: (X, Y) of the heatmaps.
        sigma_px: standard deviation, in pixels of the array.
    Returns:
        (..., N + 1, X, Y); the last channel is background, ``1 - sum`` of the others.
    Raises:
        ValueError: points do not end in 2, or sigma is not positive.
    Source:
        METHOD "Target"; Zhong et al. 2019, equations 1 and 2.
    """
    if points.shape[-1] != 2:
        raise ValueError(f"Expected points of shape (..., N, 2), got {tuple(points.shape)}.")
    if not sigma_px > 0:
        raise ValueError(f"Expected a positive sigma_px, got {sigma_px}.")
    # exp(-(dx^2 + dy^2)) is the product of two 1D Gaussians: X + Y exponentials a landmark instead of X * Y.
    sides = []
    for axis, size in enumerate(spatial_size):
        index = torch.arange(size, dtype=points.dtype, device=points.device)
        sides.append(torch.exp(-((index - points[..., axis : axis + 1]) ** 2) / (2 * sigma_px**2)))
    landmarks = (sides[0][..., :, None] * sides[1][..., None, :]).nan_to_num(0.0)
    total = landmarks.sum(dim=-3, keepdim=True)
    return torch.cat([landmarks / total.clamp(min=1), (1 - total).clamp(min=0)], dim=-3)


def decode_argmax(heatmaps: torch.Tensor) -> torch.Tensor:
    """Position of the largest value; shapes as :data:`Decoder`. The coarse position of METHOD, step 1."""
    size_y = heatmaps.shape[-1]
    peak, index = heatmaps.flatten(-2).max(-1)
    row = index // size_y
    # Not index % size_y, which torch's ONNX exporter cannot say where the size is known only when the graph runs.
    points = torch.stack([row, index - row * size_y], -1).to(_position_dtype(heatmaps))
    return torch.where((peak > 0)[..., None], points, torch.nan)


def decode_threshold_mean(heatmaps: torch.Tensor, threshold: float = 0.5) -> torch.Tensor:
    """The paper's decoder: scale to maximum 1, drop what is below the threshold, mean position of the rest.

    Shapes as :data:`Decoder`. Source: METHOD "Inference", step 4.
    """
    peak = heatmaps.amax((-2, -1), keepdim=True)
    kept = ((heatmaps >= threshold * peak) & (peak > 0)).to(torch.float32)
    return _mean_position(kept).to(_position_dtype(heatmaps))


def decode_soft_centroid(heatmaps: torch.Tensor, threshold: float = 0.5) -> torch.Tensor:
    """Sub-pixel decoder: the centre of mass of what the values exceed ``threshold`` times the maximum by.

    Unlike :func:`decode_threshold_mean` it moves continuously with the values: a pixel that comes to exceed the
    threshold starts with no weight. Shapes as :data:`Decoder`.
    """
    heatmaps = heatmaps.to(torch.float32)
    floor = threshold * heatmaps.amax((-2, -1), keepdim=True)
    return _mean_position((heatmaps - floor).clamp(min=0))


def _position_dtype(heatmaps: torch.Tensor) -> torch.dtype:
    # bfloat16 has no whole numbers between 256 and 258: a position in it would be off by pixels.
    return torch.promote_types(heatmaps.dtype, torch.float32)


def _mean_position(weights: torch.Tensor) -> torch.Tensor:
    total = weights.sum((-2, -1))
    index_x = torch.arange(weights.shape[-2], dtype=weights.dtype, device=weights.device)
    index_y = torch.arange(weights.shape[-1], dtype=weights.dtype, device=weights.device)
    x = (weights.sum(-1) * index_x).sum(-1) / total
    y = (weights.sum(-2) * index_y).sum(-1) / total
    return torch.stack([x, y], -1)
