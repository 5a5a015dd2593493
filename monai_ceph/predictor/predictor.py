"""From a film's file to its landmarks: what every backend's predictor can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.prediction import Prediction


class Predictor(ABC):
    """Find the landmarks on films; one film at a time.

    Attributes:
        scheme: the landmarks.
        low_confidence: a film whose landmarks' median confidence is below this is unlike those the bundle was made for,
            or of another pixel size than was said; 0 is no such limit.
    """

    scheme: LandmarkScheme
    low_confidence: float

    @property
    @abstractmethod
    def shares_cores(self) -> bool:
        """Whether the networks run on the processor, which also reads films and writes results."""

    @abstractmethod
    def load(self, film: Path) -> dict[str, Any]:
        """Read and prepare one film. Raises FilmError (a ValueError) naming it."""

    @abstractmethod
    def predict(self, item: dict[str, Any]) -> Prediction:
        """Find the landmarks of a film from :meth:`load`."""
