"""Find the landmarks of a film in any orientation and at any scale."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np
import torch
from monai.inferers import Inferer

from monai_ceph.face_shape import FaceShape
from monai_ceph.film_pose import UPRIGHT, FilmPose, Orientation
from monai_ceph.inferers.posed_film import ScaledFilms, coarse_look, posed_film
from monai_ceph.inferers.two_stage import TwoStageInferer, or_centre
from monai_ceph.networks import TwoStageNet
from monai_ceph.pose_search import Look, PoseSearch, seen
from monai_ceph.refinement import UprightFilm, moved, refined_points
from monai_ceph.spacing import check_extent, check_film_size, check_spacing
from monai_ceph.transforms.scale import scale_index, scale_pixels

logger = logging.getLogger(__name__)


class AnyFilmInferer(Inferer):
    """Find the landmarks of films as stored: scale, turn and crop each film as far as needed to see a face.

    If the pixel size is known and the global stage sees a face, the whole film is used as it is. Otherwise the class
    searches the scale, and then whether the film is mirrored, turned or inverted (see
    :class:`~monai_ceph.pose_search.PoseSearch`). If a point is far from the place that the other points predict,
    the local stage searches once more at that place.

    Args:
        film_inferer: both stages, for an upright film at local scale.
        local_spacing_mm: the spacing of the local stage.
        shape: the shape of the face.
        believable: the lowest agreement of points and face, 0 to 1, that counts as a face. Without this number or a
            shape, there is no search: films are used as stored, and an unknown pixel size is taken as
            ``assumed_spacing_mm``.
        far: distance from the predicted place, in standard deviations, beyond which a point is searched there.
        assumed_spacing_mm: see ``believable``.
        search: further arguments of :class:`~monai_ceph.pose_search.PoseSearch`.
    Example:
        >>> from monai_ceph.landmarks import ISBI19
        >>> network = TwoStageNet(torch.nn.Conv2d(1, 20, 1), torch.nn.Conv2d(1, 20, 1), ISBI19)
        >>> inferer = AnyFilmInferer(TwoStageInferer(0.5, patch_size=32), 1.0, shape=None, assumed_spacing_mm=1.0)
        >>> inferer(torch.rand(1, 1, 64, 96), network).shape
        torch.Size([1, 19, 10])
    """

    def __init__(
        self,
        film_inferer: TwoStageInferer,
        local_spacing_mm: float,
        shape: FaceShape | None,
        believable: float | None = 0.2,
        far: float = 3.0,
        assumed_spacing_mm: float = 0.1,
        **search: Any,
    ) -> None:
        super().__init__()
        self.inferer, self.far = film_inferer, far
        self.local_mm = check_spacing(local_spacing_mm, "working spacing")[0]
        self.assumed_mm = check_spacing(assumed_spacing_mm, "assumed spacing")
        global_mm = self.local_mm / film_inferer.global_scale
        self.search = None
        if shape is not None and believable is not None:
            self.search = PoseSearch(shape, global_mm, believable, **search)

    def without_search(self) -> AnyFilmInferer:
        """Return this inferer without its search: it uses films as stored, at their own pixel size."""
        return AnyFilmInferer(self.inferer, self.local_mm, None, assumed_spacing_mm=self.assumed_mm[0])

    def __call__(self, inputs: torch.Tensor, network: TwoStageNet, *args: object, **kwargs: object) -> torch.Tensor:
        """Find the landmarks of a batch of films.

        Args:
            inputs: (B, C, X, Y), gray values as stored. In its metadata, ``spacing_mm`` is the size of a film pixel,
                NaN if unknown, and ``film_orientation`` is the EXIF or TIFF tag of the file, if it has one.
            network: the two-stage network.
        Returns:
            (B, N, 3 + 7): x and y in array indices of ``inputs``, the confidence (0 to 1), and
            :data:`~monai_ceph.landmark_status.EVIDENCE`.
        Raises:
            ValueError: the pixel size makes a film larger than any film, or smaller than a patch.
        """
        meta = getattr(inputs, "meta", {})
        spacing = torch.as_tensor(meta.get("spacing_mm", (math.nan, math.nan)), dtype=torch.float64).reshape(-1, 2)
        tags = torch.as_tensor(meta.get("film_orientation", 1)).reshape(-1)
        films = inputs.as_subclass(torch.Tensor)
        if self.search is None and spacing.isnan().any():
            name = meta.get("filename_or_obj", "film")
            logger.warning("%s: pixel spacing unknown, scaled as if it were %g mm.", name, self.assumed_mm[0])
        known_mm = [None if mm.isnan().any() else (float(mm[0]), float(mm[1])) for mm in spacing.expand(len(films), -1)]
        stored = [Orientation.of_tag(tag) for tag in tags.expand(len(films)).tolist()]
        with torch.no_grad():
            return torch.stack([self._film(*film, network) for film in zip(films, known_mm, stored, strict=True)])

    def _film(
        self, film: torch.Tensor, known_mm: tuple[float, float] | None, stored: Orientation, network: TwoStageNet
    ) -> torch.Tensor:
        if known_mm is not None:
            check_extent(film.shape[-2:], known_mm, self.local_mm, "The film")
        search, look = self.search, None
        if search is None or (known_mm is not None and stored == UPRIGHT):
            pose = FilmPose(known_mm or self.assumed_mm)
            local, affine = posed_film(film, pose, self.local_mm, (0.0, 0.0))
            look = self._first_look(local, affine, pose, network)
        if search is not None:
            scaled: ScaledFilms = {}
            best = search(
                (film.shape[-2], film.shape[-1]),
                known_mm,
                lambda pose: coarse_look(film, pose, search, lambda x: self.inferer.coarse(x, network), scaled),
                look,
                stored,
            )
            if look is None or best.pose != look.pose:
                local, affine = posed_film(film, best.pose, self.local_mm, search.window_mm)
            look = best
        assert look is not None
        return self._refined(local, affine, look, network)

    def _first_look(self, local: torch.Tensor, affine: torch.Tensor, pose: FilmPose, network: TwoStageNet) -> Look:
        check_film_size(local.shape, self.inferer.patch_size)
        scale = self.inferer.global_scale
        coarse = self.inferer.coarse(scale_pixels(local[None], (scale, scale)), network)[0].cpu()
        points = scale_index(coarse[:, :2], 1 / scale)
        film_px = np.column_stack([moved(points.numpy(), affine.numpy()), coarse[:, 2].numpy()])
        return Look(pose, film_px, None, 0.0) if self.search is None else seen(pose, film_px, self.search.shape)

    def _refined(self, local: torch.Tensor, affine: torch.Tensor, look: Look, network: TwoStageNet) -> torch.Tensor:
        # A window may be smaller than a patch; its mean is 0.
        missing = [max(0, self.inferer.patch_size - n) for n in local.shape[-2:]]
        local = torch.nn.functional.pad(local, (0, missing[1], 0, missing[0]))

        def stage(start: np.ndarray) -> np.ndarray:
            places = or_centre(torch.from_numpy(start).to(torch.float32), local.shape).to(local.device)
            return self.inferer.refined(local[None], places[None], network)[0].cpu().to(torch.float64).numpy()

        view = UprightFilm((local.shape[-2], local.shape[-1]), affine.numpy(), (self.local_mm, self.local_mm))
        points = refined_points(look, view, stage, self.search, self.far)
        return torch.from_numpy(points).to(local.device, torch.float32)
