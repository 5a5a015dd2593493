"""The edge of a film inside a picture: what lies beyond is blank, and landmarks there are not to be found."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform


def beyond_line(size: tuple[int, int], place: tuple[float, float], angle: float) -> torch.Tensor:
    """Return which pixels lie on the far side of a line.

    Args:
        size: (X, Y).
        place: (x, y), a point on the line, px.
        angle: of the line's normal, radians; the far side is where the normal points.
    Returns:
        (X, Y) bool.
    Example:
        >>> beyond_line((4, 2), (1.5, 0.0), 0.0)[:, 0].tolist()
        [False, False, True, True]
    """
    x = torch.arange(size[0], dtype=torch.float32)[:, None] - place[0]
    y = torch.arange(size[1], dtype=torch.float32)[None] - place[1]
    return x * math.cos(angle) + y * math.sin(angle) > 0


class RandFilmEdged(RandomizableTransform, MapTransform):
    """Blank everything beyond a random, nearly straight edge, and take the landmarks there out of the targets.

    So a network learns to answer with silence where a landmark is not on the film, and that a film may end anywhere in
    a picture: a screenshot, a photograph, a collimator's shadow.

    Args:
        keys: the images, (C, X, Y).
        target_key: their heatmaps, (N + 1, X, Y), the last channel background; None where there are none.
        prob: chance that a sample is changed.
        depth: largest share of the image beyond the edge.
        tilt_deg: largest tilt of the edge against the image's axes.
        value: range of the blank's intensity, in the image's unit.
    Example:
        >>> transform = RandFilmEdged("image", prob=1.0).set_random_state(seed=0)
        >>> int((transform({"image": torch.zeros(1, 32, 32)})["image"] != 0).sum()) > 0
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
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)
        self.target_key, self.depth, self.tilt_rad, self.value = target_key, depth, math.radians(tilt_deg), value
        self._side, self._share, self._tilt, self._blank = 0, 0.0, 0.0, 0.0

    def randomize(self, data: Any = None) -> None:
        """Draw whether to change the next sample, and the edge."""
        super().randomize(None)
        self._side, self._share = int(self.R.randint(4)), self.R.uniform(0, self.depth)
        self._tilt, self._blank = self.R.uniform(-self.tilt_rad, self.tilt_rad), self.R.uniform(*self.value)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Change the images under the keys and their heatmaps."""
        out = dict(data)
        self.randomize()
        if not self._do_transform:
            return out
        for key in self.key_iterator(out):
            size = (out[key].shape[-2], out[key].shape[-1])
            beyond = self._beyond(size)
            out[key] = torch.where(beyond, torch.as_tensor(self._blank, dtype=out[key].dtype), out[key])
            if self.target_key is not None and self.target_key in out:
                target = out[self.target_key].clone()
                target[:-1, beyond] = target[:-1, beyond] * 0  # NaN, of a landmark that nobody marked, stays NaN
                target[-1, beyond] = 1
                out[self.target_key] = target
        return out

    def _beyond(self, size: tuple[int, int]) -> torch.Tensor:
        axis, at_end = self._side % 2, self._side < 2
        share = 1 - self._share if at_end else self._share
        place = [(size[0] - 1) / 2, (size[1] - 1) / 2]
        place[axis] = share * (size[axis] - 1)
        angle = axis * math.pi / 2 + (0 if at_end else math.pi) + self._tilt
        return beyond_line(size, (place[0], place[1]), angle)
