"""Files that are whole or not there: written under a temporary name in the same folder, then renamed."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path to write to, which becomes ``path`` when the block ends well and vanishes when it does not.

    Args:
        path: the file to make or to replace; its folder must be there.
    Yields:
        A path in the same folder with the same suffix, so that libraries which go by the suffix write the right format.
    Raises:
        OSError: the file cannot be written; the message names it and the remedy.
    """
    path = Path(path)
    # A hidden name, so that nothing that lists the folder meanwhile takes it for a result. Not tempfile.mkstemp, whose
    # files only their owner can read.
    temporary = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(
            f"Cannot write '{path}' ({error.strerror or error}); "
            "choose a folder that exists and can be written, on a disk with space left."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def durable_path(path: str | Path) -> Iterator[Path]:
    """As :func:`atomic_path`, for what must never be lost: once the block has ended, the file outlives a power cut.

    Folders on the way to the file are made if needed, and outlive it as well.
    """
    path = Path(path)
    made = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        yield temporary
        _sync(temporary)
    for folder in [path.parent, *(folder.parent for folder in made)]:
        _sync(folder)


def is_temporary(name: str) -> bool:
    """Return whether a file has the name of what :func:`atomic_path` writes to."""
    return re.fullmatch(r"\.[0-9a-f]{32}(\.\w+)?", name) is not None


def remove_leftovers(folder: str | Path, older_than_s: float = 0) -> None:
    """Remove the temporary files that killed processes left in a folder, if it exists.

    Args:
        folder: where no other process writes, or only ones that take less than the given time for a file.
        older_than_s: how long ago a file was last written, seconds.
    """
    folder = Path(folder)
    for path in folder.iterdir() if folder.is_dir() else ():
        with suppress(FileNotFoundError):
            if is_temporary(path.name) and time.time() - path.lstat().st_mtime >= older_than_s:
                path.unlink()


def make_folder(path: str | Path) -> Path:
    """Make a folder and see that it can be written, before any work is done for it.

    Raises:
        OSError: it cannot be made or written; the message names it and the remedy.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"Cannot make the folder '{path}' ({error.strerror}); choose another output folder.") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise OSError(f"Cannot write to the folder '{path}'; choose another output folder.")
    return path


def write_text(path: str | Path, text: str) -> None:
    """Writes UTF-8 text with newlines as they are, atomically. Raises as :func:`atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def _sync(path: Path) -> None:
    """Waits until a file's content, or the names in a folder, are on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folders, and needs none of this
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
