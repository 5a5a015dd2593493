"""Tell whether a file is still the film that it was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def film_identity(film: Path) -> dict[str, Any]:
    """What tells whether a file is still the film that it was. Raises OSError if it is not there."""
    stat = film.stat()
    return {"path": os.path.abspath(film), "bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}
