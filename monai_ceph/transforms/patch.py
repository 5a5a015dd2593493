"""Random patches: around landmarks for the local stage, of the whole film for the global stage.

A patch is cut, rotated and scaled in one resampling, and its affine says so: points stay in the film's frame and need
no augmentation of their own. MONAI's ``Affine`` cuts the same patch, to which a test holds this one, and takes longer.
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
from monai.transforms import MapTransform, RandomizableTransform

from monai_ceph.geometry import film_to_array


@dataclass(frozen=True)
class PatchPlace:
    """Where a patch lies in an image: its centre (x, y) in array indices, its turn in radians, its magnification."""

    centre: tuple[float, float]
    angle: float = 0.0
    magnification: float = 1.0


def extract_patch(image: MetaTensor, place: PatchPlace, size: int) -> MetaTensor:
    """Cut one patch, bilinearly; zeros outside the image.

    Args:
        image: (C, X, Y).
        place: magnification 1.2 shows everything 1.2 times as large.
        size: side of the patch, px.
    Returns:
        (C, size, size); its affine maps to the film's pixels.
    """
    cos, sin = math.cos(place.angle) / place.magnification, math.sin(place.angle) / place.magnification
    step = torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)
    first = torch.tensor(place.centre, dtype=torch.float64) - step.sum(dim=1) * (size - 1) / 2
    across, along = (step[:, k] * torch.arange(size, dtype=torch.float64)[:, None] for k in (0, 1))
    index = first + across[:, None] + along[None]
    # grid_sample counts from -1 to 1, edge to edge, and names the last axis first.
    sides = torch.tensor(image.shape[-2:])
    grid = ((2 * index + 1) / sides - 1).flip(-1)
    pixels = image.as_tensor()
    cut = torch.nn.functional.grid_sample(pixels[None], grid[None].to(pixels), align_corners=False)[0]
    to_image = torch.eye(image.affine.shape[0], dtype=torch.float64)
    to_image[:2, :2], to_image[:2, -1] = step, first
    patch = MetaTensor(cut, meta=dict(image.meta))
    patch.affine = image.affine @ to_image.to(image.affine)
    return patch


class _RandPatchesd(RandomizableTransform, MapTransform):
    """What both patch transforms share: draw places, cut every image there."""

    def __init__(
        self,
        keys: KeysCollection,
        size: int,
        num_samples: int,
        rotate_deg: float,
        scale: float,
        allow_missing_keys: bool,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, 1.0)
        if size < 1 or num_samples < 1:
            raise ValueError(f"Expected a size and a num_samples of at least 1, got {size} and {num_samples}.")
        self.size, self.num_samples = size, num_samples
        self.rotate_rad, self.log_scale = math.radians(rotate_deg), math.log1p(scale)

    def _place(self, centre: np.ndarray) -> PatchPlace:
        angle = self.R.uniform(-self.rotate_rad, self.rotate_rad)
        magnification = math.exp(self.R.uniform(-self.log_scale, self.log_scale))
        return PatchPlace((float(centre[0]), float(centre[1])), angle, magnification)

    def _draw(self, image: MetaTensor, data: Mapping[Hashable, Any]) -> list[PatchPlace]:
        raise NotImplementedError

    def __call__(self, data: Mapping[Hashable, Any]) -> list[dict[Hashable, Any]]:
        out = dict(data)
        present = list(self.key_iterator(out))
        if not present:  # allowed to be missing; as many samples as ever, so that batches keep their size
            return [dict(out) for _ in range(self.num_samples)]
        places = self._draw(out[present[0]], out)
        samples = [dict(out) for _ in places]
        for key in present:
            for sample, place in zip(samples, places, strict=True):
                sample[key] = extract_patch(out[key], place, self.size)
        return samples


class RandLandmarkPatchesd(_RandPatchesd):
    """Random patches around random landmarks, for the local stage.

    Args:
        keys: the films; all are cut at the same places.
        points_key: the film's landmarks, (N, 2), film pixels; NaN ones are never chosen.
        size: side of a patch, px.
        num_samples: patches a film and call.
        near_px: half width of the square around its landmark from which a patch's centre is drawn.
        far_px, far_prob: the same for a share of the patches; these mostly hold none of their landmark, and teach
            the network to be silent.
        rotate_deg: largest rotation.
        scale: largest magnification, less 1: 0.15 draws from 1 / 1.15 to 1.15, evenly in the logarithm.
    Raises:
        ValueError: a film has no annotated landmark; the message names it.
    Source:
        METHOD "Training" and "What a spike taught".
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
        super().__init__(keys, size, num_samples, rotate_deg, scale, allow_missing_keys)
        self.points_key, self.near_px, self.far_px, self.far_prob = points_key, near_px, far_px, far_prob

    def _draw(self, image: MetaTensor, data: Mapping[Hashable, Any]) -> list[PatchPlace]:
        points = film_to_array(torch.as_tensor(data[self.points_key], dtype=torch.float64), image.affine).numpy()
        points = points[~np.isnan(points).any(-1)]
        if not len(points):
            name = image.meta.get("filename_or_obj", "a film")
            raise ValueError(f"{name} has no annotated landmark; leave it out of the training films.")
        places = []
        for _ in range(self.num_samples):
            reach = self.far_px if self.R.random() < self.far_prob else self.near_px
            places.append(self._place(points[self.R.randint(len(points))] + self.R.uniform(-reach, reach, 2)))
        return places


class RandWindowsd(_RandPatchesd):
    """Random windows on a film's bottom square, for the global stage.

    Args:
        keys: the films; all are cut at the same places.
        size: side of a window, px.
        num_samples: windows a film and call.
        shift_px: half width of the square around the bottom square's centre from which a window's centre is drawn.
        rotate_deg, scale: as in :class:`RandLandmarkPatchesd`.
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
        super().__init__(keys, size, num_samples, rotate_deg, scale, allow_missing_keys)
        self.shift_px = shift_px

    def _draw(self, image: MetaTensor, data: Mapping[Hashable, Any]) -> list[PatchPlace]:
        x, y = image.shape[-2:]
        side = min(x, y)
        centre = np.array([(x - 1) / 2, y - (side + 1) / 2])
        return [self._place(centre + self.R.uniform(-self.shift_px, self.shift_px, 2)) for _ in range(self.num_samples)]
