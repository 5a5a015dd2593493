"""Apply one random array transform to several images of a sample."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import TransformBackends

Self = TypeVar("Self", bound="RandImaged")


class RandImaged(RandomizableTransform, MapTransform):
    """Change all images of a sample by the same draws of a random array transform.

    Base class of this package's random dictionary transforms.

    Args:
        keys: keys of the images.
        transform: array transform that draws in ``randomize()`` and is called as ``transform(image, randomize=False)``.
        allow_missing_keys: skip keys that a sample lacks instead of raising ``KeyError``.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import RandJpeg
        >>> transform = RandImaged(["a", "b"], RandJpeg(prob=1.0)).set_random_state(seed=0)
        >>> image = torch.rand(1, 16, 16)
        >>> changed = transform({"a": image, "b": image})
        >>> bool((changed["a"] != image).any()), torch.equal(changed["a"], changed["b"])
        (True, True)
    """

    backend = [TransformBackends.TORCH]

    def __init__(self, keys: KeysCollection, transform: Any, allow_missing_keys: bool = False) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, 1.0)  # the array transform draws whether anything is changed
        self.transform = transform

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
        out = dict(data)
        self.randomize()
        for key in self.key_iterator(out):
            out[key] = self.change(out[key], out)
        return out

    def change(self, image: torch.Tensor, sample: dict[Hashable, Any]) -> torch.Tensor:
        """Return the changed image; a subclass may change what belongs to it in ``sample`` as well."""
        changed: torch.Tensor = self.transform(image, randomize=False)
        return changed
