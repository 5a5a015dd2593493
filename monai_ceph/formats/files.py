"""Read the text, the JSON and the numbers of annotation files, and write JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.formats.points import AnnotationError


def read_text(path: Path) -> str:
    """Read the text of an annotation file without its byte order mark.

    Raises:
        AnnotationError: the file is missing, unreadable or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise AnnotationError(f"{path}: there is no such annotation; check the path.") from None
    except UnicodeDecodeError:
        raise AnnotationError(f"{path}: expected UTF-8 text; save the annotation as UTF-8.") from None
    except OSError as error:
        raise AnnotationError(f"{path}: the annotation cannot be opened ({error.strerror}).") from error


def read_json(path: Path) -> Any:
    """Read an annotation file that is JSON. Raises AnnotationError as :func:`read_text` and :func:`parse_json`."""
    return parse_json(read_text(path), str(path))


def parse_json(text: str, where: str) -> Any:
    """Parse JSON.

    Raises:
        AnnotationError: not JSON, or too deep or too large for Python; the message begins with ``where``.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise AnnotationError(f"{where}, line {error.lineno}: this is not JSON ({error.msg}).") from error
    except (ValueError, RecursionError) as error:
        raise AnnotationError(f"{where}: this JSON has a number too long or lists too deep to be read.") from error


def json_text(content: Any, indent: int = 1) -> str:
    """Return content as the text of a JSON file."""
    return json.dumps(content, indent=indent, ensure_ascii=False) + "\n"


def objects(content: dict[str, Any], key: str, path: Path, format: str) -> list[dict[str, Any]]:
    """Return the objects of a list in an annotation file.

    Raises:
        AnnotationError: ``content[key]`` is no list of objects; the message names the file and its format.
    """
    rows = content.get(key)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise AnnotationError(f"{path}: expected {format} JSON with a list of '{key}'.")
    return rows


def stated_size(width: Any, height: Any) -> tuple[int, int] | None:
    """Return (X, Y), pixels, if both are whole positive numbers."""
    both_whole = isinstance(width, int) and isinstance(height, int)
    return (width, height) if both_whole and width > 0 and height > 0 else None


def finite(text: Any, where: str) -> float:
    """Return a number from a file.

    Raises:
        AnnotationError: not a finite number; the message begins with ``where``.
    """
    try:
        number = float(text)
    except (TypeError, ValueError, OverflowError):  # the last: JSON's whole numbers have any length
        number = np.nan
    if not np.isfinite(number):
        raise AnnotationError(f"{where}: expected a number of pixels, got {text!r}.")
    return number
