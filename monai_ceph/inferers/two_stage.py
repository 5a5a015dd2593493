"""Find landmarks with the attention guide and Expansive Exploration: the global stage steers the local stage.

This is the reference implementation: every patch passes through the local network on its own, even where patches
overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from monai.inferers import Inferer

from monai_ceph.heatmaps import Decoder, decode_argmax, decode_threshold_mean, second_moments
from monai_ceph.networks import TwoStageNet
from monai_ceph.spacing import check_film_size
from monai_ceph.transforms.scale import scale_index, scale_pixels

Merge = Literal["all", "own"]


def coarse_heatmaps(film: torch.Tensor, network: TwoStageNet, global_scale: float) -> torch.Tensor:
    """Compute the heatmaps of the global stage.

    Args:
        film: (B, C, X, Y) at local scale.
        network: the two-stage network.
        global_scale: ratio of the global to the local scale of the film; 0.15 / 0.5 = 0.3 in the paper.
    Returns:
        (B, N, X * global_scale, Y * global_scale) probabilities, without the background channel.
    Example:
        >>> from monai_ceph.landmarks import ISBI19
        >>> network = TwoStageNet(torch.nn.Conv2d(1, 20, 1), torch.nn.Conv2d(1, 20, 1), ISBI19)
        >>> coarse_heatmaps(torch.rand(1, 1, 64, 96), network, 0.5).shape
        torch.Size([1, 19, 32, 48])
    """
    return network(scale_pixels(film, (global_scale, global_scale)))[:, :-1]


def or_centre(points: torch.Tensor, film_size: Sequence[int]) -> torch.Tensor:
    """Replace NaN points (..., 2), array indices, by the centre of the film (..., X, Y).

    >>> or_centre(torch.tensor([[3.0, 4.0], [torch.nan, torch.nan]]), (1, 11, 21)).tolist()
    [[3.0, 4.0], [5.0, 10.0]]
    """
    centre = torch.tensor([(s - 1) / 2 for s in film_size[-2:]], dtype=points.dtype, device=points.device)
    return torch.where(points.isnan(), centre, points)


def patch_offsets(patch_size: int, expansion: float) -> torch.Tensor:
    """Compute the centres of a landmark's patches relative to its coarse position.

    Args:
        patch_size: side of a patch, px.
        expansion: epsilon: together, the patches cover a square of side ``patch_size * expansion``; 1 means the centre
            patch alone.
    Returns:
        (5, 2) or (1, 2) int64, (x, y), the centre first.
    Raises:
        ValueError: expansion is outside [1, 2], where the corner patches would leave the centre uncovered.
    Source:
        Zhong et al. 2019, figure 2; docs/paper.md, "Inference".
    Example:
        >>> patch_offsets(10, 1.8).tolist()
        [[0, 0], [-4, -4], [-4, 4], [4, -4], [4, 4]]
    """
    if not 1 <= expansion <= 2:
        raise ValueError(f"Expected an expansion from 1 (centre patch alone) to 2, got {expansion}.")
    shift = round(patch_size * (expansion - 1) / 2)
    corners = [(x, y) for x in (-shift, shift) for y in (-shift, shift)] if shift else []
    return torch.tensor([(0, 0), *corners])


def patch_starts(
    coarse: torch.Tensor, offsets: torch.Tensor, patch_size: int, film_size: Sequence[int]
) -> torch.Tensor:
    """Compute the first pixel of every patch; a patch that would cross the border is moved inside the film.

    Args:
        coarse: (N, 2), (x, y), array indices.
        offsets: (K, 2) from :func:`patch_offsets`.
        film_size: (X, Y).
    Returns:
        (N, K, 2) int64.
    Raises:
        ValueError: the film is smaller than a patch.
    Example:
        >>> patch_starts(torch.tensor([[2.0, 30.0]]), patch_offsets(10, 1), 10, (50, 60)).tolist()
        [[[0, 25]]]
    """
    check_film_size(film_size, patch_size)
    size = torch.tensor(film_size[-2:])
    centre = coarse.round().long().cpu()[:, None] + offsets
    return torch.minimum((centre - patch_size // 2).clamp(min=0), size - patch_size)


def merge_all(patches: torch.Tensor, starts: torch.Tensor, film_size: Sequence[int]) -> torch.Tensor:
    """Merge patches as in the paper: every patch writes every channel; overlaps are averaged; 0 outside all patches.

    Args:
        patches: (N, K, N, P, P) heatmaps: landmarks, patches of each, channels.
        starts: (N, K, 2), the first pixel of each patch.
        film_size: (X, Y).
    Returns:
        (N, X, Y).
    Example:
        >>> patches = torch.tensor([1.0, 3.0]).view(1, 2, 1, 1, 1).expand(1, 2, 1, 2, 2)
        >>> merge_all(patches, torch.tensor([[[0, 0], [0, 1]]]), (2, 4)).tolist()
        [[[1.0, 2.0, 3.0, 0.0], [1.0, 2.0, 3.0, 0.0]]]
    """
    channels, size = patches.shape[2:4]
    total = patches.new_zeros(channels, *film_size[-2:])
    count = patches.new_zeros(*film_size[-2:])
    for patch, (x, y) in zip(patches.flatten(0, 1), starts.flatten(0, 1).tolist(), strict=True):
        total[:, x : x + size, y : y + size] += patch
        count[x : x + size, y : y + size] += 1
    return total / count.clamp(min=1)


def merge_own(own: torch.Tensor, starts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Merge each landmark's own patches, in its own channel, in the smallest common size of window.

    Args:
        own: (N, K, P, P) heatmaps: the patches of each landmark, in its own channel.
        starts: (N, K, 2), the first pixel of each patch.
    Returns:
        (N, W, W) mean heatmaps, 0 outside the patches, and (N, 2) int64, each window's first pixel.
    Example:
        >>> own = torch.tensor([1.0, 3.0]).view(1, 2, 1, 1).expand(1, 2, 2, 2)
        >>> merged, corner = merge_own(own, torch.tensor([[[5, 5], [5, 6]]]))
        >>> merged.tolist(), corner.tolist()
        ([[[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]], [[5, 5]])
    """
    n, size = own.shape[0], own.shape[-1]
    corner = starts.amin(dim=1)
    inside = starts - corner[:, None]
    window = int(inside.max()) + size
    total, count = own.new_zeros(2, n, window, window)
    for landmark, places in enumerate(inside.tolist()):
        for patch, (x, y) in enumerate(places):
            total[landmark, x : x + size, y : y + size] += own[landmark, patch]
            count[landmark, x : x + size, y : y + size] += 1
    return total / count.clamp(min=1), corner


