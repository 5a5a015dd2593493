"""Keep one small JSON record for each film of a folder, written atomically and verified by a checksum."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_ceph.atomic import is_temporary, write_text

STATE_FOLDER = ".monai_ceph"
"""Name of the hidden folder, in a folder of films or of results, for what programs note and people do not read."""


class RecordError(ValueError):
    """A record cannot be used; the message names the file and says why."""


class FilmRecords:
    """The records of a folder, ``<film>.json`` each.

    Several processes and threads may write to one folder: each record is replaced in one step.

    Args:
        folder: created when the first record is written.

    Example:
        >>> import tempfile
        >>> records = FilmRecords(tempfile.mkdtemp())
        >>> records.write("film.png", {"remarks": ["too dark"]})
        >>> records.read("film.png")
        {'remarks': ['too dark']}
        >>> records.read("another.png") is None
        True
        >>> records.films()
        ['film.png']
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def read(self, film: str) -> dict[str, Any] | None:
        """Return the record of a film, None if there is none. Raises as :func:`read_record`."""
        return read_record(self._path(film))

    def write(self, film: str, content: Mapping[str, Any]) -> None:
        """Write the record of a film. Raises as :func:`write_record`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_record(self._path(film), content)

    def films(self) -> list[str]:
        """Return the films that have a record, sorted."""
        if not self.folder.is_dir():
            return []
        names = (path.name for path in self.folder.iterdir())
        return sorted(name.removesuffix(".json") for name in names if name.endswith(".json") and not is_temporary(name))

    def _path(self, film: str) -> Path:
        return self.folder / f"{film}.json"


def read_record(path: Path) -> dict[str, Any] | None:
    """Return the content of a file that :func:`write_record` wrote, or None if there is none.

    Raises:
        RecordError: the file cannot be read, is not a record, or has changed since it was written.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RecordError(f"The record '{path}' cannot be read ({error.strerror or error}).") from error
    except (ValueError, RecursionError) as error:
        raise RecordError(f"The record '{path}' is damaged: it is not JSON.") from error
    if (
        not isinstance(record, dict)
        or record.keys() != {"sha256", "content"}
        or not isinstance(record["content"], dict)
    ):
        raise RecordError(
            f"The record '{path}' has another form than this version writes: expected an object of 'sha256' and "
            "'content'."
        )
    if record["sha256"] != checksum(record["content"]):
        raise RecordError(f"The record '{path}' is damaged or was edited: its content does not have its checksum.")
    return record["content"]


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON content with its checksum, atomically. Raises OSError as ``atomic_path``."""
    write_text(path, json.dumps({"sha256": checksum(content), "content": content}, allow_nan=False) + "\n")


def film_identity(film: Path) -> dict[str, Any]:
    """Return what identifies a film's file and its state. Raises OSError if there is no file."""
    stat = film.stat()
    return {"path": os.path.abspath(film), "bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def checksum(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of JSON content, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
