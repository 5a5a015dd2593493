"""Set a film upright for the networks, as a tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from monai_ceph.film_pose import FilmPose, Orientation, face_window
from monai_ceph.pose_search import Look, PoseSearch, seen
from monai_ceph.refinement import moved
from monai_ceph.transforms.scale import scale_with_affine, values_at

Coarse = Callable[[torch.Tensor], torch.Tensor]
"""A function from normalised films (B, C, X, Y) at the global stage's spacing to (B, N, 3): x, y in array indices and
the confidence."""
ScaledFilms = dict[tuple[float, float], tuple[torch.Tensor, torch.Tensor]]
"""Pixel size that was assumed for a film -> the film at the working spacing, and its affine."""


def posed_film(
    film: torch.Tensor, pose: FilmPose, spacing_mm: float, window_mm: Sequence[float], scaled: ScaledFilms | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Set a film upright and resample it to a working spacing.

    Args:
        film: (C, X, Y), gray values as stored.
        pose: the pose of the film.
        spacing_mm: the working spacing.
        window_mm: (x, y), size of the window around the centre of the face, if the pose has one. A tilted window is
            filled with the mean outside the film; an upright one is cropped to the film.
        scaled: the film as it was scaled before; what is missing is added.
    Returns:
        (C, X', Y'), with mean 0 and standard deviation 1; and the (3, 3) float64 affine from index to film pixel.
    Example:
        >>> upright, affine = posed_film(torch.rand(1, 40, 60), FilmPose((0.5, 0.5)), 1.0, (0.0, 0.0))
        >>> upright.shape, affine[0, 0].item()
        (torch.Size([1, 20, 30]), 2.0)
    """
    scaled = {} if scaled is None else scaled
    if pose.working_mm not in scaled:
        scaled[pose.working_mm] = scale_with_affine(film, [mm / spacing_mm for mm in pose.working_mm])
    pixels, affine = scaled[pose.working_mm]
    pixels, turned = _oriented(pixels, pose.orientation)
    affine = affine @ turned
    if pose.centre_px is not None:
        centre = torch.linalg.solve(affine, torch.tensor([*pose.centre_px, 1.0], dtype=torch.float64))[:2]
        size = [round(mm / spacing_mm) for mm in window_mm]
        pixels, to_old = _window(pixels, centre, size, pose.tilt_deg)
        affine = affine @ to_old
    deviation, mean = torch.std_mean(pixels, correction=0)
    return (pixels - mean) / deviation.clamp(min=1e-6), affine


def coarse_look(
    film: torch.Tensor, pose: FilmPose, search: PoseSearch, coarse: Coarse, scaled: ScaledFilms | None = None
) -> Look:
    """Run the global stage on a film under an assumed pose.

    Args:
        film, pose, scaled: as in :func:`posed_film`.
        search: says at which spacing, in which window, and how a face looks.
        coarse: the global stage.
    Example:
        >>> from monai_ceph.face_shape import FaceShape
        >>> mean_mm = np.array([[-20.0, -30.0], [20.0, -30.0], [0.0, 60.0], [20.0, 0.0]])
        >>> search = PoseSearch(FaceShape(("S", "N", "Me", "A"), mean_mm, 4 * np.eye(8)), spacing_mm=1.0)
        >>> in_upright = torch.from_numpy(np.column_stack([mean_mm + 100, np.ones(4)]))[None]
        >>> look = coarse_look(torch.rand(1, 400, 400), FilmPose((0.5, 0.5)), search, lambda films: in_upright)
        >>> round(look.agreement, 3), look.points[0].tolist()
        (1.0, [160.5, 140.5, 1.0])
    """
    upright, affine = posed_film(film, pose, search.spacing_mm, search.window_mm, scaled)
    points = coarse(upright[None])[0].to("cpu", torch.float64).numpy()
    return seen(pose, np.column_stack([moved(points[:, :2], affine.numpy()), points[:, 2]]), search.shape)


def _oriented(pixels: torch.Tensor, orientation: Orientation) -> tuple[torch.Tensor, torch.Tensor]:
    swapped, flipped, to_old = orientation.set_upright(pixels.shape[-2:])
    oriented = pixels.transpose(-2, -1) if swapped else pixels
    if flipped:
        oriented = oriented.flip([axis - 2 for axis in flipped])
    return (-oriented if orientation.inverted else oriented), torch.from_numpy(to_old)


def _window(
    pixels: torch.Tensor, centre: torch.Tensor, window: Sequence[int], tilt_deg: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut a window that sets a face of that tilt upright; return it and its affine to the old indices."""
    size, affine = face_window(pixels.shape[-2:], centre.numpy(), window, tilt_deg)
    to_old = torch.from_numpy(affine)
    if tilt_deg == 0:
        x, y = affine[:2, 2].astype(int)
        return pixels[..., x : x + size[0], y : y + size[1]], to_old
    mean = pixels.mean()
    grid = torch.stack(torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in size), indexing="ij"), -1)
    place = grid @ to_old[:2, :2].T + to_old[:2, 2]
    return values_at(pixels - mean, place) + mean, to_old
