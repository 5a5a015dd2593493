"""Equalise local contrast, as digital X-ray units do."""

from __future__ import annotations

from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import Transform
from monai.utils import TransformBackends

from monai_ceph.transforms.base import RandImageMapTransform, RandImageTransform

_SHRINK = 4
"""A wide blur is computed on an image this many times smaller: it looks the same and takes a tenth of the time."""


def wide_blur(image: torch.Tensor, sigma_px: float) -> torch.Tensor:
    """Blur an image with a wide Gaussian.

    Args:
        image: (C, X, Y).
        sigma_px: standard deviation, px; at least 8, because the blur is computed at a quarter of the resolution.
    Returns:
        (C, X, Y). Beyond the border, the mean of the outermost few pixels is repeated.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms.local_contrast import wide_blur
        >>> image = torch.zeros(1, 64, 64)
        >>> image[:, 32:] = 1
        >>> [round(float(value), 1) for value in wide_blur(image, sigma_px=8.0)[0, [0, 32, 63], 32]]
        [0.0, 0.5, 1.0]
    """
    small = torch.nn.functional.avg_pool2d(image[None], _SHRINK, ceil_mode=True, count_include_pad=False)
    sigma = max(sigma_px / _SHRINK, 0.3)
    reach = max(1, round(2.5 * sigma))
    offsets = torch.arange(-reach, reach + 1, dtype=image.dtype, device=image.device)
    weights = torch.exp(-(offsets**2) / (2 * sigma**2))
    kernel = (weights / weights.sum()).expand(image.shape[0], 1, -1)
    for shape, padding in (((1, -1), (reach, reach, 0, 0)), ((-1, 1), (0, 0, reach, reach))):
        padded = torch.nn.functional.pad(small, padding, mode="replicate")
        one_axis = kernel.reshape(image.shape[0], 1, *shape)
        small = torch.nn.functional.conv2d(padded, one_axis, groups=image.shape[0])
    wide = torch.nn.functional.interpolate(small, scale_factor=_SHRINK, mode="bilinear", align_corners=False)
    return wide[0, :, : image.shape[-2], : image.shape[-1]]


def equalise_locally(image: torch.Tensor, sigma_px: float, amount: float, normalise: float = 0.0) -> torch.Tensor:
    """Subtract a share of an image's own blur; optionally divide by its local standard deviation.

    Args:
        image: (C, X, Y), any intensities.
        sigma_px: standard deviation of the blur, px.
        amount: share of the blur to subtract, 0 to 1. Small structures keep their contrast, large ones lose it.
        normalise: share of the local standard deviation in the divisor, 0 to 1; 0 does not divide.
    Returns:
        (C, X, Y), mean 0 and standard deviation 1 over the image.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import equalise_locally
        >>> image = torch.linspace(0, 1, 64).expand(1, 64, 64)
        >>> bool(equalise_locally(image, sigma_px=8.0, amount=0.9).std() > 0.99)
        True
    """
    mean = wide_blur(image, sigma_px)
    sharp = image - amount * mean
    if normalise > 0:
        deviation = wide_blur((image - mean) ** 2, sigma_px).clamp(min=0).sqrt()
        overall = deviation.mean()
        sharp = sharp / (normalise * deviation + (1 - normalise) * overall + 0.1 * overall + 1e-6)
    return (sharp - sharp.mean()) / (sharp.std() + 1e-6)


class EqualiseLocally(Transform):
    """Equalise an image's local contrast; see :func:`equalise_locally`.

    Args:
        sigma_px: standard deviation of the blur, px.
        amount: share of the blur to subtract, 0 to 1.
        normalise: share of the local standard deviation in the divisor, 0 to 1; 0 does not divide.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import EqualiseLocally
        >>> EqualiseLocally(sigma_px=8.0, amount=0.9)(torch.rand(1, 64, 64)).shape
        torch.Size([1, 64, 64])
    """

    backend = [TransformBackends.TORCH]

    def __init__(self, sigma_px: float, amount: float, normalise: float = 0.0) -> None:
        self.sigma_px, self.amount, self.normalise = sigma_px, amount, normalise

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        """Return an image (C, X, Y) of the same shape; a MetaTensor keeps its affine."""
        if isinstance(image, MetaTensor):  # each operation on a MetaTensor copies its metadata
            equalised = equalise_locally(image.as_tensor(), self.sigma_px, self.amount, self.normalise)
            return MetaTensor(equalised, meta=dict(image.meta))
        return equalise_locally(image, self.sigma_px, self.amount, self.normalise)


class RandEqualiseLocally(RandImageTransform):
    """Equalise an image locally by a random amount, as many digital units do before they store a film.

    Args:
        prob: probability that an image is changed.
        sigma_px: range of the blur's standard deviation, px; drawn evenly in the logarithm.
        amount: range of the share of the blur that is subtracted.
        normalise_prob: probability that a changed image is also divided by its local standard deviation.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import RandEqualiseLocally
        >>> transform = RandEqualiseLocally(prob=1.0).set_random_state(seed=0)
        >>> transform(torch.rand(1, 64, 64)).shape
        torch.Size([1, 64, 64])
    """

    def __init__(
        self,
        prob: float = 0.4,
        sigma_px: tuple[float, float] = (7.0, 40.0),
        amount: tuple[float, float] = (0.4, 1.0),
        normalise_prob: float = 0.4,
    ) -> None:
        super().__init__(prob)
        self.sigma_px, self.amount, self.normalise_prob = sigma_px, amount, normalise_prob
        self._chosen = EqualiseLocally(sigma_px[0], amount[0])

    def randomize(self, data: Any = None) -> None:
        """Draw whether to change the next image, and how."""
        super().randomize(data)
        low, high = self.sigma_px
        sigma = low * (high / low) ** self.R.uniform()
        amount, divides, share = self.R.uniform(*self.amount), self.R.uniform(), self.R.uniform(0.3, 1.0)
        self._chosen = EqualiseLocally(sigma, amount, share if divides < self.normalise_prob else 0.0)

    def apply(self, image: torch.Tensor) -> torch.Tensor:
        """Return the equalised image (C, X, Y)."""
        return self._chosen(image)


class RandEqualiseLocallyd(RandImageMapTransform):
    """Equalise images locally by a random amount.

    Dictionary-based version of :class:`RandEqualiseLocally`.

    Args:
        keys: keys of the images, (C, X, Y); all are changed alike.
        prob: probability that a sample is changed.
        sigma_px: range of the blur's standard deviation, px; drawn evenly in the logarithm.
        amount: range of the share of the blur that is subtracted.
        normalise_prob: probability that a changed image is also divided by its local standard deviation.
        allow_missing_keys: skip keys that a sample lacks instead of raising ``KeyError``.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import RandEqualiseLocallyd
        >>> transform = RandEqualiseLocallyd("image", prob=1.0).set_random_state(seed=0)
        >>> transform({"image": torch.rand(1, 64, 64)})["image"].shape
        torch.Size([1, 64, 64])
    """

    def __init__(
        self,
        keys: KeysCollection,
        prob: float = 0.4,
        sigma_px: tuple[float, float] = (7.0, 40.0),
        amount: tuple[float, float] = (0.4, 1.0),
        normalise_prob: float = 0.4,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, RandEqualiseLocally(prob, sigma_px, amount, normalise_prob), allow_missing_keys)
