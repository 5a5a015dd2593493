"""The marks that JPEG leaves in a film."""

from __future__ import annotations

import io
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform, Transform


def jpeg_round_trip(image: torch.Tensor, quality: int) -> torch.Tensor:
    """Store an image as an 8-bit JPEG and read it back.

    Args:
        image: (1, X, Y); its range becomes 0 to 255.
        quality: Pillow's, 1 to 95.
    Returns:
        (1, X, Y) in the image's own unit.
    Raises:
        ValueError: the image has more than one channel.
    Example:
        >>> jpeg_round_trip(torch.rand(1, 16, 16), quality=50).shape
        torch.Size([1, 16, 16])
    """
    from PIL import Image

    if image.shape[0] != 1:
        raise ValueError(f"Expected an image of one channel, got {tuple(image.shape)}.")
    low, high = float(image.min()), float(image.max())
    span = max(high - low, 1e-6)
    gray = ((image[0] - low) / span * 255).round().to(torch.uint8).numpy()
    stored = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(gray)).save(stored, "JPEG", quality=quality)
    back = torch.from_numpy(np.asarray(Image.open(stored), dtype=np.float32))
    return (back / 255 * span + low)[None].to(image)


class RandJpeg(RandomizableTransform, Transform):
    """Compress an image as JPEG by a random quality.

    Args:
        prob: chance that an image is changed.
        quality: range of Pillow's quality.
    Example:
        >>> RandJpeg(prob=1.0).set_random_state(seed=0)(torch.rand(1, 16, 16)).shape
        torch.Size([1, 16, 16])
    """

    def __init__(self, prob: float = 0.15, quality: tuple[int, int] = (15, 80)) -> None:
        RandomizableTransform.__init__(self, prob)
        self.quality = quality
        self._quality = quality[1]

    def randomize(self, data: Any = None) -> None:
        """Draw whether to change the next image, and the quality."""
        super().randomize(None)
        self._quality = int(self.R.randint(self.quality[0], self.quality[1] + 1))

    def __call__(self, image: torch.Tensor, randomize: bool = True) -> torch.Tensor:
        """(1, X, Y) to (1, X, Y)."""
        if randomize:
            self.randomize()
        return jpeg_round_trip(image, self._quality) if self._do_transform else image


class RandJpegd(RandomizableTransform, MapTransform):
    """Dictionary twin of :class:`RandJpeg`; all keys get the same quality."""

    def __init__(
        self,
        keys: KeysCollection,
        prob: float = 0.15,
        quality: tuple[int, int] = (15, 80),
        allow_missing_keys: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, 1.0)
        self.transform = RandJpeg(prob, quality)

    def set_random_state(self, seed: int | None = None, state: Any = None) -> RandJpegd:
        """Seed the transform."""
        super().set_random_state(seed, state)
        self.transform.set_random_state(seed, state)
        return self

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Compress the images under the keys."""
        out = dict(data)
        self.transform.randomize()
        for key in self.key_iterator(out):
            out[key] = self.transform(out[key], randomize=False)
        return out
