"""Read films in other processes, so that no film can end this one, hang it or fill its memory.

Decoders are written in C, and damaged files make some of them abort, loop or request gigabytes. The limits are
:data:`SECONDS` and those of :mod:`monai_ceph.data.film_limits`.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from monai_ceph.data.film import FilmInfo, read_film
from monai_ceph.data.film_format import FilmError
from monai_ceph.data.viewer_frame import viewer_frame
from monai_ceph.formats.viewer_frame import ViewerFrame
from monai_ceph.spacing import check_spacing

APART = os.name == "posix"
"""Whether films can be read in other processes on this system; elsewhere :class:`FilmWorkers` reads in this one."""
SECONDS = 10.0
"""How long a film may take: seconds of the processor."""
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


class FilmWorkers:
    """A pool of processes that read films; usable from any number of threads.

    The processes are started when they are first needed, and kept. One that dies or hangs is replaced, and its film is
    named.

    Args:
        count: how many films may be read at the same time.
        seconds: how long a film may take, of the processor's time; six times as long where it does much else.
    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> path = Path(tempfile.mkdtemp()) / "film.png"
        >>> Image.effect_noise((60, 40), 50).save(path)
        >>> with FilmWorkers() as workers:
        ...     film, info = workers.read(path)
        >>> film.shape
        (60, 40)
    """

    def __init__(self, count: int = 1, seconds: float = SECONDS) -> None:
        if count < 1 or not seconds > 0:
            raise ValueError(f"Expected at least one process and a positive time, got {count} and {seconds} s.")
        self.seconds = seconds
        self.owner = os.getpid()
        self._all = [_Worker() for _ in range(count if APART else 0)]
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        for worker in reversed(self._all):  # the first one comes out first
            self._idle.put(worker)

    def __enter__(self) -> FilmWorkers:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the first process without waiting for it; if that fails, :meth:`read` tries again and says why."""
        if APART:
            with suppress(WorkerStartError):
                self._all[0].start()

    def close(self) -> None:
        """End all processes; no film can be read afterwards."""
        for worker in self._all:
            worker.close()

    def read(self, path: str | Path, spacing_mm: float | Sequence[float] | None = None) -> tuple[np.ndarray, FilmInfo]:
        """Read one film. Arguments and Returns as :func:`~monai_ceph.data.film.read_film`.

        The remarks include what a decoder printed.

        Raises:
            FilmError: as :func:`~monai_ceph.data.film.read_film`.
            FilmCrashError: the file ended or hung the process that read it.
            ValueError: the given spacing is not positive.
            WorkerStartError: the process could not be started.
        """
        given = None if spacing_mm is None else check_spacing(spacing_mm, "spacing_mm")
        if not APART:
            return read_film(path, given)
        with self._worker() as worker:
            answer, said = worker.ask(Path(path), self.seconds, what="read", spacing_mm=given)
            film = worker.pixels(answer["shape"])
        info = answer["info"]
        return film, FilmInfo(
            spacing_mm=info["spacing_mm"] and tuple(info["spacing_mm"]),
            spacing_source=info["spacing_source"],
            orientation=info["orientation"],
            dpi=info["dpi"] and tuple(info["dpi"]),
            remarks=(*info["remarks"], *said),
        )

    def viewer_frame(self, path: str | Path) -> ViewerFrame:
        """Return :func:`~monai_ceph.data.viewer_frame.viewer_frame` of a film. Raises as :meth:`read`."""
        if not APART:
            return viewer_frame(path)
        with self._worker() as worker:
            answer, _ = worker.ask(Path(path), self.seconds, what="frame")
        return ViewerFrame(
            size=(answer["size"][0], answer["size"][1]),
            spacing_mm=(answer["spacing_mm"][0], answer["spacing_mm"][1]),
            origin_lps=np.array(answer["origin_lps"]),
            direction=np.array(answer["direction"]),
        )

    @contextmanager
    def used_by_this_process(self) -> Iterator[FilmWorkers]:
        """Let all readers and predictors of this process use these workers within the ``with`` block."""
        before = use_workers(self)
        try:
            yield self
        finally:
            use_workers(before)

    @contextmanager
    def _worker(self) -> Iterator[_Worker]:
        worker = self._idle.get()
        try:
            yield worker
        except FilmError as error:
            if isinstance(error, FilmCrashError):
                worker.stop()
            raise
        except BaseException:  # also Ctrl-C: a late answer would be taken for that of the next request
            worker.stop()
            raise
        finally:
            self._idle.put(worker)


_used: FilmWorkers | None = None


def use_workers(workers: FilmWorkers | None) -> FilmWorkers | None:
    """Let all readers and predictors of this process use these workers from now on; return the previous ones."""
    global _used
    before, _used = _used, workers
    return before


_kept: FilmWorkers | None = None
_kept_by = 0  # how many with statements use them
_keeping = threading.RLock()


def kept_workers(count: int) -> FilmWorkers:
    """Return workers that this process keeps until it ends, so that calls need not start their own.

    Args:
        count: how many films may be read at the same time, if there are none yet.
    """
    global _kept, _kept_by
    with _keeping:
        if _kept is None or _kept.owner != os.getpid():
            _kept, _kept_by = FilmWorkers(count), 0
            atexit.register(_close_kept, _kept)
        return _kept