def guide_prior(
    coarse: torch.Tensor, corner: torch.Tensor, size: Sequence[int], sigma_px: torch.Tensor
) -> torch.Tensor:
    """Compute the prior of each pixel: a Gaussian around each coarse position.

    Args:
        coarse: (N, 2), (x, y), array indices of the film.
        corner: (N, 2), the first pixel of each landmark's window.
        size: (W, H) of the windows.
        sigma_px: (N,) standard deviations, px.
    Returns:
        (N, W, H), 1 at the coarse position.
    Example:
        >>> prior = guide_prior(torch.tensor([[6.0, 5.0]]), torch.tensor([[5, 5]]), (3, 1), torch.tensor([1.0]))
        >>> prior.flatten().tolist()[1]
        1.0
    """
    sides = []
    for axis in (0, 1):
        index = torch.arange(size[axis], device=coarse.device, dtype=torch.float32)
        distance = index + (corner[:, axis : axis + 1] - coarse[:, axis : axis + 1])
        sides.append(torch.exp(-(distance**2) / (2 * sigma_px[:, None] ** 2)))
    return sides[0][:, :, None] * sides[1][:, None, :]


class TwoStageInferer(Inferer):
    """Find the landmarks of a film with both stages.

    Args:
        global_scale: ratio of the global to the local scale of the film.
        patch_size: side of a local patch, px at local scale.
        expansion: epsilon of the Expansive Exploration; 1 is the centre patch alone ("without Expand").
        merge: ``"all"``: every patch writes every landmark's channel (the paper); ``"own"``: a landmark is read from
            its own patches only, which excludes similar structures elsewhere.
        guide_sigma_px: standard deviation of the Gaussian prior around the coarse position, px at local scale: one
            number, or one per landmark; None means no prior (the paper).
        coarse_decoder, decoder: functions from heatmaps to points, for the global and the merged heatmaps.
        batch_size: patches per forward pass.
    Raises:
        ValueError: a setting is out of its range.
    Example:
        >>> from monai_ceph.landmarks import ISBI19
        >>> network = TwoStageNet(torch.nn.Conv2d(1, 20, 1), torch.nn.Conv2d(1, 20, 1), ISBI19)
        >>> inferer = TwoStageInferer(global_scale=0.5, patch_size=32)
        >>> inferer(torch.rand(1, 1, 64, 96), network).shape
        torch.Size([1, 19, 3])
    """

    def __init__(
        self,
        global_scale: float = 0.3,
        patch_size: int = 125,
        expansion: float = 1.8,
        merge: Merge = "all",
        guide_sigma_px: float | Sequence[float] | None = None,
        coarse_decoder: Decoder = decode_argmax,
        decoder: Decoder = decode_threshold_mean,
        batch_size: int = 19,
    ) -> None:
        super().__init__()
        if merge not in ("all", "own"):
            raise ValueError(f"Expected merge 'all' or 'own', got {merge!r}.")
        if not global_scale > 0:
            raise ValueError(f"Expected a global_scale above 0, got {global_scale}.")
        if patch_size < 1 or batch_size < 1:
            raise ValueError(
                f"Expected a patch_size and a batch_size of at least 1, got {patch_size} and {batch_size}."
            )
        if guide_sigma_px is not None and not (torch.as_tensor(guide_sigma_px) > 0).all():
            raise ValueError(f"Expected guide_sigma_px above 0, got {guide_sigma_px}; None is no guide.")
        self.global_scale, self.patch_size, self.batch_size = global_scale, patch_size, batch_size
        self.offsets = patch_offsets(patch_size, expansion)
        self.merge, self.guide_sigma_px = merge, guide_sigma_px
        self.coarse_decoder, self.decoder = coarse_decoder, decoder

    def __call__(self, inputs: torch.Tensor, network: TwoStageNet, *args: object, **kwargs: object) -> torch.Tensor:
        """Find the landmarks of a batch of films.

        Args:
            inputs: (B, C, X, Y), films at local scale, intensities normalised.
            network: the two-stage network.
        Returns:
            (B, N, 3): x and y in array indices of ``inputs``, and the confidence: the merged heatmap's maximum,
            a probability in [0, 1].
        """
        check_film_size(inputs.shape, self.patch_size)  # before the global stage, whose error would be less clear
        with torch.no_grad():
            return self.refined(inputs, self.coarse_points(inputs, network), network)[..., :3]

    def coarse(self, films: torch.Tensor, network: TwoStageNet) -> torch.Tensor:
        """Find coarse points with the global stage alone.

        Args:
            films: (B, C, X, Y), at the global stage's spacing, intensities normalised.
            network: the two-stage network.
        Returns:
            (B, N, 3): x and y in array indices of ``films``, NaN where a heatmap is empty, and the heatmap's maximum.
        """
        heatmaps = network(films)[:, :-1]
        return torch.cat([self.coarse_decoder(heatmaps), heatmaps.amax((-2, -1))[..., None]], dim=-1)

    def coarse_points(self, inputs: torch.Tensor, network: TwoStageNet) -> torch.Tensor:
        """Return (B, N, 2) coarse points, array indices of ``inputs`` at local scale."""
        points = self.coarse(scale_pixels(inputs, (self.global_scale, self.global_scale)), network)[..., :2]
        # A global heatmap of zeros has no position. Continue with the film's centre; the confidence shows the failure.
        return or_centre(scale_index(points, 1 / self.global_scale), inputs.shape)

    def refined(self, films: torch.Tensor, coarse: torch.Tensor, network: TwoStageNet) -> torch.Tensor:
        """Refine coarse points with the local stage.

        Args:
            films: (B, C, X, Y), at local scale, intensities normalised; at least as large as a patch.
            coarse: (B, N, 2), array indices of ``films``.
            network: the two-stage network.
        Returns:
            (B, N, 6): what :meth:`__call__` returns, and the spread of each merged heatmap around its point, see
            :func:`~monai_ceph.heatmaps.second_moments`, px^2 at local scale.
        """
        return torch.stack([self._one(film, points, network) for film, points in zip(films, coarse, strict=True)])

    def merged_heatmaps(
        self, film: torch.Tensor, coarse: torch.Tensor, network: TwoStageNet
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute the merged heatmaps H_M of one film, before the decoder.

        Args:
            film: (C, X, Y).
            coarse: (N, 2), array indices.
            network: the two-stage network.
        Returns:
            (N, W, H) heatmaps and (N, 2) int64, the first pixel of each. With merge ``"all"``, each heatmap covers the
            whole film and starts at 0.
        """
        starts = patch_starts(coarse, self.offsets, self.patch_size, film.shape)
        size = self.patch_size
        crops = torch.stack([film[:, x : x + size, y : y + size] for x, y in starts.flatten(0, 1).tolist()])
        logits = torch.cat([network.local_net(batch).to(torch.float32) for batch in crops.split(self.batch_size)])
        patches = logits.softmax(dim=1)[:, :-1].unflatten(0, starts.shape[:2])
        if self.merge == "all":
            return self._guided(merge_all(patches, starts, film.shape), torch.zeros_like(starts[:, 0]), coarse)
        landmark = torch.arange(len(patches))
        return self._guided(*merge_own(patches[landmark, :, landmark], starts), coarse)

    def _guided(
        self, merged: torch.Tensor, corner: torch.Tensor, coarse: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Multiply merged heatmaps (N, W, H) by the guide's prior, if there is a guide."""
        corner = corner.to(merged.device)
        if self.guide_sigma_px is None:
            return merged, corner
        sigma = torch.as_tensor(self.guide_sigma_px, dtype=torch.float32, device=merged.device)
        if sigma.numel() not in (1, len(merged)):
            raise ValueError(
                f"guide_sigma_px has {sigma.numel()} widths, the network {len(merged)} landmarks; "
                "give one number, or one a landmark."
            )
        prior = guide_prior(coarse, corner, merged.shape[-2:], sigma.expand(len(merged)))
        return merged * prior, corner

    def _decoded(self, merged: torch.Tensor, corner: torch.Tensor, coarse: torch.Tensor) -> torch.Tensor:
        """Decode merged heatmaps (N, W, H) to (N, 6), as :meth:`refined` returns them."""
        points = self.decoder(merged) + corner
        points = torch.where(points.isnan(), coarse, points)
        spread = second_moments(merged, points - corner)
        return torch.cat([points, merged.amax((-2, -1))[:, None], spread], dim=-1)

    def _one(self, film: torch.Tensor, coarse: torch.Tensor, network: TwoStageNet) -> torch.Tensor:
        film = torch.as_tensor(film)
        if hasattr(film, "as_tensor"):  # slicing a MetaTensor 95 times would track 95 affines
            film = film.as_tensor()
        return self._decoded(*self.merged_heatmaps(film, coarse, network), coarse)


class GlobalStageInferer(Inferer):
    """Find landmarks with the global stage alone, to train, validate and compare it.

    The interface is that of :class:`TwoStageInferer`.

    Args:
        global_scale: ratio of the global to the local scale of the film.
        decoder: function from heatmaps to points.
    Example:
        >>> from monai_ceph.landmarks import ISBI19
        >>> network = TwoStageNet(torch.nn.Conv2d(1, 20, 1), torch.nn.Conv2d(1, 20, 1), ISBI19)
        >>> GlobalStageInferer(0.5)(torch.rand(1, 1, 64, 96), network).shape
        torch.Size([1, 19, 3])
    """

    def __init__(self, global_scale: float = 0.3, decoder: Decoder = decode_argmax) -> None:
        super().__init__()
        self.global_scale, self.decoder = global_scale, decoder

    def __call__(self, inputs: torch.Tensor, network: TwoStageNet, *args: object, **kwargs: object) -> torch.Tensor:
        """Find the landmarks of a batch of films, as :meth:`TwoStageInferer.__call__` does."""
        with torch.no_grad():
            heatmaps = coarse_heatmaps(inputs, network, self.global_scale)
            points = scale_index(self.decoder(heatmaps), 1 / self.global_scale)
            return torch.cat([points, heatmaps.amax((-2, -1))[..., None]], dim=-1)
