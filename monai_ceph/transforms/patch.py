"""Cut random patches: around landmarks for the local stage, of the whole film for the global stage.

A patch is cut, rotated and scaled in one resampling, and its affine records it: points stay in the film's frame and
need no augmentation of their own. MONAI's ``Affine`` cuts the same patch, as a test checks, but takes longer.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import RandomizableTransform
from monai.transforms.traits import MultiSampleTrait
from monai.utils import TransformBackends

from monai_ceph.geometry import film_to_array
from monai_ceph.transforms.base import RandImageMapTransform
from monai_ceph.transforms.scale import values_at


@dataclass(frozen=True)
class PatchPlace:
    """Where a patch lies in an image.

    Args:
        centre: (x, y), array indices.
        angle: rotation, radians.
        magnification: 1.2 shows everything 1.2 times as large.
    Example:
        >>> from monai_ceph.transforms import PatchPlace
        >>> PatchPlace(centre=(40.0, 50.0), magnification=1.2)
        PatchPlace(centre=(40.0, 50.0), angle=0.0, magnification=1.2)
    """

    centre: tuple[float, float]
    angle: float = 0.0
    magnification: float = 1.0


def extract_patch(image: MetaTensor, place: PatchPlace, size: int) -> MetaTensor:
    """Cut one square patch with bilinear interpolation; outside the image it is 0.

    Args:
        image: (C, X, Y); its affine maps to film pixels.
        place: where the patch lies in the image.
        size: side of the patch, px.
    Returns:
        (C, size, size); its affine maps to film pixels.
    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.transforms import PatchPlace, extract_patch
        >>> patch = extract_patch(MetaTensor(torch.zeros(1, 90, 120)), PatchPlace((40.0, 50.0)), size=21)
        >>> tuple(patch.shape), patch.affine[:2, 3].tolist()
        ((1, 21, 21), [30.0, 40.0])
    """
    cos, sin = math.cos(place.angle) / place.magnification, math.sin(place.angle) / place.magnification
    step = torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)
    first = torch.tensor(place.centre, dtype=torch.float64) - step.sum(dim=1) * (size - 1) / 2
    across, along = (step[:, k] * torch.arange(size, dtype=torch.float64)[:, None] for k in (0, 1))
    index = first + across[:, None] + along[None]
    to_image = torch.eye(image.affine.shape[0], dtype=torch.float64)
    to_image[:2, :2], to_image[:2, -1] = step, first
    patch = MetaTensor(values_at(image.as_tensor(), index), meta=dict(image.meta))
    patch.affine = image.affine @ to_image.to(image.affine)
    return patch


class _RandPatches(RandomizableTransform, MultiSampleTrait):
    """Cut patches at random places; subclasses draw the places in ``randomize()``."""

    backend = [TransformBackends.TORCH]

    def __init__(self, size: int, num_samples: int, rotate_deg: float, scale: float) -> None:
        super().__init__(1.0)
        if size < 1 or num_samples < 1:
            raise ValueError(f"Expected a size and a num_samples of at least 1, got {size} and {num_samples}.")
        self.size, self.num_samples = size, num_samples
        self.rotate_rad, self.log_scale = math.radians(rotate_deg), math.log1p(scale)
        self.places: list[PatchPlace] = []

    def _draw_place(self, centre: np.ndarray) -> PatchPlace:
        angle = self.R.uniform(-self.rotate_rad, self.rotate_rad)
        magnification = math.exp(self.R.uniform(-self.log_scale, self.log_scale))
        return PatchPlace((float(centre[0]), float(centre[1])), angle, magnification)

    def _cut(self, image: MetaTensor) -> list[MetaTensor]:
        return [extract_patch(image, place, self.size) for place in self.places]


class RandLandmarkPatches(_RandPatches):
    """Cut random patches around random landmarks, for the local stage.

    Args:
        size: side of a patch, px.
        num_samples: number of patches.
        near_px, far_px, far_prob: where patches lie, see :class:`RandLandmarkPatchesd`.
        rotate_deg, scale: how far patches are rotated and magnified, see :class:`RandLandmarkPatchesd`.
    Raises:
        ValueError: size or num_samples is below 1.
    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.transforms import RandLandmarkPatches
        >>> transform = RandLandmarkPatches(size=21, num_samples=3).set_random_state(seed=0)
        >>> patches = transform(MetaTensor(torch.zeros(1, 90, 120)), torch.tensor([[40.0, 50.0]]))
        >>> [tuple(patch.shape) for patch in patches]
        [(1, 21, 21), (1, 21, 21), (1, 21, 21)]
    """

    def __init__(
        self,
        size: int,
        num_samples: int = 1,
        near_px: float = 45.0,
        far_px: float = 112.0,
        far_prob: float = 0.25,
        rotate_deg: float = 0.0,
        scale: float = 0.0,
    ) -> None:
        super().__init__(size, num_samples, rotate_deg, scale)
        self.near_px, self.far_px, self.far_prob = near_px, far_px, far_prob

    def randomize(self, image: MetaTensor, points_px: torch.Tensor) -> None:
        """Draw the places of the next patches; arguments as for calling the transform."""
        points = film_to_array(torch.as_tensor(points_px, dtype=torch.float64), image.affine).numpy()
        points = points[~np.isnan(points).any(-1)]
        if not len(points):
            name = image.meta.get("filename_or_obj", "a film")
            raise ValueError(f"{name} has no annotated landmark; leave it out of the training films.")
        self.places = []
        for _ in range(self.num_samples):
            reach = self.far_px if self.R.random() < self.far_prob else self.near_px
            centre = points[self.R.randint(len(points))] + self.R.uniform(-reach, reach, 2)
            self.places.append(self._draw_place(centre))

    def __call__(self, image: MetaTensor, points_px: torch.Tensor, randomize: bool = True) -> list[MetaTensor]:
        """Cut patches.

        Args:
            image: (C, X, Y); its affine maps to film pixels.
            points_px: (N, 2), (x, y), pixels of the film as stored; NaN ones are never chosen.
            randomize: draw new places; otherwise use the last ones.
        Returns:
            ``num_samples`` patches, (C, size, size).
        Raises:
            ValueError: the film has no annotated landmark; the message names it.
        """
        if randomize:
            self.randomize(image, points_px)
        return self._cut(image)


class RandWindows(_RandPatches):
    """Cut random windows around the centre of a film's bottom square, for the global stage.

    Args:
        size: side of a window, px.
        num_samples: number of windows.
        shift_px, rotate_deg, scale: where windows lie, see :class:`RandWindowsd`.
    Raises:
        ValueError: size or num_samples is below 1.
    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.transforms import RandWindows
        >>> windows = RandWindows(size=90, shift_px=5.0).set_random_state(seed=0)(MetaTensor(torch.zeros(1, 90, 120)))
        >>> [tuple(window.shape) for window in windows]
        [(1, 90, 90)]
    """

    def __init__(
        self, size: int, num_samples: int = 1, shift_px: float = 0.0, rotate_deg: float = 0.0, scale: float = 0.0
    ) -> None:
        super().__init__(size, num_samples, rotate_deg, scale)
        self.shift_px = shift_px

    def randomize(self, image: MetaTensor) -> None:
        """Draw the places of the next windows of an image (C, X, Y)."""
        x, y = image.shape[-2:]
        side = min(x, y)
        centre = np.array([(x - 1) / 2, y - (side + 1) / 2])
        self.places = [
            self._draw_place(centre + self.R.uniform(-self.shift_px, self.shift_px, 2)) for _ in range(self.num_samples)
        ]

    def __call__(self, image: MetaTensor, randomize: bool = True) -> list[MetaTensor]:
        """Return ``num_samples`` windows, (C, size, size), of an image (C, X, Y)."""
        if randomize:
            self.randomize(image)
        return self._cut(image)


class _RandPatchesd(RandImageMapTransform, MultiSampleTrait):
    """Turn a sample into several, whose images are patches cut at the same places."""

    def __call__(self, data: Mapping[Hashable, Any]) -> list[dict[Hashable, Any]]:  # type: ignore[override]
        """Return ``num_samples`` copies of the sample, with the images under the keys replaced by patches."""
        samples = [dict(data) for _ in range(self.transform.num_samples)]
        present = list(self.key_iterator(data))
        if present:  # the keys may be missing; batches keep their size all the same
            self.randomize(data)
        for key in present:
            for sample, place in zip(samples, self.transform.places, strict=True):
                sample[key] = extract_patch(data[key], place, self.transform.size)
        return samples


class RandLandmarkPatchesd(_RandPatchesd):
    """Cut random patches around random landmarks, for the local stage.

    Dictionary-based version of :class:`RandLandmarkPatches`. It returns ``num_samples`` samples for each one.

    Args:
        keys: keys of the films, (C, X, Y); all are cut at the same places.
        points_key: key of the film's landmarks, (N, 2), film pixels; NaN ones are never chosen.
        size: side of a patch, px.
        num_samples: number of patches.
        near_px: half width of the square around a landmark from which a patch's centre is drawn.
        far_px: the same for a share of the patches. Most of these do not show their landmark: they teach the network
            to find nothing where there is nothing.
        far_prob: that share.
        rotate_deg: largest rotation, degrees.
        scale: largest magnification, less 1: 0.15 draws from 1 / 1.15 to 1.15, evenly in the logarithm.
        allow_missing_keys: skip keys that a sample lacks instead of raising ``KeyError``.
    Raises:
        ValueError: size or num_samples is below 1; or, when called, a film has no annotated landmark.
    Source:
        Zhong et al. 2019, section 3; docs/paper.md, "Training".
    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.transforms import RandLandmarkPatchesd
        >>> transform = RandLandmarkPatchesd("image", "points_px", size=21, num_samples=3).set_random_state(seed=0)
        >>> film = {"image": MetaTensor(torch.zeros(1, 90, 120)), "points_px": torch.tensor([[40.0, 50.0]])}
        >>> [tuple(sample["image"].shape) for sample in transform(film)]
        [(1, 21, 21), (1, 21, 21), (1, 21, 21)]
    """

    def __init__(
        self,
        keys: KeysCollection,
        points_key: str,
        size: int,
        num_samples: int = 1,
        near_px: float = 45.0,
        far_px: float = 112.0,
        far_prob: float = 0.25,
        rotate_deg: float = 0.0,
        scale: float = 0.0,
        allow_missing_keys: bool = False,
    ) -> None:
        patches = RandLandmarkPatches(size, num_samples, near_px, far_px, far_prob, rotate_deg, scale)
        super().__init__(keys, patches, allow_missing_keys)
        self.points_key = points_key

    def randomize(self, data: Any = None) -> None:
        """Draw the places of the next patches, in the frame of the sample's first film."""
        self.transform.randomize(data[self.first_key(data)], data[self.points_key])


