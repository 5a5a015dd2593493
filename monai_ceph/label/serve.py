"""Start the MONAI Label server of ``monai-ceph label``. Heavy imports wait until all inputs have been checked."""

from __future__ import annotations

import importlib.util
import io
import ipaddress
import logging
import os
import shutil
import signal
import socket
import sys
from argparse import Namespace
from contextlib import redirect_stdout
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from monai_ceph.data.label_folder import LabelFolder
from monai_ceph.film_records import STATE_FOLDER
from monai_ceph.label import APP_FOLDER
from monai_ceph.label.options import Options, is_url
from monai_ceph.page.serve import listen
from monai_ceph.wording import count


def serve(studies: str, options: Options, *, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve films until the server is stopped.

    The server owns its process: it configures logging and handles SIGTERM until it stops.

    Args:
        studies: a folder of films, or the URL of a DICOMweb store.
        options: how to read and label them.
        host: the address to listen on; the default can only be reached from this machine.
        port: the port to listen on; 0 selects a free one.
    Raises:
        ImportError: MONAI Label is not installed; the message says how to install it.
        ValueError, OSError: the folder, the port, the bundle or the weights cannot be used; the message says why.
    """
    if importlib.util.find_spec("monailabel") is None:
        raise ImportError(
            "monai-ceph label needs MONAI Label, which needs numpy 1.26 and so an environment of its own: run "
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
    """Copy the app's folder into the films' state folder, because MONAI Label writes logs into it.

    Args:
        folder: the films.
        made_if_missing: create ``folder`` if it does not exist.
    Returns:
        The copy.
    Raises:
        FileNotFoundError: there is no such folder.
        OSError: it cannot be written.
    """
    if not folder.is_dir() and not made_if_missing:
        raise FileNotFoundError(f"There is no folder '{folder}'; pass the folder that holds the films.")
    app_dir = folder / STATE_FOLDER / "app"
    try:
        app_dir.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(APP_FOLDER / "main.py", app_dir / "main.py")
    except OSError as error:
        raise OSError(
            f"Cannot write to '{folder}' ({error.strerror}): labels are stored beside the films; use a writable folder "
            "or a writable copy of this one."
        ) from error
    return app_dir


def refuse_clashes(folder: Path) -> None:
    """Raise ValueError if two films share an id, since a label could belong to either."""
    clashes = LabelFolder(folder).clashes()
    if clashes:
        first, second = clashes[0]
        raise ValueError(
            f"'{first}' and '{second}' have the same name without suffix, so their labels would be mixed up "
            f"({count(len(clashes), 'such pair')}); rename or remove one."
        )


def _run(studies: str, options: Options, host: str, app_dir: Path, listening: socket.socket, port: int) -> None:
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    os.environ.setdefault("MONAI_ZOO_SOURCE", "local")  # otherwise MONAI Label searches the internet for bundles
    from monailabel.config import settings
    from monailabel.main import Main

    conf = [[key, value] for key, value in vars(options).items() if value]
    # As the stock command does: set for this process, and as environment variables for those that train and score.
    Main().start_server_init_settings(Namespace(app=str(app_dir), studies=studies, conf=conf, port=port, dryrun=False))
    log_to(app_dir / "logs" / "app.log")
    logging.getLogger("timeloop").disabled = True  # its own handler would repeat every line on the console
    import uvicorn
    from fastapi import HTTPException
    from monailabel.interfaces.utils.app import app_instance

    try:
        instance = app_instance()
        text = greeting(instance, url, host, settings.MONAI_LABEL_AUTH_ENABLE)
    except HTTPException as error:  # the DICOMweb store does not answer
        raise OSError(error.detail) from error
    print(text, flush=True)
    with redirect_stdout(io.StringIO()):  # MONAI Label prints its CORS origins, which server.py replaces
        from monai_ceph.label.server import app

    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    # uvicorn shuts down and raises the signal again, whose default action would leave the processes below running.
    previous = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        server.run(sockets=[listening])
    finally:
        instance.proposals.close()
        stop_background()
        signal.signal(signal.SIGTERM, previous)
    if not server.started:
        raise OSError(f"The server did not start; see {app_dir / 'logs' / 'app.log'}.")


def stop_background() -> None:
    """Stop the training and scoring processes, which would outlive the server; unfinished work is lost."""
    from monailabel.utils.async_tasks.utils import background_executors, stop_background_task

    for method, executor in background_executors.items():
        executor.shutdown(wait=False, cancel_futures=True)
        stop_background_task(method)


def greeting(instance: Any, url: str, host: str, authentication: bool) -> str:
    """Return the start-up message with the next steps; raise HTTPException if a DICOMweb store does not answer."""
    store, folder = instance.datastore(), instance.folder
    films, labels = len(store.list_images()), len(store.get_labeled_images())
    lines = [
        f"{films} films, {labels} of them labelled, in {folder}" if films else f"No films in {folder} yet; add some.",
        f"Annotate in a browser: {url}/page/",
        f"Listening on {url}; in 3D Slicer: module MONAI Label, MONAI Label server {url}",
        f"Labels are kept in {folder / 'labels'}, the weights in {instance.model.weights}",
    ]
    instance.check_films()
    lines += [f"Note: {problem}" for problem in instance.problems()]
    if not authentication and not _is_loopback(host):
        lines.append("Whoever reaches this address can see the films and change the labels: docs/monai_label.md.")
    return "\n".join([*lines, "Ctrl-C stops."])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def log_to(path: Path) -> None:
    """Log everything to a file, which /logs shows, and warnings to standard error."""
    file = RotatingFileHandler(path, maxBytes=10_000_000, backupCount=5, encoding="utf-8")
    console = logging.StreamHandler()
    console.setLevel(logging.WARNING)
    line = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(format=line, level=logging.INFO, handlers=[file, console], force=True)
