"""Predict many films: read some ahead in other threads, predict in this one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.data.film_workers import some_workers
from monai_ceph.film_records import film_identity
from monai_ceph.prediction import Prediction
from monai_ceph.predictor.bundle import root_cause
from monai_ceph.predictor.predictor import Predictor
from monai_ceph.predictor.threads import single_thread_workers, submit_ahead, submit_in_chunks, worker_count


@dataclass(frozen=True)
class FilmResult:
    """The result for one film: a prediction or an error.

    Args:
        film: its file.
        identity: its :func:`~monai_ceph.film_records.film_identity` before it was read.
        prediction: None where there is an error.
        pixels: (X, Y), the film as it was read; None if it must be read again.
        error: the error that prevented a prediction.
    """

    film: Path
    identity: dict[str, Any] = field(default_factory=dict)
    prediction: Prediction | None = None
    pixels: np.ndarray | None = None
    error: Exception | None = None

    @property
    def message(self) -> str:
        """The error in a sentence that names the film; empty if there was none."""
        if self.error is None:
            return ""
        cause = root_cause(self.error)
        text = str(cause) or type(cause).__name__
        return text if str(self.film) in text else f"{self.film}: {text}"


def predict_films(predictor: Predictor, films: Iterable[Path]) -> Generator[FilmResult, None, None]:
    """Yield the result of each film, in order; an error of one film never stops the others.

    If the networks run on a GPU, films are read while others are predicted. On a CPU, reading and predicting take
    turns, a few films at a time: when both ran at once, the networks took half as long again, because their threads
    waited for one whose core a reader was using. Films are read in other processes, see
    :class:`~monai_ceph.data.film_workers.FilmWorkers`.

    Args:
        predictor: see :func:`~monai_ceph.predictor.load.load_predictor`.
        films: files; taken one at a time, as there is room.
    """
    workers = worker_count()

    def read(film: Path) -> tuple[dict[str, Any], Any]:
        return film_identity(film), predictor.load(film)

    with some_workers(workers), single_thread_workers(workers) as readers:
        for film, reading in submit(predictor)(readers, read, films, workers):
            try:
                identity, item = reading.result()
                result = FilmResult(film, identity, predictor.predict(item), predictor.film_pixels(item))
            except Exception as error:  # libraries raise errors of any type on a broken film
                result = FilmResult(film, error=error)
            yield result


def submit(predictor: Predictor) -> Callable[..., Any]:
    """Return how to hand work to other threads: ahead of this predictor, or in turns with it."""
    return submit_in_chunks if predictor.shares_cores else submit_ahead
