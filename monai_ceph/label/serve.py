"""What ``monai-ceph label`` does: look first, then start the server. Nothing heavy is imported before the look."""

from __future__ import annotations

import importlib.util
import io
import ipaddress
import logging.config
import os
import shutil
import signal
import socket
import sys
from argparse import Namespace
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from monai_ceph.data.label_folder import LabelFolder
from monai_ceph.film_records import STATE_FOLDER
from monai_ceph.label import APP_FOLDER
from monai_ceph.label.options import Options, is_url


def serve(studies: str, options: Options, *, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serves films until it is stopped.

    Args:
        studies: a folder of films, or the URL of a DICOMweb store.
        options: how to read and label them.
        host: the address to listen on; the default is reached from this machine alone.
        port: 0 takes a free one.
    Raises:
        ImportError: MONAI Label is not installed; the message says how it is.
        ValueError, OSError: the folder, the port, the bundle or the weights cannot be used; the message says why.
    """
    if importlib.util.find_spec("monailabel") is None:
        raise ImportError(
            "monai-ceph label needs MONAI Label, which wants numpy 1.26 and an environment of its own: run "
            "`make label-env` and use .venv-label/bin/monai-ceph, or pip install 'monai-ceph[label]' into a new one."
        )
    if not is_url(studies):
        studies = str(Path(studies).resolve())
    folder = options.films_folder(studies)
    app_dir = make_app_folder(folder, made_if_missing=is_url(studies))
    refuse_clashes(folder)
    with listen(host, port) as listening:
        port = listening.getsockname()[1]
        _run(studies, options, host, app_dir, listening, port)


def make_app_folder(folder: Path, made_if_missing: bool = False) -> Path:
    """A copy of the app's folder beside the films' state: MONAI Label writes logs into it.

    Raises:
        FileNotFoundError: there is no such folder.
        OSError: it cannot be written.
    """
    if not folder.is_dir() and not made_if_missing:
        raise FileNotFoundError(f"There is no folder '{folder}'; name the folder that holds the films.")
    app_dir = folder / STATE_FOLDER / "app"
    try:
        app_dir.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(APP_FOLDER / "main.py", app_dir / "main.py")
    except OSError as error:
        raise OSError(
            f"Cannot write to '{folder}' ({error.strerror}): labels are kept beside the films; use a folder, or a copy "
            "of it, that can be written."
        ) from error
    return app_dir


def refuse_clashes(folder: Path) -> None:
    """Raises ValueError where two films have one id: a label could be of either."""
    clashes = LabelFolder(folder).clashes()
    if clashes:
        one, other = clashes[0]
        raise ValueError(
            f"'{one}' and '{other}' are one film by their name without suffix, which labels go by ({len(clashes)} such "
            "in all); rename or remove one."
        )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; raises OSError where the port is taken, or there is no such port or address here."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", error)
        raise OSError(
            f"Cannot listen on {host}:{port} ({reason}); is a server running there? Choose another --port, or --host "
            "127.0.0.1."
        ) from error


def _run(studies: str, options: Options, host: str, app_dir: Path, listening: socket.socket, port: int) -> None:
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    os.environ.setdefault("MONAI_ZOO_SOURCE", "local")  # else a bundle by name is looked for on the internet
    from monailabel.config import settings
    from monailabel.main import Main

    conf = [[key, value] for key, value in vars(options).items() if value]
    # As the stock command: for this process, and as variables for those that train and score.
    Main().start_server_init_settings(Namespace(app=str(app_dir), studies=studies, conf=conf, port=port, dryrun=False))
    logging.config.dictConfig(log_config(app_dir / "logs" / "app.log"))
    logging.getLogger("timeloop").disabled = True  # it has a handler of its own, for nobody's use
    import uvicorn
    from fastapi import HTTPException
    from monailabel.interfaces.utils.app import app_instance

    try:
        instance = app_instance()
        words = greeting(instance, url, host, settings.MONAI_LABEL_AUTH_ENABLE)
    except HTTPException as error:  # as it would be told to a client: a DICOMweb store that does not answer
        raise OSError(error.detail) from error
    print(words, flush=True)
    with redirect_stdout(io.StringIO()):  # it prints whom it would allow before server.py decides
        from monai_ceph.label.server import app

    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    # uvicorn ends what it is at, then raises the signal again: the default would leave the processes below running.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        server.run(sockets=[listening])
    finally:
        stop_background()
    if not server.started:
        raise OSError(f"The server did not start; see {app_dir / 'logs' / 'app.log'}.")


def stop_background() -> None:
    """Ends the processes that train and score, which would outlive the server; a training not yet over is lost."""
    from monailabel.utils.async_tasks.utils import background_executors, stop_background_task

    for method, executor in background_executors.items():
        executor.shutdown(wait=False, cancel_futures=True)
        stop_background_task(method)


def greeting(instance: Any, url: str, host: str, authentication: bool) -> str:
    """What a user needs to go on. Raises HTTPException if a DICOMweb store does not answer."""
    store, folder = instance.datastore(), instance.folder
    films, labels = len(store.list_images()), len(store.get_labeled_images())
    lines = [
        f"{films} films, {labels} of them labelled, in {folder}" if films else f"No film in {folder} yet; send some.",
        f"Listening on {url}; in 3D Slicer: module MONAI Label, MONAI Label server {url}",
        f"Labels are kept in {folder / 'labels'}, the weights in {instance.model.weights}",
    ]
    if not authentication and not _is_loopback(host):
        lines.append("Whoever reaches this address can see the films and change the labels: docs/monai_label.md.")
    return "\n".join([*lines, "Ctrl-C stops."])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def log_config(file: Path) -> dict[str, Any]:
    """Everything to a file, which MONAI Label's /logs shows; what went wrong to standard error as well."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"}},
        "handlers": {
            "file": {
                "class": "logging.handlers.RotatingFileHandler",
                "formatter": "line",
                "filename": str(file),
                "maxBytes": 10_000_000,
                "backupCount": 5,
                "encoding": "utf-8",
            },
            "console": {"class": "logging.StreamHandler", "formatter": "line", "level": "WARNING"},
        },
        "root": {"level": "INFO", "handlers": ["file", "console"]},
    }
