"""What kind of file a film is, by its first bytes, and whether it is whole.

The suffix is not believed: films are renamed by hand. ITK's readers for JPEG, BMP and NIfTI take a file that was cut
short without an error and fill in what is missing, so those are checked here.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import Literal, NamedTuple

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
_NIFTI_HEADER = 348


class FilmError(ValueError):
    """One film cannot be used; the message names the file and what to do."""


def is_dicom(path: Path) -> bool:
    """Whether a file carries DICOM's mark; False if it cannot be opened."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def film_format(path: Path) -> Format:
    """The format of a film.

    Raises:
        FilmError: no such file, a folder, not readable, empty, cut short, or no film at all.
    """
    try:
        if path.is_dir():
            raise FilmError(f"{path}: this is a folder, expected one film; name the film in it.")
        with path.open("rb") as file:
            head = file.read(_NIFTI_HEADER)
    except FileNotFoundError:
        raise FilmError(f"{path}: there is no such film; check the path.") from None
    except OSError as error:
        raise FilmError(f"{path}: the film cannot be opened ({error.strerror}); check its permissions.") from error
    if not head:
        raise FilmError(f"{path}: the film is empty (0 bytes); copy it again.")
    kind = _kind(path, head)
    if kind is None:
        raise FilmError(
            f"{path}: whatever its name says, its content is no image that can be read; expected one of "
            f"{' '.join(FILM_SUFFIXES)}. Is it damaged or renamed?"
        )
    if (kind == "JPEG" and not _jpeg_is_whole(path)) or (kind == "BMP" and not _bmp_is_whole(path, head)):
        raise _cut_short(path, kind)
    if kind == "NIfTI":
        _check_nifti(path)
    return kind


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
    # Old DICOM files have no mark; ITK tells whether this is one.
    return "DICOM" if name.endswith((".dcm", ".dicom")) else None


def _cut_short(path: Path, kind: Format) -> FilmError:
    return FilmError(f"{path}: the {kind} file is cut short or damaged; copy it again from its source.")


def _jpeg_is_whole(path: Path) -> bool:
    """Whether the scan of a JPEG has its end mark; a thumbnail inside the header has one of its own."""
    data = path.read_bytes()
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return False
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker == 0xDA:  # start of scan
            return data.find(b"\xff\xd9", at) >= 0
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def _bmp_is_whole(path: Path, head: bytes) -> bool:
    if len(head) < 54:
        return False
    (start,) = struct.unpack_from("<I", head, 10)
    (header,) = struct.unpack_from("<I", head, 14)
    if header < 40:  # the OS/2 form; rare, left to ITK
        return True
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", head, 18)
    rows = (abs(width) * bits + 31) // 32 * 4 * abs(height) if compression == 0 else 1
    return path.stat().st_size >= start + rows


def _check_nifti(path: Path) -> None:
    zipped = path.name.lower().endswith(".gz")
    try:
        data = gzip.decompress(path.read_bytes()) if zipped else path.read_bytes()
    except (EOFError, OSError, zlib.error) as error:
        raise _cut_short(path, "NIfTI") from error
    if len(data) < _NIFTI_HEADER or data[344:347] not in (b"n+1", b"n+2", b"ni1"):
        if data[4:7] == b"n+2":  # NIfTI-2 puts its mark elsewhere; its length is left to ITK
            return
        raise FilmError(f"{path}: this is not a NIfTI file, though its name says so; check how it was written.")
    order = "<" if struct.unpack_from("<i", data)[0] == _NIFTI_HEADER else ">"
    dims = struct.unpack_from(f"{order}8h", data, 40)
    (bits,) = struct.unpack_from(f"{order}h", data, 72)
    (start,) = struct.unpack_from(f"{order}f", data, 108)
    count = 1
    for size in dims[1 : 1 + max(dims[0], 0)]:
        count *= max(size, 1)
    if len(data) < start + count * bits // 8:
        raise _cut_short(path, "NIfTI")


class TiffTags(NamedTuple):
    """What ITK does not tell about a TIFF's first page."""

    white_is_zero: bool
    samples: int


def tiff_tags(path: Path) -> TiffTags:
    """Reads PhotometricInterpretation and SamplesPerPixel of the first page, from TIFF or BigTIFF.

    Source: TIFF 6.0, sections 2 and 8.
    """
    found = {262: 1, 277: 1}
    with path.open("rb") as file:
        head = file.read(16)
        order = "<" if head[:2] == b"II" else ">"
        big = head[2:4] in (b"+\0", b"\0+")
        file.seek(struct.unpack_from(f"{order}Q" if big else f"{order}I", head.ljust(16, b"\0"), 8 if big else 4)[0])
        count = int.from_bytes(file.read(8 if big else 2), "little" if order == "<" else "big")
        size, value_at = (20, 12) if big else (12, 8)
        for _ in range(min(count, 4096)):
            entry = file.read(size)
            if len(entry) < size:
                break
            (tag,) = struct.unpack_from(f"{order}H", entry)
            if tag in found:
                (found[tag],) = struct.unpack_from(f"{order}H", entry, value_at)
    return TiffTags(found[262] == 0, found[277])
