"""The two stages with no more work than the answer needs; `two_stage` is the literal reference it is held to."""

from __future__ import annotations

from typing import Any

import torch

from monai_ceph.inferers.two_stage import TwoStageInferer, merge_own, patch_starts
from monai_ceph.networks import TwoStageNet

CPU_BATCH = 4
"""Patches a forward pass on a CPU. The widest layers of nineteen patches of 128 px need buffers so large (above 32 MB)
that the C library asks the system for them each time and gives them back, and clearing their pages takes nearly as long
as the convolutions: 283 ms against 179 ms for four at a time, on one thread in bfloat16."""


def own_probability(logits: torch.Tensor, channel: torch.Tensor) -> torch.Tensor:
    """One channel of a softmax, without the others.

    Args:
        logits: (M, C, X, Y), any floating dtype.
        channel: (M,) int64, the channel wanted of each.
    Returns:
        (M, X, Y) float32.
    """
    logits = logits.to(torch.float32)
    own = logits[torch.arange(len(channel), device=logits.device), channel]
    return (own - logits.logsumexp(dim=1)).exp()


class FastTwoStageInferer(TwoStageInferer):
    """The same landmarks as :class:`TwoStageInferer`, sooner, where each landmark is read from its own patches.

    Patches of all landmarks and films share forward passes of a size that suits the device; only a landmark's own
    channel becomes probabilities; nothing is written to a canvas. With ``merge="all"`` every channel of every patch is
    needed, and the literal way is taken.

    Args:
        batch_size: patches a forward pass; None is :data:`CPU_BATCH` on a CPU and all at once elsewhere.
        settings: the other arguments of :class:`TwoStageInferer`.
    Raises:
        ValueError: a knob is out of its range.
    """

    def __init__(self, batch_size: int | None = None, **settings: Any) -> None:
        super().__init__(batch_size=CPU_BATCH if batch_size is None else batch_size, **settings)
        self.all_at_once = batch_size is None

    def refined(self, films: torch.Tensor, coarse: torch.Tensor, network: TwoStageNet) -> torch.Tensor:
        """As :meth:`TwoStageInferer.refined`."""
        if self.merge == "all":
            return super().refined(films, coarse, network)
        films = films.as_tensor() if hasattr(films, "as_tensor") else films
        starts = torch.stack([patch_starts(c, self.offsets, self.patch_size, films.shape) for c in coarse])
        own = self._own_heatmaps(films, starts, network)
        return torch.stack(
            [
                self._decoded(*self._guided(*merge_own(heatmaps, places), points), points)
                for heatmaps, places, points in zip(own, starts, coarse, strict=True)
            ]
        )

    def _own_heatmaps(self, films: torch.Tensor, starts: torch.Tensor, network: TwoStageNet) -> torch.Tensor:
        """(B, N, K, P, P) heatmaps of (B, N, K, 2) patches, each of its own landmark."""
        size = self.patch_size
        landmark = torch.arange(starts.shape[1]).repeat_interleave(starts.shape[2]).repeat(len(films))
        crops = torch.stack(
            [
                film[:, x : x + size, y : y + size]
                for film, places in zip(films, starts, strict=True)
                for x, y in places.flatten(0, 1).tolist()
            ]
        )
        batch = len(crops) if self.all_at_once and films.device.type != "cpu" else self.batch_size
        heatmaps = [
            own_probability(network.local_net(patches), channels.to(films.device))
            for patches, channels in zip(crops.split(batch), landmark.split(batch), strict=True)
        ]
        return torch.cat(heatmaps).unflatten(0, starts.shape[:3])
