"""Predictions that are made once for each film, whoever asks for them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from monai_ceph.prediction import Prediction
from monai_ceph.predictor.predictor import Predictor

KEPT = 2000
"""How many predictions are kept; each is a few kilobytes."""


class Predictions:
    """Predict films, one at a time, and keep the results.

    Args:
        predictor: returns the predictor in use.
        version: returns a text that changes with its weights.
    """

    def __init__(self, predictor: Callable[[], Predictor], version: Callable[[], str]) -> None:
        self.predictor, self.version = predictor, version
        self._kept: OrderedDict[tuple[str, Path, int, int], Prediction] = OrderedDict()
        self._predicting = Lock()

    def get(self, film: Path) -> Prediction:
        """Return the prediction of a film. Raises FilmError if it cannot be used, and WeightsError."""
        status = film.stat()
        key = self.version(), film, status.st_mtime_ns, status.st_size
        if key not in self._kept:
            with self._predicting:
                if key not in self._kept:
                    self._kept[key] = self.predictor()(film)
                    while len(self._kept) > KEPT:
                        self._kept.popitem(last=False)
        return self._kept[key]
