"""Films are predicted once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from monai_ceph.page.predictions import Predictions

WAIT_S = 120


class Names:
    """A predictor whose prediction is the film's name; it waits while :attr:`free` is not set."""

    def __init__(self) -> None:
        self.free, self.begun, self.predicted = threading.Event(), threading.Semaphore(0), 0
        self.free.set()

    def load(self, film: Path) -> Path:
        return film

    def predict(self, film: Path) -> str:
        self.predicted += 1
        self.begun.release()
        assert self.free.wait(WAIT_S)
        return film.read_text()


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        path.write_text(path.stem)
    return paths


def test_known_film_does_not_wait_for_the_prediction_of_another(films: list[Path]) -> None:
    names: Any = Names()
    predictions = Predictions(lambda: names)
    assert predictions.get(films[0]).prediction == "a" and names.begun.acquire(timeout=WAIT_S)
    names.free.clear()
    with ThreadPoolExecutor(2) as threads:
        try:
            other = threads.submit(predictions.get, films[1])
            assert names.begun.acquire(timeout=WAIT_S)
            assert threads.submit(predictions.get, films[0]).result(WAIT_S).prediction == "a"
            assert not other.done()
        finally:
            names.free.set()
        assert other.result().prediction == "b"


def test_another_predictor_or_another_file_is_predicted_again(films: list[Path]) -> None:
    in_use: list[Any] = [Names()]
    predictions = Predictions(lambda: in_use[0])
    first = predictions.get(films[0])
    assert predictions.get(films[0]) is first and in_use[0].predicted == 1
    films[0].write_text("another")
    assert predictions.known(films[0]) is None and predictions.get(films[0]).prediction == "another"
    in_use[0] = Names()
    assert predictions.known(films[0]) == "another"  # by the predictor before
    assert predictions.get(films[0]).predictor is in_use[0]
