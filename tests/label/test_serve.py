"""The command: checks before heavy imports, start, restart and shutdown."""

from __future__ import annotations

import importlib.util
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from monai_ceph.cli import main
from monai_ceph.film_records import STATE_FOLDER
from monai_ceph.label import APP_FOLDER
from monai_ceph.label.serve import make_app_folder
from tests.bundles.tiny import SPACING_MM
from tests.label.conftest import MODEL, Server, draw_films, train


@pytest.fixture
def films(tmp_path: Path) -> Path:
    return draw_films(tmp_path / "films", 1)


@pytest.fixture(autouse=True)
def _no_server_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monai_ceph.label.serve._run", lambda *_: pytest.fail("the server was started"))


def _error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["label", *arguments]) == 1
    return capsys.readouterr().err


def test_missing_monai_label_names_the_install_command(
    films: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    error = _error(capsys, str(films))
    assert "make label-env" in error
    assert "monai-ceph[label]" in error


def test_missing_folder_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"There is no folder '{tmp_path / 'nowhere'}'" in _error(capsys, str(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()


def test_folder_without_write_permission_is_an_error(films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The test may run as root, who can write anywhere; a file in place of the folder stops root as well.
    (films / STATE_FOLDER).write_text("in the way")
    error = _error(capsys, str(films))
    assert f"Cannot write to '{films}'" in error
    assert "labels are stored beside the films" in error


def test_port_in_use_is_an_error(films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        error = _error(capsys, str(films), "--port", port)
    assert f"Cannot listen on 127.0.0.1:{port}" in error
    assert "choose another --port" in error


def test_port_out_of_range_is_an_error(films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Cannot listen on 127.0.0.1:70000" in _error(capsys, str(films), "--port", "70000")


def test_store_address_without_http_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["label", "--dicomweb", "host:8042/dicom-web"])
    assert "expected an address that begins with http://" in capsys.readouterr().err


def test_two_films_with_the_same_name_are_an_error(films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (films / "phantom_000.bmp").write_bytes((films / "phantom_000.png").read_bytes())
    error = _error(capsys, str(films))
    assert "phantom_000.bmp" in error
    assert "phantom_000.png" in error


def test_folder_together_with_a_store_is_an_error(films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["label", str(films), "--dicomweb", "http://127.0.0.1/dicom-web"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_mistakes_are_reported_before_heavy_imports(tmp_path: Path) -> None:
    code = (
        "import sys; from monai_ceph.cli import main; assert main(['label', sys.argv[1]]) == 1;"
        "sys.exit(' '.join({'torch', 'monai', 'monailabel'} & set(sys.modules)) or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path / "nowhere")], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_app_folder_is_copied_rather_than_written_to(films: Path) -> None:
    copy = make_app_folder(films)
    assert (copy / "main.py").read_text() == (APP_FOLDER / "main.py").read_text()
    assert make_app_folder(films) == copy  # a second start


@pytest.mark.parametrize("damage", ["no weights", "cut weights"])
def test_unloadable_weights_stop_the_start_with_a_message(
    films: Path, label_bundle: Path, damage: str, start_server: Callable[..., Server]
) -> None:
    own = films / STATE_FOLDER / "bundle"
    own.mkdir(parents=True)
    (own / "configs").symlink_to(label_bundle / "configs")
    (own / "models").mkdir()
    (own / "copied_from").write_text(str(label_bundle))
    if damage == "cut weights":
        (own / "models" / "model.pt").write_bytes((label_bundle / "models" / "model.pt").read_bytes()[:3000])
    with pytest.raises(AssertionError, match=r"exit status 1(.|\n)*monai-ceph label: error: .*model\.pt"):
        start_server(films)


def test_start_prints_the_addresses_and_a_restart_keeps_the_folders_weights(
    films: Path, label_bundle: Path, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    first = start_server(films, "--spacing", str(SPACING_MM))
    said = first.log.read_text()
    assert f"1 films, 0 of them labelled, in {films}" in said
    assert f"server {first.url}" in said
    before = first.get(f"/model/info/{MODEL}").json()["checksum"]
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(30) == 128 + signal.SIGTERM

    weights = films / STATE_FOLDER / "bundle" / "models" / "model.pt"
    train(weights)
    second = start_server(films, "--spacing", str(SPACING_MM))
    assert second.get(f"/model/info/{MODEL}").json()["checksum"] != before
    with pytest.raises(AssertionError, match="is a copy of"):
        start_server(films, "--bundle", str(tmp_path))


def test_empty_folder_is_served_and_accepts_films(
    films: Path, tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    server = start_server(empty, "--spacing", str(SPACING_MM))
    assert f"No films in {empty} yet" in server.log.read_text()
    with (films / "phantom_000.png").open("rb") as file:
        sent = server.request("PUT", "/datastore/image?image=new", files={"file": ("new.png", file)})
    assert sent.status_code == 200, sent.text
    assert len(server.post(f"/infer/{MODEL}?image=new&output=json").json()["landmarks"]) == 19


def test_unknown_device_is_an_error(films: Path, start_server: Callable[..., Server]) -> None:
    with pytest.raises(AssertionError, match="Unknown device 'gpu'; expected auto, cpu or cuda:0"):
        start_server(films, "--device", "gpu")
