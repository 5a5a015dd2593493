"""Keeps C libraries from writing to the terminal."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STREAMS = (1, 2)
_lock = threading.Lock()
_inside = 0
_saved: dict[int, int] = {}


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Sends the process's standard output and standard error to nowhere for a moment.

    libjpeg, libtiff, MetaIO and GDCM print their complaints straight to the file descriptors, where neither Python nor
    ITK can hold them back; what matters of them reaches the caller as an exception. Threads may be inside at the same
    time: the first redirects, the last restores.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


@contextmanager
def aloud() -> Iterator[None]:
    """Lets one thread print although another may be inside :func:`quiet_libraries`, where its words would be lost."""
    with _lock:
        _restore()
        try:
            yield
        finally:
            if _inside:
                _redirect()


def _enter() -> None:
    global _inside
    with _lock:
        _inside += 1
        if _inside == 1:
            _redirect()


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if _inside == 0:
            _restore()


def _redirect() -> None:
    for python_stream in (sys.stdout, sys.stderr):
        if python_stream is not None:  # None in a process without a console
            python_stream.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in _STREAMS:
        try:
            _saved[stream] = os.dup(stream)
        except OSError:  # a closed stream has nothing to keep quiet
            continue
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _restore() -> None:
    for stream, saved in _saved.items():
        os.dup2(saved, stream)
        os.close(saved)
    _saved.clear()
