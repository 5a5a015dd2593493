"""Read the pixel spacing of a film from its metadata."""

from __future__ import annotations

import math

import torch
from monai.data import MetaTensor


def film_spacing_mm(image: MetaTensor) -> tuple[float, float] | None:
    """Return the pixel spacing in a film's metadata, (along x, along y), mm; None if it is unknown.

    Args:
        image: its metadata may hold ``spacing_mm``, one number or two; NaN counts as unknown.
    Example:
        >>> from monai_ceph.transforms.film_spacing import film_spacing_mm
        >>> film_spacing_mm(MetaTensor(torch.zeros(1, 4, 4), meta={"spacing_mm": 0.5}))
        (0.5, 0.5)
    """
    spacing = torch.as_tensor(image.meta.get("spacing_mm", math.nan), dtype=torch.float64).flatten().cpu()
    return None if spacing.isnan().any() else (float(spacing[0]), float(spacing[-1]))
