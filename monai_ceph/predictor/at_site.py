"""Predict as a clinic marks: a predictor whose points a site file moves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.prediction import Prediction
from monai_ceph.predictor.predictor import Predictor
from monai_ceph.site.calibration import SiteCalibration


@dataclass(eq=False)
class SitePredictor(Predictor):
    """Move the points of another predictor.

    Args:
        predictor: finds the landmarks.
        site: moves them, see :meth:`monai_ceph.site.calibration.SiteCalibration.apply`.
    Raises:
        SiteError: the calibration belongs to other landmarks or weights.
    """

    predictor: Predictor
    site: SiteCalibration

    def __post_init__(self) -> None:
        self.site.check(self.predictor.scheme, self.predictor.weights_sha256)

    @property
    def scheme(self) -> LandmarkScheme:  # type: ignore[override]  # read-only here
        return self.predictor.scheme

    @property
    def low_confidence(self) -> float:  # type: ignore[override]
        return self.predictor.low_confidence

    @property
    def weights_sha256(self) -> str:
        return self.predictor.weights_sha256

    @property
    def shares_cores(self) -> bool:
        return self.predictor.shares_cores

    def load(self, film: Path) -> dict[str, Any]:
        return self.predictor.load(film)

    def predict(self, item: dict[str, Any]) -> Prediction:
        return self.site.apply(self.predictor.predict(item))
