"""The model's proposals: predicted one at a time, remembered, and made ahead for the films that come next."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from monai_ceph.data.film_workers import viewer_frame_apart
from monai_ceph.formats.viewer_frame import ViewerFrame
from monai_ceph.label.model import CurrentModel
from monai_ceph.prediction import Prediction
from monai_ceph.predictor.predictor import Predictor

logger = logging.getLogger(__name__)

KEPT = 2000
"""How many proposals are remembered; each is a few kilobytes."""


class Proposal(NamedTuple):
    """A prediction, the frame in which a viewer opens its film, and what both were made from."""

    prediction: Prediction
    frame: ViewerFrame
    predictor: Predictor
    state: tuple[int, int]


class Proposals:
    """Predict films with the weights in use; usable from any number of threads.

    Args:
        model: the bundle in use.
    """

    def __init__(self, model: CurrentModel) -> None:
        self.model = model
        self._kept: OrderedDict[Path, Proposal] = OrderedDict()
        self._keeping, self._predicting = threading.Lock(), threading.Lock()
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._wanted: tuple[Path, ...] = ()

    def known(self, film: Path) -> Prediction | None:
        """Return what was last proposed for a film, by any weights, without waiting for anything; None if nothing."""
        with self._keeping:
            proposal = self._kept.get(film)
        return proposal.prediction if proposal is not None and proposal.state == film_state(film) else None

    def get(self, film: Path) -> Proposal:
        """Return the proposal of the weights in use.

        Raises:
            FilmError, WeightsError: the film cannot be used, or the weights cannot be loaded.
        """
        with self._predicting:
            predictor, state = self.model.predictor(), film_state(film)
            with self._keeping:
                proposal = self._kept.get(film)
            if proposal is None or proposal.predictor is not predictor or proposal.state != state:
                prediction = predictor.predict(predictor.load(film))
                proposal = Proposal(prediction, viewer_frame_apart(film), predictor, state)
                with self._keeping:
                    self._kept[film] = proposal
                    self._kept.move_to_end(film)
                    while len(self._kept) > KEPT:
                        self._kept.popitem(last=False)
        return proposal

    def ahead(self, films: Iterable[Path]) -> None:
        """Predict films in the background, in their order, instead of those that were asked for before."""
        self._wanted = tuple(films)
        for film in self._wanted:
            self._ahead.submit(self._make, film)

    def close(self) -> None:
        """Stop predicting ahead."""
        self._wanted = ()
        self._ahead.shutdown(wait=False, cancel_futures=True)

    def _make(self, film: Path) -> None:
        if film in self._wanted:
            try:
                self.get(film)
            except Exception as error:  # whoever asks for this film is told
                logger.info("Not predicted ahead: %s", error)


def film_state(film: Path) -> tuple[int, int]:
    """Return what changes when a film's file is replaced; zeros for one that is gone, which its reader reports."""
    try:
        status = film.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
