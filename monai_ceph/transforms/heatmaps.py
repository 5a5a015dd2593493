"""Landmarks of a film -> target heatmaps on an array made from it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform

from monai_ceph.geometry import film_to_array
from monai_ceph.heatmaps import gaussian_heatmaps


class LandmarkHeatmaps(Transform):
    """Gaussian heatmaps of a film's landmarks on an image's pixel grid.

    Args:
        sigma_px: standard deviation of the Gaussians, in pixels of the image.
    """

    def __init__(self, sigma_px: float) -> None:
        self.sigma_px = sigma_px

    def __call__(self, points_px: torch.Tensor, image: MetaTensor) -> torch.Tensor:
        """Heatmaps.

        Args:
            points_px: (N, 2), (x, y), pixels of the film as stored; NaN where nobody annotated.
            image: (C, X, Y), its affine maps its indices to film pixels.
        Returns:
            (N + 1, X, Y) float32, see :func:`monai_ceph.heatmaps.gaussian_heatmaps`; the channel of a landmark that
            nobody annotated is NaN, so that the loss leaves it out.
        """
        points_px = torch.as_tensor(points_px, dtype=torch.float32)
        # A MetaTensor's own affine would claim a wrong frame for the heatmaps.
        points_px = points_px.as_tensor() if isinstance(points_px, MetaTensor) else points_px
        points = film_to_array(points_px, image.affine)
        heatmaps = gaussian_heatmaps(points, image.shape[-2:], self.sigma_px)
        missing = points.isnan().any(-1).nonzero().flatten()
        heatmaps[missing] = torch.nan
        return heatmaps


class LandmarkHeatmapsd(MapTransform):
    """Dictionary twin of :class:`LandmarkHeatmaps`.

    Args:
        keys: where the landmarks are, (N, 2), film pixels.
        image_key: the image whose pixel grid the heatmaps get.
        target_key: where the heatmaps go.
        sigma_px: as there.
    """

    def __init__(
        self,
        keys: KeysCollection,
        sigma_px: float,
        image_key: str = "image",
        target_key: str = "heatmaps",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.image_key, self.target_key = image_key, target_key
        self.heatmaps = LandmarkHeatmaps(sigma_px)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        out = dict(data)
        for key in self.key_iterator(out):
            out[self.target_key] = self.heatmaps(out[key], out[self.image_key])
        return out
