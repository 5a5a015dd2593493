"""Write and read what programs note about films and labels: JSON files on which nothing depends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_ceph.atomic import atomic_path
from monai_ceph.data.label_check import LARGEST_BYTES, LabelError, LabelSizeError


def notes_json(notes: Mapping[str, Any]) -> bytes:
    """Return notes as strict JSON in UTF-8, without NaN. Raises LabelError."""
    try:
        content = json.dumps(notes, ensure_ascii=False, allow_nan=False, indent=2, default=str).encode()
    except (ValueError, RecursionError, TypeError) as error:
        raise LabelError(f"The notes cannot be written as JSON ({error}).") from error
    if len(content) > LARGEST_BYTES:
        raise LabelSizeError(f"The notes are larger than {LARGEST_BYTES / 1e6:g} MB; shorten them.")
    return content


def write_notes(path: Path, content: bytes) -> None:
    """Write the content that :func:`notes_json` returned, atomically; create the folder if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def read_notes(path: Path) -> dict[str, Any]:
    """Return notes, empty if there are none or the file is damaged."""
    try:
        notes = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return notes if isinstance(notes, dict) else {}
