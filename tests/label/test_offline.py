"""Neither the server nor any process that it starts connects to another machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from monai_ceph.finetuning.held_out import FEWEST
from tests.bundles.tiny import SPACING_MM
from tests.label.conftest import MODEL, Server, draw_films, label_of

WATCH = r"""
import os, sys

LOOPBACK = ("127.0.0.1", "::1", "localhost", "", None)
EVENTS = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0}


def note(file, text):
    with open(os.path.join(os.environ["WATCHED"], file), "a") as notes:
        notes.write(text + "\n")


def watch(event, arguments):
    if event in EVENTS:
        address = arguments[EVENTS[event]]
        host = address[0] if isinstance(address, tuple) else address
        if host not in LOOPBACK:
            note("calls", f"{event} {address!r} {sys.orig_argv}")
            raise OSError(f"this test allows no call to {address!r}")


sys.addaudithook(watch)
note("processes", " ".join(sys.orig_argv))
"""


def test_nothing_connects_to_another_machine(tmp_path: Path, start_server: Callable[..., Server]) -> None:
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH)
    films = draw_films(tmp_path / "films", FEWEST + 2)
    *labelled, unlabelled, spare = (f"phantom_{k:03}" for k in range(FEWEST + 2))
    env = {"PYTHONPATH": f"{tmp_path / 'watch'}:.", "WATCHED": str(tmp_path)}
    server = start_server(films, "--spacing", str(SPACING_MM), env=env)

    assert server.get("/").status_code == 200
    for film in labelled:
        assert server.put_label(film, label_of(server, film)).status_code == 200
    assert server.post(f"/batch/infer/{MODEL}?images=unlabeled").status_code == 200
    assert server.wait_for("batch/infer")["status"] == "DONE"
    info = server.get("/info/").json()
    for strategy in info["strategies"]:
        assert server.post(f"/activelearning/{strategy}").json()["id"] in (unlabelled, spare)
    for method in info["scoring"]:
        server.wait_for("scoring")
        assert server.post(f"/scoring/{method}").status_code == 200
        assert server.wait_for("scoring")["status"] == "DONE"
    for model in info["trainers"]:
        assert server.post(f"/train/{model}", json={"epochs": 1}).status_code == 200
        assert server.wait_for("train")["status"] == "DONE"
    assert server.get("/datastore/dataset").status_code == 200

    watched = (tmp_path / "processes").read_text()
    assert "monai_ceph label" in watched
    for task in ("batch_infer", *(["scoring"] if info["scoring"] else []), *(["train"] if info["trainers"] else [])):
        assert f"-m {task}" in watched  # otherwise the process is not watched
    assert not (tmp_path / "calls").exists(), (tmp_path / "calls").read_text()
