"""Read films in other processes, so that no film can end this one, hang it or fill its memory.

Decoders are written in C, and damaged files make some of them abort, loop or request gigabytes. The limits are
:data:`SECONDS` and those of :mod:`monai_ceph.data.film_limits`.
"""

from __future__ import annotations

import atexit
import os
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.data.film import FilmInfo, read_film
from monai_ceph.data.film_format import FilmError
from monai_ceph.data.film_process import FilmProcess, WorkerStartError
from monai_ceph.data.viewer_frame import viewer_frame
from monai_ceph.formats.viewer_frame import ViewerFrame
from monai_ceph.spacing import check_spacing

APART = os.name == "posix"
"""Whether films can be read in other processes on this system; elsewhere :class:`FilmWorkers` reads in this one."""
SECONDS = 10.0
"""How long a film may take: seconds of the processor."""


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
        self._all = [FilmProcess() for _ in range(count if APART else 0)]
        self._idle: queue.LifoQueue[FilmProcess] = queue.LifoQueue()
        for worker in reversed(self._all):  # the first one comes out first
            self._idle.put(worker)

    def __enter__(self) -> FilmWorkers:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the first process without waiting for it; if that fails, :meth:`read` tries again and says why."""
        if APART:
            with suppress(WorkerStartError):
                self._all[0].start()

    def close(self) -> None:
        """End all processes; no film can be read afterwards. In a forked process, do nothing: they are its parent's."""
        if self.owner == os.getpid():
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
        user_mm = None if spacing_mm is None else check_spacing(spacing_mm, "spacing_mm")
        if not APART:
            return read_film(path, user_mm)
        with self._worker() as worker:
            answer, printed = worker.ask(Path(path), self.seconds, what="read", spacing_mm=user_mm)
            film = worker.pixels(answer["shape"])
        # JSON has lists where the description has tuples.
        info: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in answer["info"].items()}
        return film, FilmInfo(**{**info, "remarks": (*info["remarks"], *printed)})

    def viewer_frame(self, path: str | Path) -> ViewerFrame:
        """Return :func:`~monai_ceph.data.viewer_frame.viewer_frame` of a film. Raises as :meth:`read`."""
        if not APART:
            return viewer_frame(path)
        with self._worker() as worker:
            answer, _ = worker.ask(Path(path), self.seconds, what="frame")
        origin_lps, direction = np.array(answer["origin_lps"]), np.array(answer["direction"])
        return ViewerFrame(tuple(answer["size"]), tuple(answer["spacing_mm"]), origin_lps, direction)

    @contextmanager
    def used_by_this_process(self) -> Iterator[FilmWorkers]:
        """Let all readers and predictors of this process use these workers within the ``with`` block."""
        before = use_workers(self)
        try:
            yield self
        finally:
            use_workers(before)

    @contextmanager
    def _worker(self) -> Iterator[FilmProcess]:
        worker = self._idle.get()
        try:
            yield worker
        except BaseException as error:  # also Ctrl-C: a late answer would be taken for that of the next request
            if type(error) is not FilmError:
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
            atexit.register(_kept.close)
        return _kept


@contextmanager
def some_workers(count: int) -> Iterator[FilmWorkers]:
    """Use the workers that this process already uses, or else those of :func:`kept_workers` within the block."""
    global _kept_by
    with _keeping:
        used = _own_workers()
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
    workers = _own_workers()
    return read_film(path, spacing_mm) if workers is None else workers.read(path, spacing_mm)


def viewer_frame_apart(path: str | Path) -> ViewerFrame:
    """Read a film's viewer frame as :func:`read_film_apart` reads its pixels."""
    workers = _own_workers()
    return viewer_frame(path) if workers is None else workers.viewer_frame(path)


def _own_workers() -> FilmWorkers | None:
    """Return the workers in use, unless this process was forked and shares its parent's sockets."""
    return _used if _used is not None and _used.owner == os.getpid() else None