class RandWindowsd(_RandPatchesd):
    """Cut random windows around the centre of a film's bottom square, for the global stage.

    Dictionary-based version of :class:`RandWindows`. It returns ``num_samples`` samples for each one.

    Args:
        keys: keys of the films, (C, X, Y); all are cut at the same places.
        size: side of a window, px.
        num_samples: number of windows.
        shift_px: half width of the square around the bottom square's centre from which a window's centre is drawn.
        rotate_deg, scale: largest rotation, degrees, and largest magnification, less 1: 0.15 draws from 1 / 1.15 to
            1.15, evenly in the logarithm.
        allow_missing_keys: skip keys that a sample lacks instead of raising ``KeyError``.
    Raises:
        ValueError: size or num_samples is below 1.
    Source:
        docs/paper.md, "Training".
    Example:
        >>> from monai_ceph.transforms import RandWindowsd
        >>> film = MetaTensor(torch.zeros(1, 90, 120))
        >>> samples = RandWindowsd("image", size=90, num_samples=2, shift_px=5.0)({"image": film})
        >>> [tuple(sample["image"].shape) for sample in samples]
        [(1, 90, 90), (1, 90, 90)]
    """

    def __init__(
        self,
        keys: KeysCollection,
        size: int,
        num_samples: int = 1,
        shift_px: float = 0.0,
        rotate_deg: float = 0.0,
        scale: float = 0.0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, RandWindows(size, num_samples, shift_px, rotate_deg, scale), allow_missing_keys)

    def randomize(self, data: Any = None) -> None:
        """Draw the places of the next windows, in the frame of the sample's first film."""
        self.transform.randomize(data[self.first_key(data)])
