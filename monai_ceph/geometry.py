"""Convert points between array indices, film pixels and millimetres.

Arrays are ``(C, X, Y)`` and a point is ``(x, y)``, so coordinate k indexes spatial axis k. A film's world frame is its
own stored pixel grid (pixel centres at integers), and an array made from it carries the affine that maps array indices
to that frame. No other module converts axes, pixels or mm.
"""

from __future__ import annotations

import torch


def affine_2d(affine: torch.Tensor) -> torch.Tensor:
    """Return the part of a homogeneous affine that acts on x and y.

    Args:
        affine: (3, 3) or (4, 4), array index -> film pixel, as a 2D ``MetaTensor`` carries it.
    Returns:
        (3, 3) float64.
    Raises:
        ValueError: the affine has another shape.
    Example:
        >>> import torch
        >>> from monai_ceph.geometry import affine_2d
        >>> affine_2d(torch.diag(torch.tensor([2.0, 3.0, 1.0, 1.0]))).diag().tolist()
        [2.0, 3.0, 1.0]
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
    # Annotation files hold whole pixels; a result of their integer dtype would lose its fractions.
    return points if points.is_floating_point() else points.to(torch.float64)


def film_to_array(points_px: torch.Tensor, affine: torch.Tensor) -> torch.Tensor:
    """Convert film pixels to indices of an array made from the film.

    Args:
        points_px: (..., 2), (x, y), pixels of the film as stored; NaN stays NaN; integers give float64.
        affine: the array's affine, array index -> film pixel.
    Returns:
        (..., 2), (x, y), array indices.
    Example:
        >>> import torch
        >>> from monai_ceph.geometry import film_to_array
        >>> film_to_array(torch.tensor([[8.0, 12.0]]), torch.diag(torch.tensor([2.0, 2.0, 1.0]))).tolist()
        [[4.0, 6.0]]
    """
    return _apply(torch.linalg.inv(affine_2d(affine)), points_px)


def array_to_film(points: torch.Tensor, affine: torch.Tensor) -> torch.Tensor:
    """Convert indices of an array made from a film to film pixels; the inverse of :func:`film_to_array`.

    Args:
        points: (..., 2), (x, y), array indices; NaN stays NaN; integers give float64.
        affine: the array's affine, array index -> film pixel.
    Returns:
        (..., 2), (x, y), pixels of the film as stored.
    Example:
        >>> import torch
        >>> from monai_ceph.geometry import array_to_film
        >>> array_to_film(torch.tensor([[4.0, 6.0]]), torch.diag(torch.tensor([2.0, 2.0, 1.0]))).tolist()
        [[8.0, 12.0]]
    """
    return _apply(affine_2d(affine), points)


def px_to_mm(points_px: torch.Tensor, spacing_mm: torch.Tensor | tuple[float, float]) -> torch.Tensor:
    """Convert film pixels to mm from the centre of the film's first pixel.

    Args:
        points_px: (..., 2), (x, y).
        spacing_mm: (2,) or (..., 2), (along x, along y), mm; NaN where unknown gives NaN.
    Returns:
        (..., 2), (x, y), mm.
    Example:
        >>> import torch
        >>> from monai_ceph.geometry import px_to_mm
        >>> px_to_mm(torch.tensor([[100.0, 200.0]]), (0.5, 0.25)).tolist()
        [[50.0, 50.0]]
    """
    points_px = _with_fractions(points_px)
    return points_px * torch.as_tensor(spacing_mm, dtype=points_px.dtype, device=points_px.device)


def mm_to_px(points_mm: torch.Tensor, spacing_mm: torch.Tensor | tuple[float, float]) -> torch.Tensor:
    """Convert mm from the centre of a film's first pixel to film pixels; the inverse of :func:`px_to_mm`.

    Args:
        points_mm: (..., 2), (x, y).
        spacing_mm: (2,) or (..., 2), (along x, along y), mm; NaN where unknown gives NaN.
    Returns:
        (..., 2), (x, y), pixels of the film as stored.
    Example:
        >>> import torch
        >>> from monai_ceph.geometry import mm_to_px
        >>> mm_to_px(torch.tensor([[50.0, 50.0]]), (0.5, 0.25)).tolist()
        [[100.0, 200.0]]
    """
    points_mm = _with_fractions(points_mm)
    return points_mm / torch.as_tensor(spacing_mm, dtype=points_mm.dtype, device=points_mm.device)
