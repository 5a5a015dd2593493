"""Notice that a film's file was replaced."""

from __future__ import annotations

from pathlib import Path


def film_state(film: Path) -> tuple[int, int]:
    """Return what changes when a film's file is replaced; zeros for one that is gone, which its reader reports."""
    try:
        status = film.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