def _close_kept(workers: FilmWorkers) -> None:
    if workers.owner == os.getpid():
        workers.close()


@contextmanager
def some_workers(count: int) -> Iterator[FilmWorkers]:
    """Use the workers that this process already uses, or else those of :func:`kept_workers` within the block."""
    global _kept_by
    with _keeping:
        used = _used if _used is not None and _used.owner == os.getpid() else None
        keeps = used is None or used is _kept
        workers = kept_workers(count) if used is None else used
        if keeps:
            use_workers(workers)
            _kept_by += 1
    try:
        yield workers
    finally:
        with _keeping:
            if keeps:
                _kept_by -= 1
                if not _kept_by and _used is workers:
                    use_workers(None)


def read_film_apart(path: str | Path, spacing_mm: float | Sequence[float] | None = None) -> tuple[np.ndarray, FilmInfo]:
    """Read a film in the workers that this process uses, or in this process if it uses none.

    Arguments, Returns and Raises as :meth:`FilmWorkers.read`.
    """
    # A process that was forked from one with workers shares their sockets, and must not use them.
    if _used is None or _used.owner != os.getpid():
        return read_film(path, spacing_mm)
    return _used.read(path, spacing_mm)


def viewer_frame_apart(path: str | Path) -> ViewerFrame:
    """Read a film's viewer frame as :func:`read_film_apart` reads its pixels."""
    if _used is None or _used.owner != os.getpid():
        return viewer_frame(path)
    return _used.viewer_frame(path)


class _Worker:
    """One process, started when it is needed."""

    def __init__(self) -> None:
        import fcntl  # not on Windows

        self.process: subprocess.Popen[bytes] | None = None
        self.connection: Connection | None = None
        self.film_file = _memory_file()
        self.said_file = _memory_file()
        # What is written after it was cut starts at its beginning.
        flags = fcntl.fcntl(self.said_file, fcntl.F_GETFL)
        fcntl.fcntl(self.said_file, fcntl.F_SETFL, flags | os.O_APPEND)

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
                stdout=self.said_file,
                stderr=self.said_file,
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
        os.ftruncate(self.said_file, 0)

    def close(self) -> None:
        """End the process and close its files."""
        self.stop()
        os.close(self.film_file)
        os.close(self.said_file)

    def ask(self, path: Path, seconds: float, **job: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the process's answer, and what was printed meanwhile. Raises as :meth:`FilmWorkers.read`."""
        self.start()
        assert self.connection is not None
        name = os.fsencode(path).decode("utf-8", "surrogateescape")
        counts = False  # the time, which it does not while the process or ITK starts
        try:
            # A relative path is one of this process's folder, which may have changed since the other one was started.
            folder = "" if path.is_absolute() else os.fsencode(os.getcwd()).decode("utf-8", "surrogateescape")
            question = {"path": name, "folder": folder, "seconds": seconds, **job}
            self.connection.send_bytes(json.dumps(question).encode())
            while True:
                if not (self._answers(seconds) if counts else self.connection.poll(_START_SECONDS)):
                    raise _took_too_long(path, seconds) if counts else _not_started("it does not answer")
                answer: dict[str, Any] = json.loads(self.connection.recv_bytes())
                if "clock" not in answer:
                    break
                counts = answer["clock"]
        except (EOFError, OSError) as error:
            if not counts:
                raise _not_started(self._said()[-500:]) from error
            raise FilmCrashError(
                f"{path}: the file is damaged in a way that ends the program that decodes it ({self._end()}); copy it "
                "again from its source, or save it as PNG."
            ) from error
        if "film_error" in answer:
            raise FilmError(answer["film_error"])
        return answer, remarks(self._said())

    def _answers(self, seconds: float) -> bool:
        """Return whether there is an answer before the process has used up its time."""
        assert self.connection is not None and self.process is not None
        end, used = time.monotonic() + _WAITED * seconds, _processor_seconds(self.process.pid)
        wait = seconds
        while not self.connection.poll(max(0.0, min(wait, end - time.monotonic()))):
            now = _processor_seconds(self.process.pid)
            if now is None or used is None or now - used >= seconds or time.monotonic() >= end:
                return False
            wait = max(0.1, seconds - (now - used))
        return True

    def pixels(self, shape: Sequence[int]) -> np.ndarray:
        """Return the film (X, Y) float32 that the process has put down."""
        columns, rows = shape
        film = np.empty((columns, rows), dtype=np.float32)
        data = film.data.cast("B")
        at = 0
        while at < len(data):
            got = os.preadv(self.film_file, [data[at:]], at)
            if not got:
                raise RuntimeError("The process that reads films has answered with fewer pixels than it said.")
            at += got
        if len(data) > _KEPT_BYTES:
            os.ftruncate(self.film_file, 0)
        return film

    def _said(self) -> str:
        text = os.pread(self.said_file, _MOST_BYTES, 0).decode("utf-8", "replace")
        os.ftruncate(self.said_file, 0)
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
    told = [line for line in dict.fromkeys(lines) if not _HARMLESS.search(line)]
    return tuple(told[:_MOST_REMARKS])


def _processor_seconds(pid: int) -> float | None:
    """Return the processor time of a process, seconds; None where the system does not tell."""
    try:
        # After the name, which may hold spaces and brackets: utime and stime are fields 14 and 15 of proc(5)'s stat.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


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
