"""Crop a film to the largest square at its bottom."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import SpatialCrop, Transform
from monai.utils import TransformBackends

from monai_ceph.geometry import film_to_array
from monai_ceph.transforms.base import ImageMapTransform

logger = logging.getLogger(__name__)


def bottom_square(size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the corners of the largest square at a film's bottom, horizontally centred.

    Args:
        size: (X, Y) of the film, px.
    Returns:
        The first pixel (x, y) and the pixel past the last one.
    Source:
        Zhong et al. 2019, section 3; docs/paper.md, "Film and scale".
    Example:
        >>> from monai_ceph.transforms import bottom_square
        >>> bottom_square((1935, 2400))
        ((0, 465), (1935, 2400))
    """
    side = min(size)
    x, y = (size[0] - side) // 2, size[1] - side
    return (x, y), (x + side, y + side)


class CropBottomSquare(Transform):
    """Crop a film to its :func:`bottom_square` with MONAI's ``SpatialCrop``, which keeps the affine right.

    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.transforms import CropBottomSquare
        >>> cropped = CropBottomSquare()(MetaTensor(torch.zeros(1, 6, 10)))
        >>> tuple(cropped.shape), cropped.affine[:2, 3].tolist()
        ((1, 6, 6), [0.0, 4.0])
    """

    backend = [TransformBackends.TORCH]

    def __call__(self, image: MetaTensor) -> MetaTensor:
        """Crop (C, X, Y) to (C, S, S) with S = min(X, Y)."""
        start, end = bottom_square((image.shape[-2], image.shape[-1]))
        cropped: MetaTensor = SpatialCrop(roi_start=start, roi_end=end)(image)
        return cropped


def landmarks_outside(points_px: torch.Tensor, image: MetaTensor) -> list[int]:
    """Return the indices of the landmarks that lie outside an image.

    Args:
        points_px: (N, 2), (x, y), pixels of the film as stored; NaN (not annotated) does not count as outside.
        image: (C, X, Y) with an affine that maps its indices to film pixels.
    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.transforms import CropBottomSquare, landmarks_outside
        >>> cropped = CropBottomSquare()(MetaTensor(torch.zeros(1, 6, 10)))
        >>> landmarks_outside(torch.tensor([[3.0, 2.0], [3.0, 7.0]]), cropped)
        [0]
    """
    index = film_to_array(torch.as_tensor(points_px), image.affine)
    upper = torch.tensor(image.shape[-2:]) - 0.5
    outside = ((index < -0.5) | (index > upper)).any(-1)
    return torch.nonzero(outside).flatten().tolist()


class CropBottomSquared(ImageMapTransform):
    """Crop films to their :func:`bottom_square`.

    Dictionary-based version of :class:`CropBottomSquare`.

    Args:
        keys: keys of the films, (C, X, Y).
        points_key: key of the films' landmarks, (N, 2), film pixels. A warning names those that the crop cuts off.
        allow_missing_keys: skip keys that a sample lacks instead of raising ``KeyError``.
    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.transforms import CropBottomSquared
        >>> sample = CropBottomSquared("image")({"image": MetaTensor(torch.zeros(1, 6, 10))})
        >>> tuple(sample["image"].shape)
        (1, 6, 6)
    """

    def __init__(self, keys: KeysCollection, points_key: str | None = None, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, CropBottomSquare(), allow_missing_keys)
        self.points_key = points_key

    def change(self, image: MetaTensor, sample: dict[Hashable, Any]) -> MetaTensor:
        """Return the cropped film, and warn of landmarks that lie outside it."""
        cropped: MetaTensor = self.transform(image)
        lost = landmarks_outside(sample[self.points_key], cropped) if self.points_key in sample else []
        if lost:
            logger.warning(
                "%s: landmarks %s (numbers in the scheme, from 1) lie outside the bottom square.",
                cropped.meta.get("filename_or_obj", "film"),
                [i + 1 for i in lost],
            )
        return cropped
