"""Predict each film once, whoever asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from monai_ceph.page.film_state import film_state
from monai_ceph.prediction import Prediction
from monai_ceph.predictor.predictor import Predictor

KEPT = 2000
"""Number of predictions in memory; each takes a few kilobytes."""


class Predicted(NamedTuple):
    """A prediction, and what it was made from."""

    prediction: Prediction
    predictor: Predictor
    state: tuple[int, int]


class Predictions:
    """Predict films, one at a time, and keep the results; usable from any number of threads.

    Args:
        predictor: returns the predictor in use. Films are predicted again by another one.
    """

    def __init__(self, predictor: Callable[[], Predictor]) -> None:
        self.predictor = predictor
        self._kept: dict[Path, Predicted] = {}
        self._predicting = Lock()

    def known(self, film: Path) -> Prediction | None:
        """Return the last prediction of a film, by any predictor, without waiting; None if there is none."""
        last = self._last(film)
        return None if last is None else last.prediction

    def get(self, film: Path) -> Predicted:
        """Return the prediction of a film by the predictor in use; only a film that has none waits for others.

        Raises:
            FilmError, WeightsError: the film cannot be used, or the weights cannot be loaded.
        """
        last = self._last(film)
        if last is not None and last.predictor is self.predictor():
            return last
        with self._predicting:
            predictor, state, last = self.predictor(), film_state(film), self._last(film)
            if last is not None and last.predictor is predictor:  # made while this thread waited
                return last
            predicted = Predicted(predictor.predict(predictor.load(film)), predictor, state)
            self._kept.pop(film, None)  # the newest is the last of the dictionary
            self._kept[film] = predicted
            if len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]
        return predicted

    def _last(self, film: Path) -> Predicted | None:
        last = self._kept.get(film)
        return last if last is not None and last.state == film_state(film) else None
