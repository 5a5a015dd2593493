"""Predicted points of an array -> points of the film, px and mm."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from monai_ceph.geometry import array_to_film, px_to_mm


class PointsToFilmd(MapTransform):
    """Bring an inferer's points back to the film.

    Adds ``<key>_px`` (N, 2), pixels of the film as stored, ``<key>_mm`` (N, 2), NaN where the spacing is unknown, and
    ``confidence`` (N,); the film's annotation, where there is one, is given in mm as well.

    Args:
        keys: (N, 3) x, y, confidence in array indices of the image that was inferred on.
        image_key: that image; its affine and its ``spacing_mm``, if any, are used.
        points_key: the annotation in film pixels, (N, 2); goes to ``target_mm``.
    """

    def __init__(
        self,
        keys: KeysCollection = "pred",
        image_key: str = "image",
        points_key: str = "points_px",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.image_key, self.points_key = image_key, points_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        out = dict(data)
        image: MetaTensor = out[self.image_key]
        spacing = torch.as_tensor(image.meta.get("spacing_mm", math.nan), dtype=torch.float32).flatten().cpu()
        for key in self.key_iterator(out):
            # Plain tensors: a MetaTensor's own affine would claim the wrong frame for these.
            pred = torch.as_tensor(out[key]).detach().to("cpu", torch.float32)
            pred = pred.as_tensor() if isinstance(pred, MetaTensor) else pred
            out[f"{key}_px"] = array_to_film(pred[:, :2], image.affine.cpu())
            out[f"{key}_mm"] = px_to_mm(out[f"{key}_px"], spacing)
            out["confidence"] = pred[:, 2]
        if self.points_key in out:
            points = torch.as_tensor(out[self.points_key]).to("cpu", torch.float32)
            points = points.as_tensor() if isinstance(points, MetaTensor) else points
            out["target_mm"] = px_to_mm(points, spacing)
        return out
