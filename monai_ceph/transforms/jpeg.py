"""Add JPEG's compression artefacts to a film."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection

from monai_ceph.transforms.base import RandImageMapTransform, RandImageTransform


def jpeg_round_trip(image: torch.Tensor, quality: int) -> torch.Tensor:
    """Compress an image as an 8-bit JPEG and decode it again.

    Args:
        image: (1, X, Y); its intensities are scaled to 0 to 255 for the file, and back.
        quality: Pillow's quality, 1 to 95.
    Returns:
        (1, X, Y), in the unit of the image.
    Raises:
        ValueError: the image has more than one channel.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import jpeg_round_trip
        >>> jpeg_round_trip(torch.rand(1, 16, 16), quality=50).shape
        torch.Size([1, 16, 16])
    """
    from PIL import Image

    if image.shape[0] != 1:
        raise ValueError(f"Expected an image of one channel, (1, X, Y), got shape {tuple(image.shape)}.")
    low, high = float(image.min()), float(image.max())
    span = max(high - low, 1e-6)
    gray = ((image[0] - low) / span * 255).round().to(torch.uint8).numpy()
    stored = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(gray)).save(stored, "JPEG", quality=quality)
    back = torch.from_numpy(np.asarray(Image.open(stored), dtype=np.float32))
    return (back / 255 * span + low)[None].to(image)


class RandJpeg(RandImageTransform):
    """Compress an image as JPEG at a random quality.

    Args:
        prob: probability that an image is changed.
        quality: range of Pillow's quality, both ends included.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import RandJpeg
        >>> RandJpeg(prob=1.0).set_random_state(seed=0)(torch.rand(1, 16, 16)).shape
        torch.Size([1, 16, 16])
    """

    def __init__(self, prob: float = 0.15, quality: tuple[int, int] = (15, 80)) -> None:
        super().__init__(prob)
        self.quality = quality
        self._quality = quality[1]

    def randomize(self, data: Any = None) -> None:
        """Draw whether to change the next image, and the quality."""
        super().randomize(data)
        self._quality = int(self.R.randint(self.quality[0], self.quality[1] + 1))

    def apply(self, image: torch.Tensor) -> torch.Tensor:
        """Return an image (1, X, Y) with JPEG's artefacts."""
        return jpeg_round_trip(image, self._quality)


class RandJpegd(RandImageMapTransform):
    """Compress images as JPEG at a random quality.

    Dictionary-based version of :class:`RandJpeg`.

    Args:
        keys: keys of the images, (1, X, Y); all get the same quality.
        prob: probability that a sample is changed.
        quality: range of Pillow's quality, both ends included.
        allow_missing_keys: skip keys that a sample lacks instead of raising ``KeyError``.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import RandJpegd
        >>> image = torch.rand(1, 16, 16)
        >>> changed = RandJpegd(["image", "same"], prob=1.0)({"image": image, "same": image})
        >>> bool((changed["image"] != image).any()), torch.equal(changed["image"], changed["same"])
        (True, True)
    """

    def __init__(
        self,
        keys: KeysCollection,
        prob: float = 0.15,
        quality: tuple[int, int] = (15, 80),
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, RandJpeg(prob, quality), allow_missing_keys)
