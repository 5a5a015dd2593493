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

    Raises:
        ValueError: they have none.

    >>> path = Path("model.onnx")
    >>> _ = path.write_bytes(b"weights" + _MARK + EMPTY.encode())
    >>> sign(path)
    >>> check_sum(path)
    >>> _ = path.write_bytes(path.read_bytes().replace(b"weights", b"weighty"))
    >>> check_sum(path)
    Traceback (most recent call last):
    ValueError: The checksum of 'model.onnx' does not match. The file may be damaged or edited: copy or export it again.
    """
    before, mark, rest = path.read_bytes().partition(_MARK)
    if not mark:
        raise ValueError(f"Expected metadata with '{CHECKSUM}' in '{path}', got none; export the model again.")
    path.write_bytes(before + mark + _checksum(before, rest) + rest[len(EMPTY) :])


def check_sum(path: Path) -> None:
    """Check a model whose metadata have :data:`CHECKSUM`; older exports have none.

    Raises:
        ValueError: the file has changed since it was exported.
    """
    before, mark, rest = path.read_bytes().partition(_MARK)
    if mark and rest[: len(EMPTY)] != _checksum(before, rest):
        raise ValueError(
            f"The checksum of '{path}' does not match. The file may be damaged or edited: copy or export it again."
        )


def _checksum(before: bytes, rest: bytes) -> bytes:
    """Return the checksum of a file, of which ``before`` and ``rest`` stand before and after :data:`_MARK`."""
    return hashlib.sha256(before + _MARK + EMPTY.encode() + rest[len(EMPTY) :]).hexdigest().encode()
