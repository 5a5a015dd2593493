"""Encode points as heatmaps and decode heatmaps to points. All points are array indices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

Decoder = Callable[[torch.Tensor], torch.Tensor]
"""(..., X, Y) heatmaps -> (..., 2) points (x, y) in array indices; NaN where a heatmap is empty."""


def gaussian_heatmaps(points: torch.Tensor, spatial_size: Sequence[int], sigma_px: float) -> torch.Tensor:
    """Return a Gaussian for each landmark, with peak 1 at its sub-pixel position, and a background channel.

    Where overlapping Gaussians sum to more than 1 they are divided by their sum, so that the channels sum to 1
    everywhere.

    Args:
        points: (..., N, 2), (x, y), array indices; NaN (not annotated) gives an empty channel.
        spatial_size: (X, Y) of the heatmaps.
        sigma_px: standard deviation, in pixels of the array.
    Returns:
        (..., N + 1, X, Y); the last channel is background, ``1 - sum`` of the others.
    Raises:
        ValueError: points do not end in 2, or sigma is not positive.
    Source:
        Zhong et al. 2019, equations 1 and 2; docs/paper.md, "Target".
    Example:
        >>> import torch
        >>> from monai_ceph.heatmaps import gaussian_heatmaps
        >>> heatmaps = gaussian_heatmaps(torch.tensor([[4.0, 6.0]]), (9, 12), sigma_px=2.0)
        >>> tuple(heatmaps.shape), heatmaps[:, 4, 6].tolist()
        ((2, 9, 12), [1.0, 0.0])
    """
    if points.shape[-1] != 2:
        raise ValueError(f"Expected points of shape (..., N, 2), got {tuple(points.shape)}.")
    if not sigma_px > 0:
        raise ValueError(f"Expected a positive sigma_px, got {sigma_px}.")
    # exp(-(dx^2 + dy^2)) is the product of two 1D Gaussians: X + Y exponentials per landmark instead of X * Y.
    sides = []
    for axis, size in enumerate(spatial_size):
        index = torch.arange(size, dtype=points.dtype, device=points.device)
        sides.append(torch.exp(-((index - points[..., axis : axis + 1]) ** 2) / (2 * sigma_px**2)))
    landmarks = (sides[0][..., :, None] * sides[1][..., None, :]).nan_to_num(0.0)
    total = landmarks.sum(dim=-3, keepdim=True)
    return torch.cat([landmarks / total.clamp(min=1), (1 - total).clamp(min=0)], dim=-3)


def decode_argmax(heatmaps: torch.Tensor) -> torch.Tensor:
    """Return the position of the largest value: the paper's coarse position.

    Args:
        heatmaps: (..., X, Y).
    Returns:
        (..., 2), (x, y), array indices; NaN where a heatmap is empty.
    Source:
        Zhong et al. 2019, section 2; docs/paper.md, "Inference".
    Example:
        >>> from monai_ceph.heatmaps import decode_argmax
        >>> decode_argmax(torch.tensor([[[0.0, 0.5, 0.8, 0.1]]])).tolist()
        [[0.0, 2.0]]
    """
    size_y = heatmaps.shape[-1]
    peak, index = heatmaps.flatten(-2).max(-1)
    row = index // size_y
    # Not index % size_y, which torch's ONNX exporter cannot express for a size that is known only at run time.
    points = torch.stack([row, index - row * size_y], -1).to(_position_dtype(heatmaps))
    return torch.where((peak > 0)[..., None], points, torch.nan)


def decode_threshold_mean(heatmaps: torch.Tensor, threshold: float = 0.5) -> torch.Tensor:
    """Return the mean position of the pixels that reach a share of the maximum: the paper's decoder.

    Args:
        heatmaps: (..., X, Y).
        threshold: that share.
    Returns:
        (..., 2), (x, y), array indices; NaN where a heatmap is empty.
    Source:
        Zhong et al. 2019, section 3; docs/paper.md, "Inference".
    Example:
        >>> import torch
        >>> from monai_ceph.heatmaps import decode_threshold_mean
        >>> decode_threshold_mean(torch.tensor([[[0.0, 0.5, 0.8, 0.1]]])).tolist()
        [[0.0, 1.5]]
    """
    peak = heatmaps.amax((-2, -1), keepdim=True)
    kept = ((heatmaps >= threshold * peak) & (peak > 0)).to(torch.float32)
    return _mean_position(kept).to(_position_dtype(heatmaps))


def decode_soft_centroid(heatmaps: torch.Tensor, threshold: float = 0.5) -> torch.Tensor:
    """Return the centre of mass of the values' excess over a share of the maximum.

    Unlike :func:`decode_threshold_mean` this changes continuously with the values: a pixel that just exceeds the
    threshold has almost no weight.

    Args:
        heatmaps, threshold: as for :func:`decode_threshold_mean`.
    Returns:
        (..., 2), (x, y), array indices; NaN where a heatmap is empty.
    Example:
        >>> import torch
        >>> from monai_ceph.heatmaps import decode_soft_centroid, gaussian_heatmaps
        >>> heatmaps = gaussian_heatmaps(torch.tensor([[4.0, 6.25]]), (9, 12), sigma_px=2.0)
        >>> bool((decode_soft_centroid(heatmaps[0]) - torch.tensor([4.0, 6.25])).abs().max() < 0.1)
        True
    """
    heatmaps = heatmaps.to(torch.float32)
    floor = threshold * heatmaps.amax((-2, -1), keepdim=True)
    return _mean_position((heatmaps - floor).clamp(min=0))


def second_moments(heatmaps: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Return how far the values of each heatmap are spread around a point.

    Args:
        heatmaps: (..., X, Y), at least 0.
        points: (..., 2), (x, y), array indices.
    Returns:
        (..., 3): the means of dx * dx, dx * dy and dy * dy, weighted by the values, px^2; 0 where a heatmap is empty.
    Example:
        >>> import torch
        >>> from monai_ceph.heatmaps import gaussian_heatmaps, second_moments
        >>> point = torch.tensor([[20.0, 30.0]])
        >>> heatmaps = gaussian_heatmaps(point, (41, 61), sigma_px=2.0)
        >>> second_moments(heatmaps[:1], point).round(decimals=2).tolist()
        [[4.0, 0.0, 4.0]]
    """
    heatmaps = heatmaps.to(torch.float32)
    index_x = torch.arange(heatmaps.shape[-2], dtype=torch.float32, device=heatmaps.device)
    index_y = torch.arange(heatmaps.shape[-1], dtype=torch.float32, device=heatmaps.device)
    dx, dy = index_x - points[..., :1], index_y - points[..., 1:]
    along_x = heatmaps.sum(-1)
    xx = (along_x * dx * dx).sum(-1)
    xy = ((heatmaps * dy[..., None, :]).sum(-1) * dx).sum(-1)
    yy = (heatmaps.sum(-2) * dy * dy).sum(-1)
    total = along_x.sum(-1)
    return torch.stack([xx, xy, yy], -1) / torch.where(total > 0, total, torch.ones_like(total))[..., None]


def _position_dtype(heatmaps: torch.Tensor) -> torch.dtype:
    # bfloat16 has no integers between 256 and 258: a position in it would be off by pixels.
    return torch.promote_types(heatmaps.dtype, torch.float32)


def _mean_position(weights: torch.Tensor) -> torch.Tensor:
    total = weights.sum((-2, -1))
    index_x = torch.arange(weights.shape[-2], dtype=weights.dtype, device=weights.device)
    index_y = torch.arange(weights.shape[-1], dtype=weights.dtype, device=weights.device)
    x = (weights.sum(-1) * index_x).sum(-1) / total
    y = (weights.sum(-2) * index_y).sum(-1) / total
    return torch.stack([x, y], -1)
