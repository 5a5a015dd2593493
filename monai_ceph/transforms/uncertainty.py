"""Add the uncertainty of each landmark to a sample."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import TransformBackends

from monai_ceph.analysis.uncertainty import UncertaintyTable, estimate_uncertainty
from monai_ceph.face_shape import FaceShape
from monai_ceph.transforms.sample import film_spacing_mm, inferred_points


class LandmarkUncertaintyd(MapTransform):
    """Estimate the uncertainty of an inferer's points; use it after :class:`~monai_ceph.transforms.LandmarkStatusd`.

    Adds ``expected_error_mm`` (N,), ``radius90_mm`` (N,) and ``covariance_mm2`` (N, 2, 2), see
    :class:`~monai_ceph.analysis.uncertainty.Uncertainty`. Nothing is added to a film of unknown pixel size, or on which
    no face was seen.

    Args:
        keys: keys of the predictions, (N, 3 + len(EVIDENCE)), as :class:`~monai_ceph.inferers.AnyFilmInferer` returns
            them for a film.
        shape: the shape of faces.
        table: of the weights in use. Without a shape or a table nothing is added.
        image_key: key of the film that was inferred on, as stored.
        allow_missing_keys: skip keys that a sample lacks instead of raising ``KeyError``.
    Example:
        >>> import numpy as np
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.analysis.uncertainty import UncertaintyTable
        >>> from monai_ceph.face_shape import FaceShape
        >>> from monai_ceph.landmarks import ISBI19
        >>> from monai_ceph.phantoms.mean_shape import MEAN_MM
        >>> from monai_ceph.transforms import LandmarkUncertaintyd, PointsToFilmd
        >>> faces_mm = MEAN_MM + np.random.default_rng(0).normal(0, 2.0, (60, 19, 2))
        >>> shape = FaceShape.estimate(ISBI19.symbols, faces_mm)
        >>> table = UncertaintyTable(
        ...     "0" * 64, ISBI19.symbols, np.zeros(19), np.zeros(5), np.tile([-9.0, 9.0], (5, 1)),
        ...     np.tile([0.9, 1.5, 2.0, 2.5], (19, 1)), np.tile(np.eye(2) / 2, (19, 1, 1)), 0.25, np.full(19, 2.0),
        ...     usual=0.0, widening=1.0, usual_off_shape=9.0)
        >>> pred = np.column_stack(
        ...     [MEAN_MM / 0.2 + 500, np.full(19, 0.6), np.tile([0.5, 1.0, 0.5, 0.0, 40, 0, 40], (19, 1))])
        >>> film = MetaTensor(torch.zeros(1, 1000, 1200), meta={"spacing_mm": 0.2})
        >>> sample = PointsToFilmd("pred")({"image": film, "pred": torch.from_numpy(pred)})
        >>> LandmarkUncertaintyd("pred", shape, table)(sample)["radius90_mm"][:2].tolist()
        [2.0, 2.0]
    """

    backend = [TransformBackends.NUMPY]

    def __init__(
        self,
        keys: KeysCollection,
        shape: FaceShape | None,
        table: UncertaintyTable | None,
        image_key: str = "image",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.shape, self.table, self.image_key = shape, table, image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return a copy of the sample with the uncertainty added."""
        out = dict(data)
        if self.shape is None or self.table is None or "not a face" in out.get("doubts", ()):
            return out
        spacing_mm = film_spacing_mm(out[self.image_key])
        for key in self.key_iterator(out):
            uncertainty = estimate_uncertainty(*inferred_points(out, key), spacing_mm, self.shape, self.table)
            if uncertainty is not None:
                out.update(uncertainty._asdict())
        return out
