"""Make target heatmaps of a film's landmarks on an array made from the film."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends

from monai_ceph.geometry import film_to_array
from monai_ceph.heatmaps import gaussian_heatmaps


class LandmarkHeatmaps(Transform):
    """Make Gaussian heatmaps of a film's landmarks on an image's pixel grid.

    Args:
        sigma_px: standard deviation of the Gaussians, in pixels of the image.
    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.transforms import LandmarkHeatmaps
        >>> heatmaps = LandmarkHeatmaps(sigma_px=2.0)(torch.tensor([[4.0, 6.0]]), MetaTensor(torch.zeros(1, 9, 12)))
        >>> tuple(heatmaps.shape), float(heatmaps[0, 4, 6]), float(heatmaps[1, 4, 6])
        ((2, 9, 12), 1.0, 0.0)
    """

    backend = [TransformBackends.TORCH]

    def __init__(self, sigma_px: float) -> None:
        self.sigma_px = sigma_px

    def __call__(self, points_px: torch.Tensor, image: MetaTensor) -> torch.Tensor:
        """Make the heatmaps.

        Args:
            points_px: (N, 2), (x, y), pixels of the film as stored; NaN where a landmark is not annotated.
            image: (C, X, Y); its affine maps its indices to film pixels.
        Returns:
            (N + 1, X, Y) float32, see :func:`monai_ceph.heatmaps.gaussian_heatmaps`; the last channel is background.
            The channel of an unannotated landmark is NaN, so that the loss ignores it.
        """
        # A plain tensor: a MetaTensor's own affine would claim a wrong frame for the heatmaps.
        points_px = torch.as_tensor(points_px, dtype=torch.float32).as_subclass(torch.Tensor)
        points = film_to_array(points_px, image.affine)
        heatmaps = gaussian_heatmaps(points, image.shape[-2:], self.sigma_px)
        heatmaps[:-1][points.isnan().any(-1)] = torch.nan
        return heatmaps


class LandmarkHeatmapsd(MapTransform):
    """Make Gaussian target heatmaps of a film's landmarks on the pixel grid of an image made from the film.

    Dictionary-based version of :class:`LandmarkHeatmaps`. The landmarks stay in film pixels whatever was done to the
    image: its affine says where they lie in it. So put this after every spatial transform.

    The heatmaps are (N + 1, X, Y) float32. Channel k is 1 at landmark k and falls off as a Gaussian; the last channel
    is background, and all channels sum to 1. The channel of a landmark that is not annotated is NaN, which
    :class:`monai_ceph.losses.HeatmapRegressionLoss` ignores.

    Args:
        keys: key of the landmarks, (N, 2), (x, y), pixels of the film as stored; NaN where not annotated.
        sigma_px: standard deviation of the Gaussians, in pixels of the image.
        image_key: key of the image, (C, X, Y), a ``MetaTensor`` whose affine maps its indices to film pixels.
        target_key: key that the heatmaps are stored under.
        allow_missing_keys: skip samples without landmarks instead of raising ``KeyError``.
    Source:
        Zhong et al. 2019, equations 1 and 2; docs/paper.md, "Target".
    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.transforms import LandmarkHeatmapsd
        >>> half_size = torch.diag(torch.tensor([2.0, 2.0, 1.0, 1.0]))  # an image at half the film's resolution
        >>> sample = {
        ...     "image": MetaTensor(torch.zeros(1, 9, 12), affine=half_size),
        ...     "points_px": torch.tensor([[8.0, 12.0], [torch.nan, torch.nan]]),
        ... }
        >>> heatmaps = LandmarkHeatmapsd("points_px", sigma_px=2.0)(sample)["heatmaps"]
        >>> tuple(heatmaps.shape), float(heatmaps[0, 4, 6]), bool(heatmaps[1].isnan().all())
        ((3, 9, 12), 1.0, True)
    """

    backend = [TransformBackends.TORCH]

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
        """Return a copy of the sample with the heatmaps under ``target_key``."""
        out = dict(data)
        for key in self.key_iterator(out):
            out[self.target_key] = self.heatmaps(out[key], out[self.image_key])
        return out
