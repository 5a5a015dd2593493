"""Tell a film's format by its first bytes. The suffix does not count, because films are renamed by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from monai_ceph.film_names import FILM_SUFFIXES

Format = Literal["PNG", "JPEG", "BMP", "TIFF", "MetaImage", "NIfTI", "DICOM"]

_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"ObjectType", "MetaImage"),
)
HEAD = 348
"""Bytes that tell the format of any film: as many as NIfTI's header has."""
_VR = re.compile(rb"AE|AS|AT|CS|DA|DS|DT|FL|FD|IS|LO|LT|OB|OF|OW|PN|SH|SL|SQ|SS|ST|TM|UI|UL|UN|US|UT")


class FilmError(ValueError):
    """One film cannot be used; the message names the file and what to do."""


def is_dicom(path: Path) -> bool:
    """Return whether a file's content is DICOM, with its preamble or without; False if it cannot be opened."""
    try:
        with path.open("rb") as file:
            return _is_dicom(file.read(HEAD))
    except OSError:
        return False


def film_format(path: Path) -> Format:
    """Return the format of a film.

    Raises:
        FilmError: no such file, a folder, not readable, empty, or no film at all.
    """
    try:
        if path.is_dir():
            raise FilmError(f"{path}: this is a folder, expected one film; name the film in it.")
        if path.exists() and not path.is_file():
            raise FilmError(f"{path}: this is a device or a pipe, expected a film; save the film as a file.")
        with path.open("rb") as file:
            head = file.read(HEAD)
    except FileNotFoundError:
        raise FilmError(f"{path}: there is no such film; check the path.") from None
    except OSError as error:
        raise FilmError(f"{path}: the film cannot be opened ({error.strerror}); check its permissions.") from error
    if not head:
        raise FilmError(f"{path}: the film is empty (0 bytes); copy it again.")
    kind = _kind(path, head)
    if kind is None:
        raise FilmError(
            f"{path}: its content is not a readable image; expected one of {' '.join(FILM_SUFFIXES)}. Is it damaged or "
            "renamed?"
        )
    return kind


def cut_short(path: Path, kind: Format) -> FilmError:
    """Return the error of a file that ends too early."""
    return FilmError(f"{path}: the {kind} file is cut short or damaged; copy it again from its source.")


def unreadable(path: Path, kind: Format, error: BaseException | str) -> FilmError:
    """Return the error of a file that a decoder rejected, with the decoder's message."""
    text = str(error) if isinstance(error, str) else str(error) or type(error).__name__
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = next((line for line in lines if "ITK ERROR" in line), lines[-1] if lines else "no reason given")
    said = re.sub(r"^.*ITK ERROR: (\w+\(0x\w+\): )?", "", said).replace(str(path), "the file").rstrip(".!")
    return FilmError(
        f"{path}: the {kind} file is cut short, damaged or of a kind that cannot be read ({said[:200]}); "
        "copy it again, or save it as PNG."
    )


def several_images(path: Path, shown: str) -> FilmError:
    """Return the error of a file that holds more than one image."""
    return FilmError(
        f"{path}: expected one 2D film, got {shown} (a volume, several frames or pages); save the one film alone."
    )


def _kind(path: Path, head: bytes) -> Format | None:
    if head[128:132] == b"DICM":
        return "DICOM"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        return "NIfTI"
    if name.endswith((".mha", ".mhd")):
        return "MetaImage"
    return "DICOM" if name.endswith((".dcm", ".dicom")) or _is_dicom(head) else None


def _is_dicom(head: bytes) -> bool:
    """Return whether a file begins as DICOM; old files have no preamble and begin with the tags of group 2 or 8."""
    if head[128:132] == b"DICM":
        return True
    if head[:2] not in (b"\x02\0", b"\x08\0") or len(head) < 16:
        return False
    length = int.from_bytes(head[6:8] if _VR.match(head, 4) else head[4:8], "little")
    following = 8 + length
    # Two tags of the same group one after the other.
    return head[following : following + 2] == head[:2]
