"""Start, ask and end one process that reads films."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.data.film_format import FilmError

_WAITED = 6
"""How many times as long it may take on a machine that does much else, or from a slow disk."""
_START_SECONDS = 120.0  # for a process and ITK, on a machine that does much else
_MOST_REMARKS = 5
_MOST_BYTES = 65_536
_KEPT_BYTES = 64_000_000
# Tags that libtiff does not know are a scanner's own; where ITK's source lies is of no interest.
_HARMLESS = re.compile(r"unknown field with tag|^WARNING: In |^\s*$", re.IGNORECASE)


class FilmCrashError(FilmError):
    """A film whose file ended the process that read it, or kept it busy for too long."""


class WorkerStartError(OSError):
    """The process that reads films could not be started, whatever the film."""


class FilmProcess:
    """A process that runs :mod:`monai_ceph.data.film_worker`, started when it is needed."""

    def __init__(self) -> None:
        import fcntl  # not on Windows

        self.process: subprocess.Popen[bytes] | None = None
        self.connection: Connection | None = None
        self.film_file = _memory_file()
        self.printed_file = _memory_file()
        # With O_APPEND, output after a truncation starts at offset 0 again.
        flags = fcntl.fcntl(self.printed_file, fcntl.F_GETFL)
        fcntl.fcntl(self.printed_file, fcntl.F_SETFL, flags | os.O_APPEND)

    def start(self) -> None:
        """Start the process if there is none, without waiting for it. Raises WorkerStartError."""
        if self.process is not None and self.process.poll() is None:
            return
        self.stop()
        try:
            self._start()
        except OSError as error:
            self.stop()
            raise _not_started(error.strerror or str(error)) from error

    def _start(self) -> None:
        self.connection, theirs = Pipe()
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PYTHONSAFEPATH": "1",
            **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"), "1"),
        }
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "monai_ceph.data.film_worker", str(theirs.fileno()), str(self.film_file)],
                stdin=subprocess.DEVNULL,
                stdout=self.printed_file,
                stderr=self.printed_file,
                pass_fds=(theirs.fileno(), self.film_file),
                env=environment,
                start_new_session=True,  # Ctrl-C is for the asking process
            )

    def stop(self) -> None:
        """End the process if there is one."""
        if self.connection is not None:
            self.connection.close()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = self.connection = None
        os.ftruncate(self.printed_file, 0)

    def close(self) -> None:
        """End the process and close its files."""
        self.stop()
        os.close(self.film_file)
        os.close(self.printed_file)

    def ask(self, path: Path, seconds: float, **job: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the process's answer, and what was printed meanwhile. Raises as :meth:`FilmWorkers.read`."""
        self.start()
        assert self.connection is not None
        clock_runs = False  # it stands still while the process or ITK starts
        try:
            # A relative path is one of this process's folder, which may have changed since the other one was started.
            folder = "/" if path.is_absolute() else os.getcwd()
            self.connection.send({"path": path, "folder": folder, "seconds": seconds, **job})
            while True:
                if not self.connection.poll(_WAITED * seconds if clock_runs else _START_SECONDS):
                    raise _took_too_long(path, seconds) if clock_runs else _not_started("it does not answer")
                # JSON, as recv() unpickles: a film that took over the other process could then take over this one.
                answer: dict[str, Any] = json.loads(self.connection.recv_bytes())
                if "clock" not in answer:
                    break
                clock_runs = answer["clock"]
        except (EOFError, OSError) as error:
            if not clock_runs:
                raise _not_started(self._printed()[-500:]) from error
            end = self._end()
            if end == "SIGPROF":
                raise _took_too_long(path, seconds) from error
            raise FilmCrashError(
                f"{path}: the file is damaged in a way that ends the program that decodes it ({end}); copy it again "
                "from its source, or save it as PNG."
            ) from error
        if "film_error" in answer:
            raise FilmError(answer["film_error"])
        return answer, remarks(self._printed())

    def pixels(self, shape: Sequence[int]) -> np.ndarray:
        """Return the film (X, Y) float32 that the process has put down."""
        columns, rows = shape
        film = np.empty((columns, rows), dtype=np.float32)
        data = film.data.cast("B")
        at = 0
        while at < len(data):
            count = os.preadv(self.film_file, [data[at:]], at)
            if not count:
                raise RuntimeError("The process that reads films has answered with fewer pixels than it said.")
            at += count
        if len(data) > _KEPT_BYTES:
            os.ftruncate(self.film_file, 0)
        return film

    def _printed(self) -> str:
        text = os.pread(self.printed_file, _MOST_BYTES, 0).decode("utf-8", "replace")
        os.ftruncate(self.printed_file, 0)
        return text

    def _end(self) -> str:
        """Return how the process ended, in a word."""
        assert self.process is not None
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        code = self.process.returncode
        if code is None or code >= 0:
            return f"exit status {code}"
        return "it took too much memory" if -code == signal.SIGKILL else signal.Signals(-code).name


def remarks(text: str) -> tuple[str, ...]:
    """Return what decoders printed as remarks: each line once, the first few, without what is harmless."""
    lines = [re.sub(r"\s*\(0x[0-9a-f]+\)", "", line).strip()[:200] for line in text.splitlines()]
    kept = [line for line in dict.fromkeys(lines) if not _HARMLESS.search(line)]
    return tuple(kept[:_MOST_REMARKS])


def _took_too_long(path: Path, seconds: float) -> FilmCrashError:
    return FilmCrashError(
        f"{path}: reading it takes longer than {seconds:g} s; the file is damaged. Copy it again from its source, or "
        "save it as PNG."
    )


def _not_started(reason: str) -> WorkerStartError:
    return WorkerStartError(f"The process that reads films cannot be started ({reason}); is there enough memory?")


def _memory_file() -> int:
    """Return the descriptor of a file that is in memory where the system has such files."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("film")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
