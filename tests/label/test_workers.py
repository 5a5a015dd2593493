"""No request waits for another: a label is saved while an inference is held."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_ceph.landmarks import ISBI19
from monai_ceph.predictor.torch_predictor import TorchPredictor
from tests.bundles.tiny import SPACING_MM
from tests.data.label_files import label_bytes
from tests.label.conftest import MODEL, Hosted, draw_films, hosted

POINTS = np.stack([np.linspace(10, 300, 19), np.linspace(20, 390, 19)], 1)
WAIT_S = 120
"""Far longer than anything takes: reached only if a request waits for one that is held."""


@pytest.fixture
def server(label_bundle: Path, tmp_path: Path) -> Iterator[Hosted]:
    with hosted(draw_films(tmp_path / "films", 4), label_bundle, spacing=str(SPACING_MM)) as started:
        yield started


class Held:
    """Hold every prediction until :attr:`release` is set; :attr:`films` are those that were asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.release, self.begun = threading.Event(), threading.Semaphore(0)
        self.films: list[str] = []
        predict = TorchPredictor.predict

        def held(predictor: TorchPredictor, item: Any, *more: Any) -> Any:
            self.films.append(Path(item["image"].meta["filename_or_obj"]).stem)
            self.begun.release()
            assert self.release.wait(WAIT_S)
            return predict(predictor, item, *more)

        monkeypatch.setattr(TorchPredictor, "predict", held)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    holder = Held(monkeypatch)
    yield holder
    holder.release.set()


def test_label_is_saved_while_inferences_are_held(server: Hosted, held: Held) -> None:
    infer = f"/infer/{MODEL}?output=json&image=phantom_000"
    with ThreadPoolExecutor(20) as threads:
        waiting = [threads.submit(server.post, infer) for _ in range(12)]
        assert held.begun.acquire(timeout=WAIT_S)
        content = label_bytes(server.folder / "phantom_001.png", POINTS, ISBI19)
        try:
            saved = threads.submit(server.put_label, "phantom_001", content).result(WAIT_S)
            assert threads.submit(server.get, "/info/").result(WAIT_S).status_code == 200
            assert not any(request.done() for request in waiting)
        finally:
            held.release.set()
    assert saved.status_code == 200, saved.text
    assert {request.result().status_code for request in waiting} == {200}
    assert held.films.count("phantom_000") == 1  # predicted once for all


def test_next_films_are_predicted_ahead(server: Hosted, held: Held) -> None:
    assert server.post("/activelearning/first").json()["id"] == "phantom_000"
    held.release.set()
    for _ in range(3):
        assert held.begun.acquire(timeout=WAIT_S)
    answer = server.post(f"/infer/{MODEL}?output=json&image=phantom_001")
    assert answer.status_code == 200 and held.films == ["phantom_000", "phantom_001", "phantom_002"]


def test_skipped_films_are_no_longer_predicted_ahead(server: Hosted, held: Held) -> None:
    folder = server.folder
    server.app.proposals.ahead([folder / "phantom_000.png", folder / "phantom_001.png"])
    assert held.begun.acquire(timeout=WAIT_S)
    server.app.proposals.ahead([folder / "none.png", folder / "phantom_003.png"])  # one that cannot be read
    held.release.set()
    assert held.begun.acquire(timeout=WAIT_S)
    assert held.films == ["phantom_000", "phantom_003"]


def test_film_that_was_replaced_is_predicted_again(server: Hosted) -> None:
    film = server.folder / "phantom_000.png"
    first = server.app.proposals.get(film)
    assert server.app.proposals.get(film) is first and server.app.proposals.known(film) is first.prediction
    film.write_bytes((server.folder / "phantom_001.png").read_bytes())
    assert server.app.proposals.known(film) is None
    second = server.app.proposals.get(film)
    assert not np.array_equal(second.prediction.confidence, first.prediction.confidence)


def test_answers_are_those_of_the_stock_endpoints(server: Hosted) -> None:
    """Parameters in the address, forms and JSON arrive in the worker; so do the types of answers."""
    assert server.post(f"/infer/{MODEL}?image=phantom_000").headers["content-type"].startswith("multipart/form-data")
    assert server.get("/datastore/image?image=phantom_000").headers["content-type"] == "image/png"
    form = {"info": json.dumps({"level": "hard"})}
    assert server.request("PUT", "/datastore/image/info?image=phantom_000", data=form).status_code == 200
    assert server.get("/datastore/image/info?image=phantom_000").json()["level"] == "hard"
    assert server.post("/activelearning/first", json={"client_id": "anna"}).json()["id"] == "phantom_000"
    assert server.get("/datastore/?output=nonsense").status_code == 422
