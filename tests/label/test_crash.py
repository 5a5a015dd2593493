"""A server that is killed at a random moment: every acknowledged label is stored, and the server starts again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.bundles.tiny import SPACING_MM
from tests.label.conftest import MODEL, Server, draw_films, label_of

FILMS = ("phantom_000", "phantom_001")


@pytest.mark.parametrize("round_", [1, 2])
def test_kill_9_while_labels_are_sent_loses_no_label(
    round_: int, tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    films = draw_films(tmp_path / "films", len(FILMS))
    server = start_server(films, "--spacing", str(SPACING_MM))
    proposals = {film: [label_of(server, film, 0.01 * k) for k in range(10)] for film in FILMS}
    acknowledged: dict[str, list[bytes]] = {film: [] for film in FILMS}
    sent: dict[str, list[bytes]] = {film: [] for film in FILMS}

    def send(film: str) -> None:
        for k in range(10_000):
            label = proposals[film][k % 10] + b" " * k  # JSON may end in spaces, which makes every label unique
            sent[film].append(label)
            try:
                answer = server.put_label(film, label)
            except requests.RequestException:
                return  # killed: not acknowledged
            assert answer.status_code == 200, answer.text
            acknowledged[film].append(label)

    threads = [threading.Thread(target=send, args=(film,)) for film in FILMS]
    for thread in threads:
        thread.start()
    while not all(acknowledged.values()):
        time.sleep(0.01)
    time.sleep(random.uniform(0.2, 1.0))
    server.process.kill()
    for thread in threads:
        thread.join()

    for film in FILMS:
        history = [path.read_bytes() for path in (films / "labels" / "history" / film).glob("*.mrk.json")]
        assert [label for label in acknowledged[film] if label not in history] == []
        final = (films / "labels" / "final" / f"{film}.mrk.json").read_bytes()
        assert final in (acknowledged[film][-1], sent[film][-1])
        assert [label for label in history if label not in sent[film]] == []  # nor is a label incomplete

    again = start_server(films, "--spacing", str(SPACING_MM))
    assert again.get("/info/").json()["datastore"]["completed"] == len(FILMS)
    assert len(again.post(f"/infer/{MODEL}?image=phantom_000&output=json").json()["landmarks"]) == 19
