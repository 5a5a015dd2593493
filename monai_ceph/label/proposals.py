"""The model's proposals: predicted one at a time, remembered, and made ahead for the films that come next."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from monai_ceph.label.model import CurrentModel
from monai_ceph.page.predictions import Predictions

logger = logging.getLogger(__name__)


class Proposals(Predictions):
    """Predict films with the weights in use; usable from any number of threads.

    Args:
        model: the bundle in use.
    """

    def __init__(self, model: CurrentModel) -> None:
        super().__init__(model.predictor)
        self.model = model
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._wanted: tuple[Path, ...] = ()

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
            except Exception as error:  # raised again when a client asks for this film
                logger.info("Not predicted ahead: %s", error)
