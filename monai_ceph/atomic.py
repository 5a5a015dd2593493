"""Write files atomically, under a temporary name in the same folder that is then renamed, and hash files."""

from __future__ import annotations

import hashlib
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path to write to, which replaces ``path`` when the block succeeds and is deleted if it fails.

    Args:
        path: the file to create or replace; its folder must exist.
    Yields:
        A path in the same folder with the same suffix, so that libraries that go by the suffix write the right format.
    Raises:
        OSError: the file cannot be written; the message names it and the remedy.
    Example:
        >>> from monai_ceph.atomic import atomic_path
        >>> with atomic_path("a.txt") as temporary:
        ...     _ = temporary.write_text("done")
        >>> Path("a.txt").read_text()
        'done'
    """
    path = Path(path)
    # A hidden name, so that a program that lists the folder meanwhile does not take it for a result. Not
    # tempfile.mkstemp, whose files only their owner can read.
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
    """Yield a temporary path as :func:`atomic_path` does, and write the file to disk so that it survives a power cut.

    Missing parent folders are created, and survive it as well.

    >>> with durable_path("new/folder/a.txt") as temporary:
    ...     _ = temporary.write_text("done")
    >>> Path("new/folder/a.txt").read_text()
    'done'
    """
    folder = Path(path).parent
    new_folders = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        yield temporary
        _sync(temporary)
    for changed in [folder, *(new.parent for new in new_folders)]:
        _sync(changed)


def is_temporary(name: str) -> bool:
    """Return whether a name is that of a temporary file of :func:`atomic_path`.

    Example:
        >>> from monai_ceph.atomic import atomic_path, is_temporary
        >>> with atomic_path("a.txt") as temporary:
        ...     _ = temporary.write_text("done")
        >>> is_temporary(temporary.name), is_temporary("a.txt")
        (True, False)
    """
    return re.fullmatch(r"\.[0-9a-f]{32}(\.\w+)?", name) is not None


def remove_leftovers(folder: str | Path, older_than_s: float = 0) -> None:
    """Remove the temporary files that killed processes left in a folder, if it exists.

    Args:
        folder: where no other process writes, or only ones that take less than the given time for a file.
        older_than_s: how long ago a file was last written, seconds.
    Example:
        >>> from monai_ceph.atomic import remove_leftovers
        >>> leftover = Path("." + 32 * "0" + ".txt")
        >>> _ = leftover.write_text("half")
        >>> remove_leftovers(".")
        >>> leftover.exists()
        False
    """
    folder = Path(folder)
    for path in folder.iterdir() if folder.is_dir() else ():
        with suppress(FileNotFoundError):
            if is_temporary(path.name) and time.time() - path.lstat().st_mtime >= older_than_s:
                path.unlink()


def make_folder(path: str | Path) -> Path:
    """Create a folder and check that it can be written, before any work is done for it.

    Args:
        path: the folder; it may exist.
    Returns:
        Its path.
    Raises:
        OSError: it cannot be created or written; the message names it and the remedy.
    Example:
        >>> from monai_ceph.atomic import make_folder
        >>> make_folder("results/today").is_dir()
        True
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
    """Write UTF-8 text to a file as :func:`atomic_path` does, with newlines as they are.

    Example:
        >>> from monai_ceph.atomic import write_text
        >>> write_text("a.txt", "done")
        >>> Path("a.txt").read_text()
        'done'
    """
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def _sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on disk."""
    if os.name == "nt" and path.is_dir():  # Windows cannot open folders, and does not need this
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's content. Raises OSError if it cannot be read.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("model.pt").write_bytes(b"weights")
        >>> file_sha256("model.pt")[:12]
        '9a129038d9a0'
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
