"""Scale a film to a stage's working spacing."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import Transform
from monai.utils import TransformBackends

from monai_ceph.geometry import affine_2d
from monai_ceph.spacing import check_extent, check_spacing
from monai_ceph.transforms.base import ImageMapTransform
from monai_ceph.transforms.sample import film_spacing_mm

logger = logging.getLogger(__name__)


def scale_pixels(image: torch.Tensor, factor: Sequence[float]) -> torch.Tensor:
    """Resample an image by exactly ``factor``, with a low-pass filter where it shrinks.

    Unlike MONAI's ``Resize`` this does not round the factor to a whole number of pixels. The filter of
    ``torch.nn.functional.interpolate(antialias=True)`` is several times cheaper than a Gaussian over the whole film.

    Args:
        image: (C, X, Y) or (B, C, X, Y).
        factor: new over old number of pixels, along x and along y.
    Returns:
        As ``image``, with ``floor(size * factor)`` pixels along each axis. :func:`scale_index` converts indices.
    Raises:
        ValueError: the result would have no pixels.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms import scale_pixels
        >>> scale_pixels(torch.zeros(1, 9, 12), (0.5, 0.5)).shape
        torch.Size([1, 4, 6])
    """
    if min(n * f for n, f in zip(image.shape[-2:], factor, strict=True)) < 1:
        raise ValueError(
            f"Scaling {tuple(image.shape[-2:])} px by {tuple(factor)} leaves no pixels; check the pixel spacing."
        )
    if all(f == 1 for f in factor):
        return image
    pixels = image.as_tensor() if isinstance(image, MetaTensor) else image
    batched = pixels if pixels.dim() == 4 else pixels[None]
    scaled = torch.nn.functional.interpolate(
        batched, scale_factor=[float(f) for f in factor], mode="bilinear", antialias=True
    )
    return scaled if pixels.dim() == 4 else scaled[0]


def values_at(image: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Return an image's values between its pixels, by bilinear interpolation; 0 outside the image.

    Args:
        image: (C, X, Y).
        index: (X', Y', 2), (x, y), array indices of ``image``, float64.
    Returns:
        (C, X', Y').
    Example:
        >>> import torch
        >>> from monai_ceph.transforms.scale import values_at
        >>> values_at(torch.tensor([[[1.0], [2.0]]]), torch.tensor([[[0.5, 0.0]]], dtype=torch.float64)).tolist()
        [[[1.5]]]
    """
    # grid_sample counts from -1 to 1, edge to edge, and names the last axis first.
    grid = ((2 * index + 1) / torch.tensor(image.shape[-2:], device=index.device) - 1).flip(-1)
    return torch.nn.functional.grid_sample(image[None], grid[None].to(image), align_corners=False)[0]


