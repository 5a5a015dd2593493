"""Start with MONAI Label's own command and either web application."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from monai_ceph.label import APP_FOLDER
from tests.bundles.tiny import SPACING_MM
from tests.label.conftest import MODEL, Server, draw_films, label_of


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.mark.parametrize("web_application", ["monai_ceph.label.server:app", "monailabel.app:app"])
def test_monailabel_start_server(
    web_application: str, label_bundle: Path, tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    app = shutil.copytree(APP_FOLDER, tmp_path / "app")
    films = draw_films(tmp_path / "films", 2)
    command = [sys.executable, "-m", "monailabel.main", "start_server"]
    command += ["--app", str(app), "--studies", str(films), "--host", "127.0.0.1", "--port", str(free_port())]
    command += ["--conf", "spacing", str(SPACING_MM), "--conf", "bundle", str(label_bundle)]
    server = start_server(films, command=(*command, "--uvicorn_app", web_application))

    assert server.put_label("phantom_000", label_of(server, "phantom_000")).status_code == 200
    assert server.put_label("phantom_000", b"no label").status_code == 400
    assert server.post(f"/infer/{MODEL}?image=/etc/hostname").status_code == 404
    answer = server.post(f"/infer/{MODEL}?image=phantom_000", data={"params": json.dumps({"image": "/etc/hostname"})})
    assert answer.status_code == 404
    assert server.post(f"/batch/infer/{MODEL}?images=unlabeled").status_code == 200
    assert server.wait_for("batch/infer")["status"] == "DONE"
    assert (films / "labels" / "original" / "phantom_001.mrk.json").is_file()
