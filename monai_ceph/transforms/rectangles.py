"""Brighten or darken rectangles, as collimators, filters and film holders do."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform


def shift_rectangle(image: torch.Tensor, start: tuple[int, int], end: tuple[int, int], offset: float) -> torch.Tensor:
    """Add ``offset`` to the pixels from ``start`` up to, not including, ``end``; a copy.

    Args:
        image: (C, X, Y).
        start, end: (x, y); what lies outside the image is ignored.
    """
    shifted = image.clone()
    shifted[:, max(start[0], 0) : max(end[0], 0), max(start[1], 0) : max(end[1], 0)] += offset
    return shifted


class RandRectangleShiftd(RandomizableTransform, MapTransform):
    """Shift the intensity of random rectangles, so that no landmark is tied to one scanner's bright or dark bands.

    Args:
        keys: the images; all get the same rectangles.
        count: rectangles an image.
        offset: largest shift, in the images' intensity unit; drawn from -offset to offset.
        min_size, max_size: sides of a rectangle as a share of the image's.
        prob: chance of each rectangle.
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
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)
        self.count, self.offset, self.min_size, self.max_size = count, offset, min_size, max_size

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        out = dict(data)
        for _ in range(self.count):
            self.randomize(None)
            # Drawn whether it is used or not: the random stream then does not depend on chance itself.
            size, place = self.R.uniform(self.min_size, self.max_size, 2), self.R.uniform(0, 1, 2)
            offset = self.R.uniform(-self.offset, self.offset)
            if not self._do_transform:
                continue
            for key in self.key_iterator(out):
                extent = torch.tensor(out[key].shape[-2:], dtype=torch.float64).numpy()
                start = (place - size / 2) * extent
                end = start + size * extent
                out[key] = shift_rectangle(
                    out[key], (round(start[0]), round(start[1])), (round(end[0]), round(end[1])), offset
                )
        return out
