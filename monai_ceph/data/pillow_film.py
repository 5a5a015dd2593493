"""Read PNG and BMP films with Pillow, but only the variants that Pillow decodes exactly as stored."""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.data.film_format import FilmError, Format, cut_short, several_images, unreadable
from monai_ceph.data.film_limits import check_dimensions, read_bytes
from monai_ceph.data.film_samples import FilmSamples

EXIF_ORIENTATION = 0x0112
_PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type


def read_png(path: Path) -> FilmSamples | None:
    """Read a PNG film.

    Returns:
        None if ITK must read it: of 16-bit colours, Pillow would keep only the upper byte.
    Raises:
        FilmError: cut short, damaged, too large, or an animation.
    """
    data = read_bytes(path)
    remarks, frames, header = [], 1, b""
    for kind, body, intact in _png_chunks(path, data):
        if not intact and kind[:1].isupper():
            raise unreadable(path, "PNG", f"checksum of its {kind.decode('latin-1')} chunk is wrong")
        if not intact:
            remarks.append(f"PNG: checksum of the {kind.decode('latin-1')} chunk is wrong")
        if kind == b"IHDR":
            header = bytes(body)
        if kind == b"acTL" and len(body) >= 4:
            (frames,) = struct.unpack_from(">I", body)
    if len(header) != 13:
        raise cut_short(path, "PNG")
    width, height, bits, colour = struct.unpack_from(">IIBB", header)
    if colour not in _PNG_SAMPLES or bits not in (1, 2, 4, 8, 16):
        raise unreadable(path, "PNG", f"colour type {colour}, {bits} bits")
    if frames > 1:
        raise several_images(path, f"{frames} frames")
    # Colours of a palette are decoded to three samples.
    check_dimensions(path, width, height, max(1, bits // 8) * (3 if colour == 3 else _PNG_SAMPLES[colour]))
    if bits == 16 and colour != 0:
        return None
    return _decoded("PNG", data, tuple(remarks))


def read_bmp(path: Path) -> FilmSamples:
    """Read a BMP film of Windows or OS/2.

    Raises:
        FilmError: cut short, damaged, too large, or compressed by run lengths.
    """
    data = read_bytes(path)
    if len(data) < 26:
        raise cut_short(path, "BMP")
    start, header = struct.unpack_from("<II", data, 10)
    if header == 12:  # OS/2
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    elif 16 <= header <= 124 and len(data) >= 54:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    else:
        raise unreadable(path, "BMP", f"a header of {header} bytes")
    height = abs(height)
    check_dimensions(path, width, height, 1 if bits <= 8 else 3)
    if compression not in (0, 3):
        raise FilmError(f"{path}: the BMP is compressed (kind {compression}), which is not read; save it as PNG.")
    if bits not in (1, 4, 8, 16, 24, 32):
        raise unreadable(path, "BMP", f"{bits} bits a pixel")
    if len(data) < start + (width * bits + 31) // 32 * 4 * height:
        raise cut_short(path, "BMP")
    return _decoded("BMP", data, ())


def pillow_size(path: Path, kind: Format) -> tuple[int, int]:
    """Return (X, Y) from the header of a PNG, JPEG or BMP film; raise what Pillow does if it is damaged."""
    from PIL import Image

    with Image.open(path, formats=(kind,)) as picture:
        size: tuple[int, int] = picture.size
        return size


def stated_orientation(picture: Any) -> int:
    """Return the EXIF orientation of an open Pillow image; 1 if it is missing or unreadable."""
    try:
        value = picture.getexif().get(EXIF_ORIENTATION, 1)
    except Exception:  # the tags alone: the pixels are decoded
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def stated_dpi(picture: Any) -> tuple[float, float] | None:
    """Return the dots per inch, (along x, along y), that an open Pillow image states."""
    try:
        x, y = (float(value) for value in picture.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if 0 < x < math.inf and 0 < y < math.inf else None


def pillow_pixels(picture: Any) -> np.ndarray:
    """Return the samples of an open Pillow image, (Y, X, 1 or 3 or 4); palettes become RGB, one bit 0 and 255."""
    if picture.mode in ("P", "PA"):
        picture = picture.convert("RGB")
    elif picture.mode in ("1", "LA"):
        picture = picture.convert("L")
    pixels = np.asarray(picture)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _decoded(kind: Format, data: bytes, remarks: tuple[str, ...]) -> FilmSamples:
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=(kind,)) as picture:
        pixels = pillow_pixels(picture)
        return FilmSamples(pixels, orientation=stated_orientation(picture), dpi=stated_dpi(picture), remarks=remarks)


def _png_chunks(path: Path, data: bytes) -> Iterator[tuple[bytes, memoryview, bool]]:
    """Yield each chunk's kind, body and whether its checksum is right. Raises FilmError if the end mark is missing."""
    view, at = memoryview(data), 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        kind, body = bytes(view[at + 4 : at + 8]), view[at + 8 : end - 4]
        intact = zlib.crc32(view[at + 4 : end - 4]) == int.from_bytes(view[end - 4 : end], "big")
        yield kind, body, intact
        if kind == b"IEND":
            return
        at = end
    raise cut_short(path, "PNG")
