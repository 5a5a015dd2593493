"""Blank what lies beyond a film's edge, and remove the landmarks there from the targets."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import torch
from monai.config import KeysCollection

from monai_ceph.transforms.base import RandImageMapTransform, RandImageTransform


def beyond_line(size: tuple[int, int], place: tuple[float, float], angle: float) -> torch.Tensor:
    """Return which pixels lie on the far side of a line.

    Args:
        size: (X, Y).
        place: (x, y), a point on the line, px.
        angle: angle of the line's normal, radians; the far side is where the normal points.
    Returns:
        (X, Y) bool.
    Example:
        >>> from monai_ceph.transforms import beyond_line
        >>> beyond_line((4, 2), (1.5, 0.0), 0.0)[:, 0].tolist()
        [False, False, True, True]
    """
    x = torch.arange(size[0], dtype=torch.float32)[:, None] - place[0]
    y = torch.arange(size[1], dtype=torch.float32)[None] - place[1]
    return x * math.cos(angle) + y * math.sin(angle) > 0


def set_background(heatmaps: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """Return target heatmaps that are background at the given pixels.

    Args:
        heatmaps: (N + 1, X, Y), the last channel background; the NaN channel of an unannotated landmark stays NaN.
        pixels: (X, Y) bool.
    Returns:
        (N + 1, X, Y), a copy.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import set_background
        >>> heatmaps = torch.tensor([[[0.75, 0.75]], [[0.25, 0.25]]])
        >>> set_background(heatmaps, torch.tensor([[False, True]])).tolist()
        [[[0.75, 0.0]], [[0.25, 1.0]]]
    """
    changed = heatmaps.clone()
    changed[:-1, pixels] = changed[:-1, pixels] * 0  # times 0, so that NaN stays NaN
    changed[-1, pixels] = 1
    return changed


class RandFilmEdge(RandImageTransform):
    """Blank everything beyond a random, nearly straight edge.

    A film may end anywhere in a picture: in a screenshot, a photograph or a collimator's shadow.

    Args:
        prob: probability that an image is changed.
        depth: largest share of the image beyond the edge.
        tilt_deg: largest tilt of the edge against the image's axes, degrees.
        value: range of the blank area's intensity, in the unit of the image.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import RandFilmEdge
        >>> transform = RandFilmEdge(prob=1.0, value=(5.0, 5.0)).set_random_state(seed=0)
        >>> changed = transform(torch.zeros(1, 32, 32))
        >>> changed.unique().tolist(), torch.equal(changed[0] == 5, transform.beyond((32, 32)))
        ([0.0, 5.0], True)
    """

    def __init__(
        self, prob: float = 0.15, depth: float = 0.45, tilt_deg: float = 12.0, value: tuple[float, float] = (-2.5, 3.0)
    ) -> None:
        super().__init__(prob)
        self.depth, self.tilt_rad, self.value = depth, math.radians(tilt_deg), value
        self._side, self._share, self._tilt, self._blank = 0, 0.0, 0.0, 0.0

    def randomize(self, data: Any = None) -> None:
        """Draw whether to change the next image, and the edge."""
        super().randomize(data)
        self._side, self._share = int(self.R.randint(4)), self.R.uniform(0, self.depth)
        self._tilt, self._blank = self.R.uniform(-self.tilt_rad, self.tilt_rad), self.R.uniform(*self.value)

    def apply(self, image: torch.Tensor) -> torch.Tensor:
        """Return an image (C, X, Y) whose far side is blank."""
        beyond = self.beyond((image.shape[-2], image.shape[-1]))
        return torch.where(beyond, torch.as_tensor(self._blank, dtype=image.dtype), image)

    def beyond(self, size: tuple[int, int]) -> torch.Tensor:
        """Return which pixels of an image of this size, (X, Y), the last draw blanks: (X, Y) bool."""
        if not self._do_transform:
            return torch.zeros(size, dtype=torch.bool)
        axis, at_end = self._side % 2, self._side < 2
        share = 1 - self._share if at_end else self._share
        place = [(size[0] - 1) / 2, (size[1] - 1) / 2]
        place[axis] = share * (size[axis] - 1)
        angle = axis * math.pi / 2 + (0 if at_end else math.pi) + self._tilt
        return beyond_line(size, (place[0], place[1]), angle)


class RandFilmEdged(RandImageMapTransform):
    """Blank everything beyond a random edge and make the target heatmaps background there.

    Dictionary-based version of :class:`RandFilmEdge`. It teaches a network to find nothing where the film does not
    show a landmark.

    Args:
        keys: keys of the images, (C, X, Y); all get the same edge.
        target_key: key of their target heatmaps, (N + 1, X, Y), the last channel background; None changes no target.
        prob: probability that a sample is changed.
        depth: largest share of the image beyond the edge.
        tilt_deg: largest tilt of the edge against the image's axes, degrees.
        value: range of the blank area's intensity, in the unit of the images.
        allow_missing_keys: skip keys that a sample lacks instead of raising ``KeyError``.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import RandFilmEdged
        >>> transform = RandFilmEdged("image", "heatmaps", prob=1.0, value=(5.0, 5.0)).set_random_state(seed=0)
        >>> changed = transform({"image": torch.zeros(1, 32, 32), "heatmaps": torch.full((3, 32, 32), 1 / 3)})
        >>> torch.equal(changed["image"][0] == 5, changed["heatmaps"][-1] == 1)
        True
    """

    def __init__(
        self,
        keys: KeysCollection,
        target_key: str | None = None,
        prob: float = 0.15,
        depth: float = 0.45,
        tilt_deg: float = 12.0,
        value: tuple[float, float] = (-2.5, 3.0),
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, RandFilmEdge(prob, depth, tilt_deg, value), allow_missing_keys)
        self.target_key = target_key

    def change(self, image: torch.Tensor, sample: dict[Hashable, Any]) -> torch.Tensor:
        """Return the image with its far side blank, and set its targets there to background."""
        beyond = self.transform.beyond((image.shape[-2], image.shape[-1]))
        if self.target_key is not None and self.target_key in sample and beyond.any():
            sample[self.target_key] = set_background(sample[self.target_key], beyond)
        return super().change(image, sample)
