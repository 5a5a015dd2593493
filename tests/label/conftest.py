"""Real servers over drawn films, tested over HTTP. They need MONAI Label, which has its own environment."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_ceph.phantoms import write_phantoms
from tests.bundles.tiny import SPACING_MM
from tests.tiny_bundle import make_bundle

MODEL = "cephalometric_landmarks"
START_SECONDS = 600
"""MONAI Label takes seconds to import on an idle machine and much longer on a busy CI machine."""


class NotHere(pytest.Module):
    """A test module that is skipped because it cannot be imported."""

    def collect(self) -> None:
        pytest.skip("MONAI Label is not installed here; run: make test-label", allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    if importlib.util.find_spec("monailabel") is None:
        return NotHere.from_parent(parent, path=module_path)
    return None


@dataclass
class Server:
    """A running server."""

    url: str
    process: subprocess.Popen[str]
    folder: Path
    log: Path
    temporary: Path

    def request(self, method: str, path: str, **options: Any) -> Any:
        import requests

        return requests.request(method, f"{self.url}{path}", timeout=600, **options)

    def get(self, path: str, **options: Any) -> Any:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Any:
        return self.request("POST", path, **options)

    def put_label(self, film: str, content: bytes | str, tag: str = "final", params: str = "{}", **options: Any) -> Any:
        """Send a label as 3D Slicer's module does."""
        return self.request(
            "PUT",
            "/datastore/label",
            params={"image": film, "tag": tag},
            files={"label": ("label.mrk.json", content)},
            data={"params": params},
            **options,
        )

    def wait_for(self, task: str, seconds: float = 900) -> dict[str, Any]:
        """Wait for a background task ("train", "batch/infer", "scoring") to end and return its state."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            state: dict[str, Any] = self.get(f"/{task}/" if task != "batch/infer" else f"/{task}").json()
            if state["status"] not in ("SUBMITTED", "RUNNING"):
                return state
            time.sleep(0.3)
        raise AssertionError(f"{task} still runs after {seconds} s: {state}\n{self.log.read_text()[-3000:]}")


@contextmanager
def running(
    folder: Path, *options: str, env: Mapping[str, str] | None = None, command: tuple[str, ...] = ()
) -> Iterator[Server]:
    """Start a server and stop it afterwards; raise AssertionError with its log if it does not start.

    Args:
        folder: the films.
        options: options of ``monai-ceph label``.
        env: additional environment variables.
        command: run this instead of ``monai-ceph label FOLDER --port 0``; it must print the server's address.
    """
    log, temporary = folder.parent / f"{folder.name}.log", folder.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    with log.open("w") as output:
        process = subprocess.Popen(
            command or (sys.executable, "-m", "monai_ceph", "label", str(folder), "--port", "0", *options),
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "TMPDIR": str(temporary), **(env or {})},
        )
    try:
        yield Server(_wait_for_address(process, log), process, folder, log, temporary)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an application in a thread of this process; its address."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@dataclass
class Hosted(Server):
    """A server in this process: tests can hold its parts and look into them, and it starts at once."""

    app: Any


@contextmanager
def hosted(folder: Path, bundle: Path, **conf: str) -> Iterator[Hosted]:
    """Serve films in this process, without trainings and scoring in the background.

    Args:
        folder: the films.
        bundle: the bundle to copy.
        conf: other ``--conf`` values.
    """
    from monailabel.config import settings
    from monailabel.interfaces.utils import app as instances

    from monai_ceph.data.film_workers import use_workers
    from monai_ceph.label.app import CephalometricApp
    from monai_ceph.label.serve import make_app_folder
    from monai_ceph.label.server import app

    app_folder, before = make_app_folder(folder), use_workers(None)
    set_before = {name: getattr(settings, name) for name in ("MONAI_LABEL_APP_DIR", "MONAI_LABEL_STUDIES")}
    settings.MONAI_LABEL_APP_DIR, settings.MONAI_LABEL_STUDIES = str(app_folder), str(folder)
    instance = CephalometricApp(str(app_folder), str(folder), {"bundle": str(bundle), "device": "cpu", **conf})
    instance._auto_update_scoring = False
    instance.server_mode(True)
    instances.apps[f"{app_folder}{folder}"] = instance
    try:
        with served(app) as url:
            yield Hosted(url, None, folder, app_folder / "logs" / "app.log", folder, instance)  # type: ignore[arg-type]
    finally:
        instance.proposals.close()
        instances.apps.pop(f"{app_folder}{folder}")
        for name, value in set_before.items():
            setattr(settings, name, value)
        workers = use_workers(before)
        assert workers is not None
        workers.close()


@pytest.fixture(scope="session")
def face_bundle(label_bundle: Path, shipped_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle with what knows how faces look."""
    bundle = tmp_path_factory.mktemp("faces") / "tiny bundle"
    shutil.copytree(label_bundle, bundle)
    for name in ("face_shape.json", "landmark_status.json"):
        shutil.copy(shipped_bundle / "configs" / name, bundle / "configs")
    return bundle


def _wait_for_address(process: subprocess.Popen[str], log: Path) -> str:
    import requests

    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        address = re.search(r"(?:Listening|running) on (https?://[\w.\[\]:]+\d)", log.read_text())
        if address is not None:
            try:
                if requests.get(f"{address[1]}/info/", timeout=5).status_code in (200, 401):
                    return address[1]
            except requests.RequestException:
                pass
        time.sleep(0.2)
    raise AssertionError(f"No server (exit status {process.poll()}):\n{log.read_text()[-5000:]}")


@pytest.fixture
def start_server(label_bundle: Path) -> Iterator[Callable[..., Server]]:
    """``start_server(folder, *options)``: start a server with a tiny bundle unless ``--bundle`` is given."""
    with ExitStack() as stack:

        def start(folder: Path, *options: str, **more: Any) -> Server:
            bundle = () if "--bundle" in options or more.get("command") else ("--bundle", str(label_bundle))
            return stack.enter_context(running(folder, *bundle, *options, **more))

        yield start


@pytest.fixture(scope="session")
def label_bundle(shipped_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with a tiny network and random weights."""
    return make_bundle(shipped_bundle, tmp_path_factory.mktemp("bundle") / "tiny bundle")


@pytest.fixture(scope="session")
def shipped_bundle(repository: Path) -> Path:
    return repository / "bundles" / MODEL


def draw_films(folder: Path, count: int = 3, seed: int = 1) -> Path:
    """Draw films for the tiny bundle: phantom_000.png and so on, 323 x 400 px."""
    write_phantoms(folder, count, seed=seed, size=(323, 400), spacing_mm=SPACING_MM)
    return folder


def train(weights: Path) -> None:
    """Replace weights by others, as training does."""
    state = torch.load(weights, weights_only=True)
    changed = {name: value + 0.05 if value.is_floating_point() else value for name, value in state.items()}
    new = weights.with_name(".new.pt")
    torch.save(changed, new)
    new.replace(weights)


def label_of(server: Server, film: str, shift: float = 0.0, **options: Any) -> bytes:
    """Return the model's proposal as a label, with every point shifted along x by mm in the viewer's frame."""
    content = server.post(f"/infer/{MODEL}", params={"image": film, "output": "image"}, **options).json()
    for point in content["markups"][0]["controlPoints"]:
        point["position"][0] += shift
    return json.dumps(content).encode()


@pytest.fixture(scope="module")
def server(label_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over three films, shared by the tests of a module that do not change it."""
    folder = draw_films(tmp_path_factory.mktemp("label") / "three films")
    with running(folder, "--bundle", str(label_bundle), "--spacing", str(SPACING_MM)) as started:
        yield started
