"""Draw over films what people and machines leave on them: lines, dots, rings, letters, rulers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection

from monai_ceph.transforms.base import RandImageMapTransform, RandImageTransform

KINDS = ("line", "dot", "ring", "letters", "ruler")


def draw_segments(image: torch.Tensor, segments: np.ndarray, width_px: float, value: float) -> torch.Tensor:
    """Draw straight strokes with soft edges.

    Args:
        image: (C, X, Y).
        segments: (S, 2, 2), ends (x, y) of each stroke, px; equal ends make a dot.
        width_px: width of the strokes.
        value: intensity of the strokes, in the unit of the image.
    Returns:
        (C, X, Y), a new tensor.
    Example:
        >>> import numpy as np, torch
        >>> from monai_ceph.transforms import draw_segments
        >>> drawn = draw_segments(torch.zeros(1, 9, 9), np.array([[[1, 4], [7, 4]]]), width_px=1.0, value=1.0)
        >>> drawn[0, :, 4].round().int().tolist()
        [0, 1, 1, 1, 1, 1, 1, 1, 0]
    """
    start = torch.as_tensor(segments[:, 0], dtype=torch.float32)[:, None, None]
    along = torch.as_tensor(segments[:, 1] - segments[:, 0], dtype=torch.float32)[:, None, None]
    x, y = (torch.arange(side, dtype=torch.float32) for side in image.shape[-2:])
    pixels = torch.stack(torch.meshgrid(x, y, indexing="ij"), dim=-1)
    from_start = pixels - start
    share = ((from_start * along).sum(-1) / (along.square().sum(-1) + 1e-9)).clamp(0, 1)
    distance = (from_start - share[..., None] * along).square().sum(-1).amin(0).sqrt()
    return _paint(image, distance, width_px, value)


def draw_ring(
    image: torch.Tensor, centre: tuple[float, float], radius_px: float, width_px: float, value: float
) -> torch.Tensor:
    """Draw a circle with soft edges, as the rods of a head holder leave on films.

    Args:
        image: (C, X, Y).
        centre: (x, y), px.
        radius_px: radius of the circle.
        width_px: width of its line.
        value: intensity of the line, in the unit of the image.
    Returns:
        (C, X, Y), a new tensor.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import draw_ring
        >>> ring = draw_ring(torch.zeros(1, 9, 9), centre=(4, 4), radius_px=3, width_px=1.0, value=1.0)
        >>> ring[0, :, 4].round().int().tolist()
        [0, 1, 0, 0, 0, 0, 0, 1, 0]
    """
    x = torch.arange(image.shape[-2], dtype=torch.float32)[:, None] - centre[0]
    y = torch.arange(image.shape[-1], dtype=torch.float32)[None] - centre[1]
    return _paint(image, ((x**2 + y**2).sqrt() - radius_px).abs(), width_px, value)


def _paint(image: torch.Tensor, distance: torch.Tensor, width_px: float, value: float) -> torch.Tensor:
    """Cover pixels nearer than half the width; the edge is one pixel wide."""
    cover = (width_px / 2 + 0.5 - distance).clamp(0, 1).to(image)
    return image + cover * (value - image)


class RandDrawings(RandImageTransform):
    """Draw random lines, dots, rings, letters and rulers, as tracings, labels and head holders leave them on films.

    Args:
        prob: probability that an image is changed.
        most: largest number of drawings in an image.
        width_px: range of the strokes' width.
        value: range of the strokes' intensity, in the unit of the image.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import RandDrawings
        >>> transform = RandDrawings(prob=1.0).set_random_state(seed=0)
        >>> bool((transform(torch.zeros(1, 64, 64)) != 0).any())
        True
    """

    def __init__(
        self,
        prob: float = 0.2,
        most: int = 3,
        width_px: tuple[float, float] = (0.7, 4.0),
        value: tuple[float, float] = (-2.5, 3.0),
    ) -> None:
        super().__init__(prob)
        self.most, self.width_px, self.value = most, width_px, value
        self._seed = 0

    def randomize(self, data: Any = None) -> None:
        """Draw whether to change the next image, and the seed of its drawings."""
        super().randomize(data)
        self._seed = int(self.R.randint(2**31 - 1))

    def apply(self, image: torch.Tensor) -> torch.Tensor:
        """Return an image (C, X, Y) with the drawings on it."""
        random = np.random.RandomState(self._seed)  # its own: an image's size does not change the draws that follow
        for _ in range(random.randint(1, self.most + 1)):
            image = self._draw_one(image, random)
        return image

    def _draw_one(self, image: torch.Tensor, random: np.random.RandomState) -> torch.Tensor:
        kind = KINDS[random.randint(len(KINDS))]
        size = np.array(image.shape[-2:], dtype=np.float64)
        place = random.uniform(-0.1, 1.1, 2) * size
        width, value = random.uniform(*self.width_px), random.uniform(*self.value)
        angle = random.uniform(0, 2 * math.pi)
        direction = np.array([math.cos(angle), math.sin(angle)])
        if kind == "ring":
            radius = random.uniform(0.03, 0.25) * size.min()
            return draw_ring(image, (place[0], place[1]), radius, width, value)
        if kind == "dot":
            width = random.uniform(2.0, 9.0)
            segments = np.array([[place, place]])
        elif kind == "line":
            reach = random.uniform(0.2, 1.5) * size.max()
            segments = np.array([[place - reach * direction, place + reach * direction]])
        elif kind == "letters":
            steps = random.uniform(-1, 1, (random.randint(3, 9), 2)) * random.uniform(4.0, 12.0)
            corners = place + np.cumsum(steps, axis=0)
            segments = np.stack([corners[:-1], corners[1:]], axis=1)
        else:
            ticks = place + np.arange(random.randint(5, 14))[:, None] * random.uniform(3.0, 10.0) * direction
            across = random.uniform(2.0, 10.0) * np.array([-direction[1], direction[0]])
            segments = np.stack([ticks, ticks + across], axis=1)
        return draw_segments(image, segments, width, value)


class RandDrawingsd(RandImageMapTransform):
    """Draw random lines, dots, rings, letters and rulers.

    Dictionary-based version of :class:`RandDrawings`.

    Args:
        keys: keys of the images, (C, X, Y); all get the same drawings.
        prob: probability that a sample is changed.
        most: largest number of drawings in an image.
        width_px: range of the strokes' width.
        value: range of the strokes' intensity, in the unit of the images.
        allow_missing_keys: skip keys that a sample lacks instead of raising ``KeyError``.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import RandDrawingsd
        >>> transform = RandDrawingsd("image", prob=1.0).set_random_state(seed=0)
        >>> bool((transform({"image": torch.zeros(1, 64, 64)})["image"] != 0).any())
        True
    """

    def __init__(
        self,
        keys: KeysCollection,
        prob: float = 0.2,
        most: int = 3,
        width_px: tuple[float, float] = (0.7, 4.0),
        value: tuple[float, float] = (-2.5, 3.0),
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, RandDrawings(prob, most, width_px, value), allow_missing_keys)
