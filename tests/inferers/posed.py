"""A film whose gray values are its pixel coordinates, and stages that read them: an oracle of all geometry."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from monai_ceph.inferers import TwoStageInferer


def coordinate_film(size: tuple[int, int]) -> torch.Tensor:
    """(4, X, Y): x, y, and two constants that undo normalisation and show inversion."""
    x, y = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in size), indexing="ij")
    return torch.stack([x, y, torch.zeros_like(x), torch.full_like(x, 1000.0)])


def shown_places(film: torch.Tensor) -> tuple[torch.Tensor, bool]:
    """(X, Y, 2): which pixel of the coordinate film each pixel shows; and whether it is inverted."""
    unit = film[3] - film[2]
    return torch.stack([(film[axis] - film[2]) / unit * 1000 for axis in (0, 1)], -1), bool(unit.mean() < 0)


class Oracle(TwoStageInferer):
    """Both stages without a network: sure of what an upright face of about the right scale shows, else guessing.

    Args:
        points_px: (N, 2), the truth, in pixels of the coordinate film.
        upright: (2, 2): a step in the upright film -> a step in the film as stored.
        mm: true size of a pixel of the film.
    """

    def __init__(
        self, points_px: np.ndarray, mm: float, upright: torch.Tensor | None = None, inverted: bool = False
    ) -> None:
        super().__init__(global_scale=0.6, patch_size=32, expansion=1.0, merge="own")
        self.points, self.mm, self.inverted = torch.from_numpy(points_px).to(torch.float32), mm, inverted
        self.upright = torch.eye(2) if upright is None else upright.to(torch.float32)
        self.looks = 0

    def coarse(self, films: torch.Tensor, network: Any) -> torch.Tensor:
        self.looks += 1
        return torch.stack([self._read(film, self.mm * self._step(film), (0.55, 1.8)) for film in films])

    def refined(self, films: torch.Tensor, coarse: torch.Tensor, network: Any) -> torch.Tensor:
        found = torch.stack([self._read(film, 1.0, (0, 2)) for film in films])
        near = (found[..., :2] - coarse).norm(dim=-1) <= self.patch_size / 2
        found = torch.where(near[..., None], found, torch.cat([coarse, torch.full_like(coarse[..., :1], 0.01)], -1))
        return torch.cat([found, torch.tensor([4.0, 0.0, 1.0]).expand(*found.shape[:-1], 3)], -1)

    def _step(self, film: torch.Tensor) -> float:
        """Spacing of the film over the spacing that the stage is made for: 2 / 3 mm."""
        places, _ = shown_places(film)
        return float((places[1, 0] - places[0, 0]).norm()) / (2 / 3)

    def _read(self, film: torch.Tensor, scale: float, scales: tuple[float, float]) -> torch.Tensor:
        places, inverted = shown_places(film)
        middle = tuple(n // 2 for n in places.shape[:2])
        steps = torch.stack(
            [places[middle[0] + 1, middle[1]] - places[middle], places[middle[0], middle[1] + 1] - places[middle]], 1
        )
        seen = self.upright.T @ steps / steps.norm(dim=0)
        good = scales[0] < scale < scales[1] and seen.diagonal().min() > 0.8 and inverted == self.inverted
        points = torch.tensor(middle) + (self.points - places[middle]) @ torch.linalg.inv(steps).T
        there = ((points > -1) & (points < torch.tensor(places.shape[:2]))).all(-1)
        sure = torch.where(there, 0.8, 0.02) if good else torch.full((len(points),), 0.05)
        if not good:
            generator = torch.Generator().manual_seed(len(places))
            points = torch.rand(len(points), 2, generator=generator) * torch.tensor(places.shape[:2])
        return torch.cat([points, sure[:, None]], 1)
