"""Show the heatmaps of both stages as pictures: all landmarks in one plane, as in the paper."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from monai_ceph.inferers.two_stage import TwoStageInferer, coarse_heatmaps
from monai_ceph.networks import TwoStageNet


def compress(heatmaps: torch.Tensor, corner: torch.Tensor, film_size: Sequence[int]) -> torch.Tensor:
    """Return the maximum over all landmarks' heatmaps at each pixel, each heatmap relative to its own maximum.

    The decoder also works relative to the maximum of a heatmap, however low it is. The picture therefore shows what the
    decoder sees.

    Args:
        heatmaps: (N, W, H), one per landmark, each covering a window of the film.
        corner: (N, 2) int64, the first pixel of each window. Parts beyond the film are dropped.
        film_size: (X, Y).
    Returns:
        (X, Y), 0 to 1; 0 outside all windows.
    Example:
        >>> heatmaps = torch.tensor([[[0.1, 0.2]], [[0.5, 0.0]]])
        >>> compress(heatmaps, torch.tensor([[0, 0], [1, 1]]), (2, 3)).tolist()
        [[0.5, 1.0, 0.0], [0.0, 1.0, 0.0]]
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
    """Compute the channel-compressed global heatmaps H_G and merged heatmaps H_M of one film.

    Args:
        film: (C, X, Y) at local scale, as the inferer takes it.
        network: the two-stage network.
        inferer: supplies the settings: scale, patches, merge and guide.
    Returns:
        (X * global_scale, Y * global_scale) and (X, Y), see :func:`compress`.
    Source:
        Zhong et al. 2019, figure 3, rows a and b.
    Example:
        >>> from monai_ceph.landmarks import ISBI19
        >>> network = TwoStageNet(torch.nn.Conv2d(1, 20, 1), torch.nn.Conv2d(1, 20, 1), ISBI19)
        >>> inferer = TwoStageInferer(0.5, patch_size=32)
        >>> [tuple(part.shape) for part in compressed_heatmaps(torch.rand(1, 64, 96), network, inferer)]
        [(32, 48), (64, 96)]
    """
    with torch.no_grad():
        pixels = film.as_tensor() if hasattr(film, "as_tensor") else film
        coarse = inferer.coarse_points(pixels[None], network)[0]
        merged, corner = inferer.merged_heatmaps(pixels, coarse, network)
        coarse_maps = coarse_heatmaps(pixels[None], network, inferer.global_scale)[0]
    return compress(coarse_maps, torch.zeros_like(corner), coarse_maps.shape), compress(merged, corner, pixels.shape)
