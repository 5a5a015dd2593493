"""The checksum of an exported model, which stands in the file itself."""

from __future__ import annotations

import hashlib
from pathlib import Path

CHECKSUM = "file_sha256"
"""Name of the entry of the model's metadata. The SHA-256 is that of the file with zeros in its place."""
EMPTY = "0" * 64

# An entry of the metadata as ONNX writes it: key, then the tag and the length of a value of 64 characters.
_MARK = CHECKSUM.encode() + b"\x12\x40"


def sign(path: Path) -> None:
    """Write the checksum into a model whose metadata have :data:`CHECKSUM`, such as :data:`EMPTY`.

    >>> path = Path("model.onnx")
    >>> _ = path.write_bytes(b"weights" + _MARK + EMPTY.encode())
    >>> sign(path)
    >>> check_sum(path)
    >>> _ = path.write_bytes(path.read_bytes().replace(b"weights", b"weighty"))
    >>> check_sum(path)
    Traceback (most recent call last):
    ValueError: The checksum of 'model.onnx' does not match. The file may be damaged or edited: copy or export it again.
    """
    content = path.read_bytes()
    start = content.index(_MARK) + len(_MARK)
    _, digest = _sums(content, start)
    path.write_bytes(content[:start] + digest.encode() + content[start + len(digest) :])


def check_sum(path: Path) -> None:
    """Check a model whose metadata have :data:`CHECKSUM`; older exports have none.

    Raises:
        ValueError: the file has changed since it was exported.
    """
    content = path.read_bytes()
    at = content.find(_MARK)
    said, digest = ("", "") if at < 0 else _sums(content, at + len(_MARK))
    if said != digest:
        raise ValueError(
            f"The checksum of '{path}' does not match. The file may be damaged or edited: copy or export it again."
        )


def _sums(content: bytes, start: int) -> tuple[str, str]:
    """Return the checksum that stands at ``start``, and what it should be."""
    end = start + len(EMPTY)
    blank = hashlib.sha256(content[:start] + EMPTY.encode() + content[end:]).hexdigest()
    return content[start:end].decode(errors="replace"), blank
