"""Base classes of transforms of images: random ones, and the dictionary version of an array transform."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import TransformBackends

Self = TypeVar("Self", bound="RandImageMapTransform")


class RandImageTransform(RandomizableTransform):
    """Change an image at random. A subclass draws in ``randomize()`` and applies what was drawn in ``apply()``.

    Args:
        prob: probability that an image is changed.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms.base import RandImageTransform
        >>> class RandInvert(RandImageTransform):
        ...     def apply(self, image):
        ...         return -image
        >>> RandInvert(prob=1.0)(torch.ones(1, 2, 2)).unique().tolist()
        [-1.0]
    """

    backend = [TransformBackends.TORCH]
    _do_transform: bool

    def randomize(self, data: Any = None) -> None:
        """Draw whether to change the next image."""
        super().randomize(data)

    def __call__(self, image: torch.Tensor, randomize: bool = True) -> torch.Tensor:
        """Return an image (C, X, Y) of the same shape; without ``randomize`` the last draw is applied again."""
        if randomize:
            self.randomize()
        return self.apply(image) if self._do_transform else image

    def apply(self, image: torch.Tensor) -> torch.Tensor:
        """Return the changed image, as it was drawn."""
        raise NotImplementedError


class ImageMapTransform(MapTransform):
    """Apply an array transform to the images of a sample.

    Args:
        keys: keys of the images.
        transform: the array transform.
        allow_missing_keys: skip keys that a sample lacks instead of raising ``KeyError``.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms.base import ImageMapTransform
        >>> ImageMapTransform("image", torch.neg)({"image": torch.ones(1, 1, 2)})["image"].tolist()
        [[[-1.0, -1.0]]]
    """

    backend = [TransformBackends.TORCH]

    def __init__(self, keys: KeysCollection, transform: Any, allow_missing_keys: bool = False) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        self.transform = transform

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return a copy of the sample with the images under the keys changed."""
        out = dict(data)
        for key in self.key_iterator(out):
            out[key] = self.change(out[key], out)
        return out

    def change(self, image: torch.Tensor, sample: dict[Hashable, Any]) -> torch.Tensor:
        """Return the changed image; a subclass may change what belongs to it in ``sample`` as well."""
        changed: torch.Tensor = self.transform(image)
        return changed


class RandImageMapTransform(RandomizableTransform, ImageMapTransform):
    """Change all images of a sample by the same draws of a random array transform.

    Args:
        keys: keys of the images.
        transform: array transform that draws in ``randomize()`` and is called as ``transform(image, randomize=False)``.
        allow_missing_keys: skip keys that a sample lacks instead of raising ``KeyError``.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import RandJpeg
        >>> from monai_ceph.transforms.base import RandImageMapTransform
        >>> transform = RandImageMapTransform(["a", "b"], RandJpeg(prob=1.0)).set_random_state(seed=0)
        >>> image = torch.rand(1, 16, 16)
        >>> changed = transform({"a": image, "b": image})
        >>> bool((changed["a"] != image).any()), torch.equal(changed["a"], changed["b"])
        (True, True)
    """

    def __init__(self, keys: KeysCollection, transform: Any, allow_missing_keys: bool = False) -> None:
        ImageMapTransform.__init__(self, keys, transform, allow_missing_keys)
        RandomizableTransform.__init__(self, 1.0)  # the array transform draws whether anything is changed

    def set_random_state(self: Self, seed: int | None = None, state: Any = None) -> Self:
        """Seed the transform and return it."""
        super().set_random_state(seed, state)
        self.transform.set_random_state(seed, state)
        return self

    def randomize(self, data: Any = None) -> None:
        """Draw once for all images of the next sample."""
        self.transform.randomize()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return a copy of the sample with the images under the keys changed."""
        self.randomize()
        return super().__call__(data)

    def change(self, image: torch.Tensor, sample: dict[Hashable, Any]) -> torch.Tensor:
        """Return the image changed by the last draw."""
        changed: torch.Tensor = self.transform(image, randomize=False)
        return changed
