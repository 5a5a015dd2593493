"""The heatmaps of both stages as pictures: all landmarks in one plane, as the paper shows them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from monai_ceph.inferers.two_stage import TwoStageInferer, coarse_heatmaps
from monai_ceph.networks import TwoStageNet


def compress(heatmaps: torch.Tensor, corner: torch.Tensor, film_size: Sequence[int]) -> torch.Tensor:
    """The largest of the landmarks' heatmaps at each pixel of the film, each relative to its own maximum.

    A landmark is decoded from its heatmap relative to its maximum, however low that is: this shows what the decoder
    sees.

    Args:
        heatmaps: (N, W, H), one a landmark, each of a window of the film.
        corner: (N, 2) int64, the first pixel of each window. What hangs over the film's end is dropped.
        film_size: (X, Y).
    Returns:
        (X, Y), 0 to 1; 0 where there is no window.
    """
    plane = heatmaps.new_zeros(*film_size[-2:])
    relative = heatmaps / heatmaps.amax((-2, -1), keepdim=True).clamp(min=torch.finfo(heatmaps.dtype).tiny)
    for heatmap, (x, y) in zip(relative, corner.tolist(), strict=True):
        part = plane[x : x + heatmap.shape[0], y : y + heatmap.shape[1]]
        torch.maximum(part, heatmap[: part.shape[0], : part.shape[1]], out=part)
    return plane


def compressed_heatmaps(
    film: torch.Tensor, network: TwoStageNet, inferer: TwoStageInferer
) -> tuple[torch.Tensor, torch.Tensor]:
    """What both stages saw on one film: the channel-compressed global heatmaps H_G and merged heatmaps H_M.

    Args:
        film: (C, X, Y) at local scale, as the inferer takes it.
        network: the two-stage network.
        inferer: its settings are used: scale, patches, merge and guide.
    Returns:
        (X * global_scale, Y * global_scale) and (X, Y), see :func:`compress`.
    Source:
        Zhong et al. 2019, figure 3, rows a and b.
    """
    with torch.no_grad():
        pixels = film.as_tensor() if hasattr(film, "as_tensor") else film
        coarse = inferer.coarse_points(pixels[None], network)[0]
        merged, corner = inferer.merged_heatmaps(pixels, coarse, network)
        whole = coarse_heatmaps(pixels[None], network, inferer.global_scale)[0]
    return compress(whole, torch.zeros_like(corner), whole.shape), compress(merged, corner, pixels.shape)
