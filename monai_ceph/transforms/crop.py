"""Crop a film to the largest square at its bottom."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, SpatialCrop, Transform

from monai_ceph.geometry import film_to_array

logger = logging.getLogger(__name__)


def bottom_square(size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and past-the-last pixel (x, y) of the largest square, at the bottom and horizontally centred.

    Args:
        size: (X, Y) of the film.
    Source:
        METHOD "Crop": 1935 x 2400 keeps y from 465.
    """
    side = min(size)
    x, y = (size[0] - side) // 2, size[1] - side
    return (x, y), (x + side, y + side)


class CropBottomSquare(Transform):
    """Crop to :func:`bottom_square` with MONAI's ``SpatialCrop``, which keeps the affine true."""

    def __call__(self, image: MetaTensor) -> MetaTensor:
        """(C, X, Y) -> (C, S, S) with S = min(X, Y)."""
        start, end = bottom_square((image.shape[-2], image.shape[-1]))
        cropped: MetaTensor = SpatialCrop(roi_start=start, roi_end=end)(image)
        return cropped


def landmarks_outside(points_px: torch.Tensor, image: MetaTensor) -> list[int]:
    """Indices of the landmarks that are not in the picture.

    Args:
        points_px: (N, 2), pixels of the film as stored; NaN (not annotated) is not outside.
        image: (C, X, Y) with its affine.
    """
    index = film_to_array(torch.as_tensor(points_px), image.affine)
    upper = torch.tensor(image.shape[-2:]) - 0.5
    outside = ((index < -0.5) | (index > upper)).any(-1)
    return [int(i) for i in outside.nonzero()]


class CropBottomSquared(MapTransform):
    """Dictionary twin of :class:`CropBottomSquare`.

    Args:
        keys: the films.
        points_key: where the film's landmarks are; those that the crop leaves out are named in a warning.
    """

    def __init__(self, keys: KeysCollection, points_key: str | None = None, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.points_key = points_key
        self.crop = CropBottomSquare()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        out = dict(data)
        for key in self.key_iterator(out):
            out[key] = self.crop(out[key])
            if self.points_key is not None and self.points_key in out:
                lost = landmarks_outside(torch.as_tensor(out[self.points_key]), out[key])
                if lost:
                    logger.warning(
                        "%s: landmarks %s (numbers in the scheme, from 1) lie outside the bottom square.",
                        out[key].meta.get("filename_or_obj", "film"),
                        [i + 1 for i in lost],
                    )
        return out