def scale_with_affine(image: torch.Tensor, factor: Sequence[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale an image as :func:`scale_pixels` does, and return where its pixels lay.

    Args:
        image: (C, X, Y).
        factor: new over old number of pixels, along x and along y.
    Returns:
        (C, X', Y'), and the (3, 3) float64 affine from its indices to those of ``image``.
    Example:
        >>> import torch
        >>> from monai_ceph.transforms.scale import scale_with_affine
        >>> pixels, affine = scale_with_affine(torch.zeros(1, 9, 12), (0.5, 1.0))
        >>> tuple(pixels.shape), affine[:2].tolist()
        ((1, 4, 12), [[2.0, 0.0, 0.5], [0.0, 1.0, 0.0]])
    """
    # torch does not resample an axis that keeps its number of pixels, so the affine must not scale it either.
    factor = [1.0 if int(n * f) == n else f for n, f in zip(image.shape[-2:], factor, strict=True)]
    affine = torch.eye(3, dtype=torch.float64)
    for axis, f in enumerate(factor):
        affine[axis, axis], affine[axis, 2] = 1 / f, 0.5 / f - 0.5
    return scale_pixels(image, factor), affine


def scale_index(index: torch.Tensor, factor: float) -> torch.Tensor:
    """Return where an array index lies after scaling by ``factor``.

    Pixel centres are at integers, so the image's edges are at halves.

    Example:
        >>> import torch
        >>> from monai_ceph.transforms import scale_index
        >>> scale_index(torch.tensor([0.5, 2.5]), 0.5).tolist()
        [0.0, 1.0]
    """
    return (index + 0.5) * factor - 0.5


class ScaleToSpacing(Transform):
    """Scale a film to a working spacing; the affine keeps mapping to the film's own pixels.

    The film's own spacing is read from its metadata's ``spacing_mm``.

    Args:
        spacing_mm: the working spacing, mm a pixel.
        assumed_spacing_mm: used, with a warning, where the film's spacing is unknown.
    Source:
        docs/paper.md, "Film and scale".
    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.transforms import ScaleToSpacing
        >>> scaled = ScaleToSpacing(0.2)(MetaTensor(torch.zeros(1, 60, 80), meta={"spacing_mm": 0.1}))
        >>> tuple(scaled.shape), scaled.affine[:2, :2].diag().tolist()
        ((1, 30, 40), [2.0, 2.0])
    """

    backend = [TransformBackends.TORCH]

    def __init__(self, spacing_mm: float, assumed_spacing_mm: float = 0.1) -> None:
        self.spacing_mm = check_spacing(spacing_mm, "working spacing")[0]
        self.assumed_spacing_mm = check_spacing(assumed_spacing_mm, "assumed spacing")

    def __call__(self, image: MetaTensor) -> MetaTensor:
        """Scale (C, X, Y) to (C, X', Y').

        Raises:
            ValueError: the film's spacing is not positive, or so large that it must be in another unit than mm.
        """
        film_mm = self._film_spacing(image)
        # How much of the film one step along each axis of the array covers: 1 film pixel for a film as stored, 5 / 3
        # at 0.6x. Convert to mm before taking the length, because a rotated array's axes are not the film's.
        linear = affine_2d(image.affine)[:2, :2].tolist()
        covered_mm = [math.hypot(*(row[axis] * mm for row, mm in zip(linear, film_mm, strict=True))) for axis in (0, 1)]
        name = str(image.meta.get("filename_or_obj", "film"))
        check_extent(image.shape[-2:], covered_mm, self.spacing_mm, name)
        pixels, affine = scale_with_affine(image.as_tensor(), [mm / self.spacing_mm for mm in covered_mm])
        to_old = torch.eye(image.affine.shape[0], dtype=torch.float64)
        to_old[:2, [0, 1, -1]] = affine[:2]
        scaled = MetaTensor(pixels, meta=image.meta)
        scaled.affine = image.affine @ to_old.to(image.affine)
        return scaled

    def _film_spacing(self, image: MetaTensor) -> tuple[float, float]:
        if film_spacing_mm(image) is None:
            logger.warning(
                "%s: pixel spacing unknown, scaled as if it were %g mm.",
                image.meta.get("filename_or_obj", "film"),
                self.assumed_spacing_mm[0],
            )
            return self.assumed_spacing_mm
        return check_spacing(image.meta["spacing_mm"], "film")


class ScaleToSpacingd(ImageMapTransform):
    """Scale films to a working spacing; their affine keeps mapping to the film's own pixels.

    Dictionary-based version of :class:`ScaleToSpacing`.

    Args:
        keys: keys of the films, (C, X, Y), each with ``spacing_mm`` in its metadata, or NaN where unknown.
        spacing_mm: the working spacing, mm a pixel.
        assumed_spacing_mm: used, with a warning, where a film's spacing is unknown.
        allow_missing_keys: skip keys that a sample lacks instead of raising ``KeyError``.
    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.transforms import ScaleToSpacingd
        >>> film = MetaTensor(torch.zeros(1, 60, 80), meta={"spacing_mm": 0.1})
        >>> tuple(ScaleToSpacingd("image", spacing_mm=0.2)({"image": film})["image"].shape)
        (1, 30, 40)
    """

    def __init__(
        self, keys: KeysCollection, spacing_mm: float, assumed_spacing_mm: float = 0.1, allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, ScaleToSpacing(spacing_mm, assumed_spacing_mm), allow_missing_keys)
