"""Brighten or darken rectangles, as collimators, filters and film holders do."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection

from monai_ceph.transforms.base import RandImageMapTransform, RandImageTransform


def shift_rectangle(image: torch.Tensor, start: tuple[int, int], end: tuple[int, int], offset: float) -> torch.Tensor:
    """Return a copy of an image with ``offset`` added inside a rectangle.

    Args:
        image: (C, X, Y).
        start, end: (x, y), the first pixel and the one past the last; what lies outside the image is ignored.
        offset: added intensity, in the unit of the image.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import shift_rectangle
        >>> shift_rectangle(torch.zeros(1, 3, 2), (1, 0), (3, 1), 0.5).tolist()
        [[[0.0, 0.0], [0.5, 0.0], [0.5, 0.0]]]
    """
    shifted = image.clone()
    shifted[:, max(start[0], 0) : max(end[0], 0), max(start[1], 0) : max(end[1], 0)] += offset
    return shifted


class RandRectangleShift(RandImageTransform):
    """Shift the intensity of random rectangles, so that no landmark is tied to one scanner's bright or dark bands.

    Args:
        count: number of rectangles in an image.
        offset: largest shift, in the unit of the image; drawn from -offset to offset.
        min_size, max_size: range of a rectangle's sides as a share of the image's.
        prob: probability of each rectangle.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import RandRectangleShift
        >>> transform = RandRectangleShift(count=1, prob=1.0).set_random_state(seed=0)
        >>> len(transform(torch.zeros(1, 32, 32)).unique())
        2
    """

    def __init__(
        self, count: int = 2, offset: float = 0.8, min_size: float = 0.1, max_size: float = 0.9, prob: float = 0.25
    ) -> None:
        super().__init__(prob)
        self.count, self.offset, self.min_size, self.max_size = count, offset, min_size, max_size
        self._drawn: list[tuple[np.ndarray, np.ndarray, float]] = []

    def randomize(self, data: Any = None) -> None:
        """Draw the rectangles of the next image."""
        self._drawn = []
        for _ in range(self.count):
            super().randomize(data)
            # Drawn whether used or not, so that later draws do not depend on this one.
            size, place = self.R.uniform(self.min_size, self.max_size, 2), self.R.uniform(0, 1, 2)
            offset = self.R.uniform(-self.offset, self.offset)
            if self._do_transform:
                self._drawn.append((size, place, offset))
        self._do_transform = bool(self._drawn)

    def apply(self, image: torch.Tensor) -> torch.Tensor:
        """Return an image (C, X, Y) with the rectangles shifted."""
        extent = np.array(image.shape[-2:], dtype=np.float64)
        for size, place, offset in self._drawn:
            start = (place - size / 2) * extent
            end = start + size * extent
            image = shift_rectangle(image, (round(start[0]), round(start[1])), (round(end[0]), round(end[1])), offset)
        return image


class RandRectangleShiftd(RandImageMapTransform):
    """Shift the intensity of random rectangles.

    Dictionary-based version of :class:`RandRectangleShift`.

    Args:
        keys: keys of the images, (C, X, Y); all get the same rectangles.
        count: number of rectangles in an image.
        offset: largest shift, in the unit of the images; drawn from -offset to offset.
        min_size, max_size: range of a rectangle's sides as a share of the image's.
        prob: probability of each rectangle.
        allow_missing_keys: skip keys that a sample lacks instead of raising ``KeyError``.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import RandRectangleShiftd
        >>> transform = RandRectangleShiftd("image", count=1, prob=1.0).set_random_state(seed=0)
        >>> len(transform({"image": torch.zeros(1, 32, 32)})["image"].unique())
        2
    """

    def __init__(
        self,
        keys: KeysCollection,
        count: int = 2,
        offset: float = 0.8,
        min_size: float = 0.1,
        max_size: float = 0.9,
        prob: float = 0.25,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, RandRectangleShift(count, offset, min_size, max_size, prob), allow_missing_keys)
