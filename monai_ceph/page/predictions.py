"""Predictions that are made once for each film, whoever asks for them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from monai_ceph.prediction import Prediction
from monai_ceph.predictor.predictor import Predictor

KEPT = 2000
"""How many predictions are kept; each is a few kilobytes."""


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
        self._kept: OrderedDict[Path, Predicted] = OrderedDict()
        self._keeping, self._predicting = Lock(), Lock()

    def known(self, film: Path) -> Prediction | None:
        """Return the last prediction of a film, by any predictor, without waiting; None if there is none."""
        found = self._last(film)
        return None if found is None else found.prediction

    def get(self, film: Path) -> Predicted:
        """Return the prediction of a film by the predictor in use; only a film that has none waits for others.

        Raises:
            FilmError, WeightsError: the film cannot be used, or the weights cannot be loaded.
        """
        found = self._current(film)
        if found is None:
            with self._predicting:
                found = self._current(film) or self._predict(film)
        return found

    def _last(self, film: Path) -> Predicted | None:
        with self._keeping:
            found = self._kept.get(film)
        return found if found is not None and found.state == film_state(film) else None

    def _current(self, film: Path) -> Predicted | None:
        found = self._last(film)
        return found if found is not None and found.predictor is self.predictor() else None

    def _predict(self, film: Path) -> Predicted:
        predictor, state = self.predictor(), film_state(film)
        made = Predicted(predictor.predict(predictor.load(film)), predictor, state)
        with self._keeping:
            self._kept[film] = made
            self._kept.move_to_end(film)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made


def film_state(film: Path) -> tuple[int, int]:
    """Return what changes when a film's file is replaced; zeros for one that is gone, which its reader reports."""
    try:
        status = film.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
