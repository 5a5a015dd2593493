"""Judge whether each landmark of a film was found, and what is unusual about the film."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from functools import partial
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import TransformBackends

from monai_ceph.face_shape import FaceShape
from monai_ceph.geometry import px_to_mm
from monai_ceph.landmark_status import TURNED_BY_ITS_TAG, StatusRule, judge
from monai_ceph.ruler import find_ruler
from monai_ceph.transforms.sample import film_spacing_mm, inferred_points


class LandmarkStatusd(MapTransform):
    """Judge an inferer's points; use it after :class:`~monai_ceph.transforms.PointsToFilmd`.

    Adds ``status`` (N strings), ``remarks`` and ``doubts`` (strings) and ``pose`` (a dict), see
    :func:`~monai_ceph.landmark_status.judge`. A landmark that is outside the film or missing becomes NaN in
    ``<key>_px`` and ``<key>_mm``.

    If the size of a pixel is unknown and there is a ruler in the film (:func:`~monai_ceph.ruler.find_ruler`), the size
    is taken from it: ``spacing_mm`` and ``spacing_source`` (``"ruler"``) in the film's metadata change.

    Args:
        keys: keys of the predictions, (N, 3 + len(EVIDENCE)), as :class:`~monai_ceph.inferers.AnyFilmInferer` returns
            them for a film.
        shape: the shape of faces.
        rule: when a landmark is doubtful. Without a shape or a rule nothing is judged.
        image_key: key of the film that was inferred on, as stored.
        allow_missing_keys: skip keys that a sample lacks instead of raising ``KeyError``.
    Example:
        >>> import numpy as np
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.face_shape import FaceShape
        >>> from monai_ceph.landmark_status import StatusRule
        >>> from monai_ceph.landmarks import ISBI19
        >>> from monai_ceph.phantoms.mean_shape import MEAN_MM
        >>> from monai_ceph.transforms import LandmarkStatusd, PointsToFilmd
        >>> faces_mm = MEAN_MM + np.random.default_rng(0).normal(0, 2.0, (60, 19, 2))
        >>> rule = StatusRule(-4.0, (-0.5, 0.0, 0.8, 0.2, 0.0), limit=0.3, believable=0.2, measured={})
        >>> to_status = LandmarkStatusd("pred", FaceShape.estimate(ISBI19.symbols, faces_mm), rule)
        >>> points = MEAN_MM / 0.2 + np.array([500, 600])  # a film of 0.2 mm pixels
        >>> pred = np.column_stack([points, np.full(19, 0.6), np.tile([0.5, 1.0, 0.5, 0.0, 40, 0, 40], (19, 1))])
        >>> film = MetaTensor(torch.zeros(1, 1000, 1200), meta={"spacing_mm": 0.2})
        >>> sample = {"image": film, "pred": torch.from_numpy(pred)}
        >>> set(to_status(PointsToFilmd("pred")(sample))["status"])
        {'found'}
    """

    backend = [TransformBackends.NUMPY]

    def __init__(
        self,
        keys: KeysCollection,
        shape: FaceShape | None,
        rule: StatusRule | None,
        image_key: str = "image",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.shape, self.rule, self.image_key = shape, rule, image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return a copy of the sample with the status added."""
        out = dict(data)
        if self.shape is None or self.rule is None:
            return out
        image: MetaTensor = out[self.image_key]
        known_mm = film_spacing_mm(image)
        suggested_mm = float(torch.as_tensor(image.meta.get("suggested_spacing_mm", math.nan)).flatten()[0])
        for key in self.key_iterator(out):
            judged = judge(
                *inferred_points(out, key),
                (image.shape[-2], image.shape[-1]),
                known_mm,
                self.shape,
                self.rule,
                suggested_mm if math.isfinite(suggested_mm) else None,
                partial(find_ruler, image[0].detach().cpu().numpy()),
            )
            spacing_mm = known_mm or (math.nan, math.nan)
            if judged.ruler is not None:
                spacing_mm = (judged.ruler.spacing_mm, judged.ruler.spacing_mm)
                ruler = {"spacing_mm": torch.tensor(spacing_mm, dtype=torch.float64), "spacing_source": "ruler"}
                out[self.image_key] = MetaTensor(image.as_tensor(), meta={**image.meta, **ruler})
            remarks = judged.remarks
            if int(torch.as_tensor(image.meta.get("film_orientation", 1)).flatten()[0]) != 1:
                remarks = (*remarks, TURNED_BY_ITS_TAG)
            points_px = torch.from_numpy(judged.points_px).to(torch.float32)
            out |= {f"{key}_px": points_px, f"{key}_mm": px_to_mm(points_px, spacing_mm)}
            out |= {"status": judged.status, "remarks": remarks, "doubts": judged.doubts, "pose": judged.pose}
        return out
