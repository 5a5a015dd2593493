"""Read what several transforms need from a sample: the film's pixel spacing, and the points of an inferer."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor


def film_spacing_mm(image: MetaTensor) -> tuple[float, float] | None:
    """Return the pixel spacing in a film's metadata, (along x, along y), mm; None if it is unknown.

    Args:
        image: its metadata may hold ``spacing_mm``, one number or two; NaN counts as unknown.
    Example:
        >>> from monai_ceph.transforms.sample import film_spacing_mm
        >>> film_spacing_mm(MetaTensor(torch.zeros(1, 4, 4), meta={"spacing_mm": 0.5}))
        (0.5, 0.5)
    """
    spacing = torch.as_tensor(image.meta.get("spacing_mm", math.nan), dtype=torch.float64).flatten().cpu()
    return None if spacing.isnan().any() else (float(spacing[0]), float(spacing[-1]))


def inferred_points(sample: Mapping[Hashable, Any], key: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points, confidence and evidence of a film's landmarks, each float64.

    Args:
        sample: after :class:`~monai_ceph.transforms.PointsToFilmd`.
        key: key of the prediction, as :class:`~monai_ceph.inferers.AnyFilmInferer` returns it for a film.
    Returns:
        (N, 2), film pixels; (N,), 0 to 1; and (N, len(EVIDENCE)).
    Example:
        >>> from monai_ceph.transforms.sample import inferred_points
        >>> sample = {"pred": torch.ones(3, 10), "pred_px": torch.ones(3, 2)}
        >>> points_px, confidence, evidence = inferred_points(sample, "pred")
        >>> evidence.shape
        (3, 7)
    """
    pred = np.asarray(torch.as_tensor(sample[key]).detach().to("cpu", torch.float64))
    return np.asarray(sample[f"{key}_px"], dtype=np.float64), pred[:, 2], pred[:, 3:]
