"""Keep freed memory for reuse."""

from __future__ import annotations

import ctypes
import os

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Constants of the GNU C library's ``malloc.h``."""


def keep_freed_memory() -> bool:
    """Let this process reuse large buffers instead of returning them to the system.

    By default the GNU C library requests every buffer above 32 MB from the system and returns it when it is freed, and
    the system clears every page again. The activations of these networks are such buffers: on two cores this saves a
    fifth of a training step and a sixth of a film's inference. The process never shrinks, so use this in programs that
    do one job and end, not in a server.

    Returns:
        Whether the setting took effect; it does nothing without the GNU C library (macOS, Windows, musl).
    Source:
        ``mallopt`` in the manual of the GNU C library.
    Example:
        >>> import subprocess, sys
        >>> code = "from monai_ceph.memory import keep_freed_memory; keep_freed_memory()"
        >>> subprocess.run([sys.executable, "-c", code]).returncode  # in a process of its own: it cannot be undone
        0
    """
    if os.name != "posix":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    # Never map a buffer separately, whatever its size, and never trim the heap.
    return bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, 2**31 - 1))
