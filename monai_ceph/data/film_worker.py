"""Read films one by one within limits, in a process that :class:`~monai_ceph.data.film_workers.FilmWorkers` starts.

It is started as ``python -m monai_ceph.data.film_worker SOCKET PIXELS`` with two file descriptors: one for requests
(pickled) and answers (JSON; see `FilmProcess.ask` for why), the other for pixels. Decoders print to this process's
standard error, a file that the parent reads.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from monai_ceph.data import itk_film
from monai_ceph.data.film import read_film
from monai_ceph.data.film_format import FilmError
from monai_ceph.data.film_limits import LARGEST_MEMORY_BYTES

_SHARED_BYTES = 300_000_000  # libraries' code, which RLIMIT_DATA does not count


def main() -> None:
    connection, pixels = Connection(int(sys.argv[1])), int(sys.argv[2])
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.formatwarning = lambda message, category, *_: f"{message}\n"
    _set_limits()
    while True:
        try:
            job = connection.recv()
        except EOFError:  # the asking process has ended
            return

        def clock(runs: bool, seconds: float = job["seconds"]) -> None:
            # Limit processor time, and elapsed time as well: if the parent has ended, nothing else ends this process.
            signal.setitimer(signal.ITIMER_PROF, seconds if runs else 0)
            signal.setitimer(signal.ITIMER_REAL, 10 * seconds if runs else 0)
            connection.send_bytes(json.dumps({"clock": runs}).encode())

        path = job["path"]
        itk_film.while_itk_loads = partial(_stopped, clock)
        os.ftruncate(2, 0)
        clock(True)
        try:
            os.chdir(job["folder"])
            answer = _answer(job, path, pixels)
        except FilmError as error:
            answer = {"film_error": str(error)}
        except Exception as error:
            answer = {"film_error": f"{path}: it cannot be read ({type(error).__name__}: {error}); save it as PNG."}
        clock(False)
        connection.send_bytes(json.dumps(answer).encode())


@contextmanager
def _stopped(clock: Callable[[bool], None]) -> Iterator[None]:
    clock(False)
    printed_bytes = os.fstat(2).st_size
    try:
        yield
    finally:
        os.ftruncate(2, printed_bytes)  # what ITK prints when it loads is not of this film
        clock(True)


def _answer(job: Mapping[str, Any], path: Path, pixels: int) -> dict[str, Any]:
    if job["what"] == "frame":
        from monai_ceph.data.viewer_frame import viewer_frame

        frame = viewer_frame(path)
        return {**vars(frame), "origin_lps": frame.origin_lps.tolist(), "direction": frame.direction.tolist()}
    film, info = read_film(path, job["spacing_mm"])
    data = film.data.cast("B")
    at = 0
    while at < len(data):
        at += os.pwrite(pixels, data[at:], at)
    return {"shape": film.shape, "info": vars(info)}


def _set_limits() -> None:
    import resource

    for limit, value in ((resource.RLIMIT_DATA, LARGEST_MEMORY_BYTES - _SHARED_BYTES), (resource.RLIMIT_CORE, 0)):
        _, highest = resource.getrlimit(limit)
        value = value if highest == resource.RLIM_INFINITY else min(value, highest)
        resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    main()
