"""Which films crashed or hung the process that read them, so that a later run does not try them again."""

from __future__ import annotations

import json
import os
from pathlib import Path

from monai_ceph.data.film_identity import film_identity
from monai_ceph.data.film_workers import FilmCrashError

CRASHED_FILMS = ".crashed_films.jsonl"
"""Name of the file in an output folder: one film a line."""


class CrashedFilms:
    """The films of an output folder that crashed or hung their reader.

    A film whose file has changed since is not among them. Several processes may add films to one folder at a time.

    Args:
        folder: an existing folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder) / CRASHED_FILMS

    def check(self, film: Path) -> None:
        """Raise FilmCrashError if a film crashed or hung its reader before and is still the same file."""
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
            identity = film_identity(film)
        except OSError:  # nothing was noted, or the film is gone, which its reader tells
            return
        for line in lines:
            try:
                noted = json.loads(line)
                found, reason = noted["film"] == identity, str(noted["reason"])
            except (ValueError, KeyError, TypeError):  # a line that was cut short by a full disk
                continue
            if found:
                raise FilmCrashError(f"{reason} (It did so before; to try it again, remove '{self.path}'.)")

    def add(self, film: Path, error: FilmCrashError) -> None:
        """Note a film. Raises OSError if it cannot be noted."""
        line = json.dumps({"film": film_identity(film), "reason": str(error)}) + "\n"
        # One write to the end of the file, so that lines of several processes do not mix.
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    def forget(self) -> None:
        """Forget all films of the folder."""
        self.path.unlink(missing_ok=True)
