"""Bring predicted points of an array back to the film, in pixels and mm."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends

from monai_ceph.geometry import array_to_film, px_to_mm
from monai_ceph.transforms.sample import film_spacing_mm


class PointsToFilm(Transform):
    """Convert points of an array to film pixels and mm.

    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.transforms import PointsToFilm
        >>> image = MetaTensor(torch.zeros(1, 9, 9), affine=torch.diag(torch.tensor([2.0, 2.0, 1.0, 1.0])))
        >>> image.meta["spacing_mm"] = 0.5
        >>> points_px, points_mm = PointsToFilm()(torch.tensor([[5.0, 10.0]]), image)
        >>> points_px.tolist(), points_mm.tolist()
        ([[10.0, 20.0]], [[5.0, 10.0]])
    """

    backend = [TransformBackends.TORCH]

    def __call__(self, points: torch.Tensor, image: MetaTensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Convert points.

        Args:
            points: (N, 2), (x, y), array indices of the image.
            image: (C, X, Y); its affine maps to film pixels, its metadata may hold ``spacing_mm``.
        Returns:
            (N, 2) pixels of the film as stored and (N, 2) mm, NaN where the spacing is unknown; float32 on the CPU.
        """
        points_px = array_to_film(_plain(points), image.affine.cpu())
        return points_px, px_to_mm(points_px, _spacing_mm(image))


class PointsToFilmd(MapTransform):
    """Convert an inferer's points to film pixels and mm.

    Dictionary-based version of :class:`PointsToFilm`. For the key ``pred`` it adds ``pred_px`` (N, 2), pixels of the
    film as stored; ``pred_mm`` (N, 2), mm, NaN where the spacing is unknown; and ``confidence`` (N,). If the sample
    holds an annotation, it adds ``target_mm`` (N, 2) as well.

    Args:
        keys: keys of the predictions, (N, 3): x, y, confidence, in array indices of the image that was inferred on.
        image_key: key of that image. Its affine is used, and its metadata's ``spacing_mm`` if there is one.
        points_key: key of the annotation, (N, 2), film pixels.
        allow_missing_keys: skip keys that a sample lacks instead of raising ``KeyError``.
    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.transforms import PointsToFilmd
        >>> affine = torch.diag(torch.tensor([2.0, 2.0, 1.0, 1.0]))
        >>> image = MetaTensor(torch.zeros(1, 9, 9), affine=affine, meta={"spacing_mm": 0.1})
        >>> sample = PointsToFilmd()({"image": image, "pred": torch.tensor([[5.0, 10.0, 0.5]])})
        >>> sample["pred_px"].tolist(), sample["confidence"].tolist()
        ([[10.0, 20.0]], [0.5])
    """

    backend = [TransformBackends.TORCH]

    def __init__(
        self,
        keys: KeysCollection = "pred",
        image_key: str = "image",
        points_key: str = "points_px",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.image_key, self.points_key = image_key, points_key
        self.to_film = PointsToFilm()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return a copy of the sample with the converted points added."""
        out = dict(data)
        image: MetaTensor = out[self.image_key]
        for key in self.key_iterator(out):
            pred = _plain(out[key])
            out[f"{key}_px"], out[f"{key}_mm"] = self.to_film(pred[:, :2], image)
            out["confidence"] = pred[:, 2]
        if self.points_key in out:
            out["target_mm"] = px_to_mm(_plain(out[self.points_key]), _spacing_mm(image))
        return out


def _plain(points: Any) -> torch.Tensor:
    # A MetaTensor's own affine would claim the wrong frame for points.
    return torch.as_tensor(points).detach().to("cpu", torch.float32).as_subclass(torch.Tensor)


def _spacing_mm(image: MetaTensor) -> tuple[float, float]:
    return film_spacing_mm(image) or (math.nan, math.nan)
