"""Say which names films, tags and annotators can have: each becomes part of a file name, of a URL and of JSON."""

from __future__ import annotations

import re
from reprlib import repr as shown
from typing import Any

from monai_ceph.data.label_check import LabelError

_LONGEST_NAME = 100  # bytes; two of them and a time are one file name
_FORBIDDEN = re.compile(r"[/\\\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # paths, control characters, broken Unicode


def is_listed(name: str) -> bool:
    """Return whether a file of this name is listed: not hidden, no path, and printable in JSON."""
    return bool(name) and not name.startswith(".") and not _FORBIDDEN.search(name)


def is_plain_name(name: Any) -> bool:
    """Return whether a film, a tag or an annotator can have this name."""
    return isinstance(name, str) and is_listed(name) and name == name.strip() and len(name.encode()) <= _LONGEST_NAME


def check_name(name: Any, kind: str, reserved: tuple[str, ...] = ()) -> str:
    """Return a film's id, a tag or an annotator's name if it can be one. Raises LabelError."""
    if not is_plain_name(name):
        raise LabelError(
            f"Expected a plain name as {kind}, of at most {_LONGEST_NAME} bytes, without slashes and without a dot at "
            f"its start, got {shown(name)}."
        )
    if name in reserved:
        raise LabelError(f"The {kind} cannot be '{name}', which has a meaning of its own here; choose another.")
    return str(name)
