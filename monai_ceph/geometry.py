"""The only place where axes, pixels and millimetres are converted.

One rule: arrays are ``(C, X, Y)`` and a point is ``(x, y)``, so coordinate k indexes spatial axis k. A film's world
frame is its own stored pixel grid (pixel centres at integers), and an array made from it carries the affine that maps
array indices to that frame.
"""

from __future__ import annotations

import torch


def affine_2d(affine: torch.Tensor) -> torch.Tensor:
    """The part of a homogeneous affine that acts on x and y.

    Args:
        affine: (3, 3) or (4, 4), array index -> film pixel, as a 2D ``MetaTensor`` carries it.
    Returns:
        (3, 3) float64.
    Raises:
        ValueError: another shape.
    """
    affine = torch.as_tensor(affine, dtype=torch.float64)
    if affine.shape == (3, 3):
        return affine
    if affine.shape == (4, 4):
        keep = torch.tensor([0, 1, 3])
        return affine[keep][:, keep]
    raise ValueError(f"Expected a (3, 3) or (4, 4) affine, got {tuple(affine.shape)}; is this array a 2D MetaTensor?")


def _apply(matrix: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    points = _with_fractions(points)
    matrix = matrix.to(points.device)
    moved = points.to(torch.float64) @ matrix[:2, :2].T + matrix[:2, 2]
    return moved.to(points.dtype)


def _with_fractions(points: torch.Tensor) -> torch.Tensor:
    # Annotation files hold whole pixels; a result in their dtype would be cut down to whole numbers.
    return points if points.is_floating_point() else points.to(torch.float64)


def film_to_array(points_px: torch.Tensor, affine: torch.Tensor) -> torch.Tensor:
    """Points of the film, in the frame of an array made from it.

    Args:
        points_px: (..., 2), (x, y), pixels of the film as stored; NaN stays NaN; whole numbers give float64.
        affine: the array's affine, array index -> film pixel.
    Returns:
        (..., 2), (x, y), array index.
    """
    return _apply(torch.linalg.inv(affine_2d(affine)), points_px)


def array_to_film(points: torch.Tensor, affine: torch.Tensor) -> torch.Tensor:
    """The inverse of :func:`film_to_array`: array indices -> pixels of the film as stored. Shapes as there."""
    return _apply(affine_2d(affine), points)


def px_to_mm(points_px: torch.Tensor, spacing_mm: torch.Tensor | tuple[float, float]) -> torch.Tensor:
    """Pixels of the film -> mm from its first pixel's centre.

    Args:
        points_px: (..., 2), (x, y).
        spacing_mm: (2,) or (..., 2), (along x, along y), mm; NaN where unknown gives NaN.
    Returns:
        (..., 2), (x, y), mm.
    """
    points_px = _with_fractions(points_px)
    return points_px * torch.as_tensor(spacing_mm, dtype=points_px.dtype, device=points_px.device)


def mm_to_px(points_mm: torch.Tensor, spacing_mm: torch.Tensor | tuple[float, float]) -> torch.Tensor:
    """The inverse of :func:`px_to_mm`."""
    points_mm = _with_fractions(points_mm)
    return points_mm / torch.as_tensor(spacing_mm, dtype=points_mm.dtype, device=points_mm.device)
