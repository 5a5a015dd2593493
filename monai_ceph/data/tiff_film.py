"""Read TIFF films with Pillow or ITK, whichever decodes the samples exactly as stored according to the tags.

Both libraries silently convert some variants: ITK cuts tiled and planar 16-bit films to 8 bits and reads half floats as
integers, Pillow cuts 16-bit colours, and each applies the orientation of some variants only. So each gets only the
variants that it reads correctly, without their tags for orientation and WhiteIsZero; all others are refused.
``tests/data/test_tiff_film.py`` compares every variant with the array that it was written from.

Source: TIFF 6.0; BigTIFF; TIFF Technical Note 3 (floats).
"""

from __future__ import annotations

import io
import math
import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from monai_ceph.data.film_format import FilmError, cut_short, several_images, unreadable
from monai_ceph.data.film_limits import check_dimensions, read_bytes
from monai_ceph.data.film_samples import FilmSamples
from monai_ceph.data.itk_film import itk_decoded
from monai_ceph.data.pillow_film import pillow_pixels

_SUBFILE, _OLD_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
_STRIPS, _ORIENTATION, _SAMPLES, _STRIP_BYTES, _X_RESOLUTION, _Y_RESOLUTION = 273, 274, 277, 279, 282, 283
_PLANAR, _UNIT, _TILES, _TILE_BYTES, _EXTRA, _FORMAT = 284, 296, 324, 325, 338, 339
_TYPES = {1: "B", 3: "H", 4: "I", 5: "II", 16: "Q"}
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _PALETTE, _YCBCR = 0, 1, 3, 6
_JPEG = 7
_FAX = (2, 3, 4)
_LOSSLESS = (1, 5, 8, 32773, 32946)
_MOST_PAGES = 1000
_FORMATS = {1: "u", 2: "i", 3: "f", 4: "u"}
_PILLOW = {("u", 1), ("u", 2), ("u", 4), ("u", 8), ("u", 16), ("i", 16), ("i", 32), ("f", 32)}
_ITK = {("u", 8), ("u", 16), ("i", 8), ("i", 16), ("u", 32), ("i", 32), ("f", 32)}


@dataclass
class Page:
    """The tags of one page: their numbers, and where in the file each value lies."""

    order: str
    big: bool
    values: dict[int, tuple[int, ...]] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)

    def first(self, tag: int, default: int) -> int:
        """Return the first number of a tag."""
        return (self.values.get(tag) or (default,))[0]


def read_tiff(path: Path) -> FilmSamples:
    """Read a TIFF film.

    Raises:
        FilmError: the file is cut short, damaged, too large, has several pages, or is a variant that neither library
            reads correctly; the message says which.
    """
    data = read_bytes(path)
    page = film_page(path, data)
    bits, samples = page.first(_BITS, 1), page.first(_SAMPLES, 1)
    number = _FORMATS.get(page.first(_FORMAT, 1), "other")
    photometric, compression = page.first(_PHOTOMETRIC, _BLACK_IS_ZERO), page.first(_COMPRESSION, 1)
    per_pixel = 3 if photometric == _PALETTE else samples
    if compression == _JPEG:
        per_pixel = 4
    check_dimensions(path, page.first(_WIDTH, 0), page.first(_HEIGHT, 0), per_pixel * max(1, bits / 8))
    _check_kind(path, page)
    _check_length(path, page, len(data))
    upright = _without(data, page)
    pixels = _pillow(upright) if _is_pillows(page) else itk_decoded(path, "TIFF", upright)
    if photometric == _WHITE_IS_ZERO:
        pixels = _inverted(pixels, bits, number)
    orientation = page.first(_ORIENTATION, 1)
    return FilmSamples(pixels, orientation=orientation if 1 <= orientation <= 8 else 1, dpi=_dpi(page))


def tiff_size(path: Path) -> tuple[int, int]:
    """Return (X, Y) from the tags. Raises FilmError as :func:`film_page`."""
    page = film_page(path, read_bytes(path))
    return page.first(_WIDTH, 0), page.first(_HEIGHT, 0)


def film_page(path: Path, data: bytes) -> Page:
    """Return the tags of a TIFF's only page.

    Raises:
        FilmError: damaged, or several pages that are not smaller copies of the first.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    try:
        (at,) = struct.unpack_from(f"{order}Q" if big else f"{order}I", data, 8 if big else 4)
        pages, seen = [], set[int]()
        while at:
            if at in seen or len(seen) >= _MOST_PAGES:
                raise unreadable(path, "TIFF", "its list of pages never ends")
            seen.add(at)
            page, at = _page(data, at, order, big)
            pages.append(page)
    except struct.error as error:
        raise cut_short(path, "TIFF") from error
    if not pages:
        raise cut_short(path, "TIFF")
    films = [page for page in pages[1:] if not (page.first(_SUBFILE, 0) & 5 or page.first(_OLD_SUBFILE, 1) == 2)]
    if films:
        first = pages[0]
        raise several_images(path, f"{first.first(_WIDTH, 0)} x {first.first(_HEIGHT, 0)} x {1 + len(films)}")
    if len(pages) > 1:
        raise FilmError(f"{path}: a TIFF with a thumbnail as second page is not read; save the film alone.")
    return pages[0]


def _page(data: bytes, at: int, order: str, big: bool) -> tuple[Page, int]:
    page = Page(order, big)
    (count,) = struct.unpack_from(f"{order}Q" if big else f"{order}H", data, at)
    at += 8 if big else 2
    size, long = (20, "Q") if big else (12, "I")
    if at + count * size > len(data):
        raise struct.error("the page's tags lie beyond the file's end")
    for entry in range(at, at + count * size, size):
        tag, kind, number = struct.unpack_from(f"{order}HH{long}", data, entry)
        if kind not in _TYPES:
            continue
        layout = _TYPES[kind]
        length = struct.calcsize(f"{order}{layout}") * number
        if length > len(data):
            raise struct.error("a tag is longer than the file")
        place = entry + (12 if big else 8)
        if length > (8 if big else 4):
            (place,) = struct.unpack_from(f"{order}{long}", data, place)
        page.values[tag] = struct.unpack_from(f"{order}{number * len(layout)}{layout[0]}", data, place)
        page.places[tag] = place
    (following,) = struct.unpack_from(f"{order}{long}", data, at + count * size)
    return page, following


def _check_kind(path: Path, page: Page) -> None:
    bits, samples, compression = page.first(_BITS, 1), page.first(_SAMPLES, 1), page.first(_COMPRESSION, 1)
    photometric, number = page.first(_PHOTOMETRIC, _BLACK_IS_ZERO), _FORMATS.get(page.first(_FORMAT, 1), "other")
    all_bits, formats = page.values.get(_BITS, (1,)), page.values.get(_FORMAT, (1,))
    tiled, planar = _TILES in page.values, page.first(_PLANAR, 1) == 2
    gray = photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO)
    shown = f"{bits}-bit {'float' if number == 'f' else 'integer'} samples"
    reason = None
    if not (gray or photometric in (2, _PALETTE, _YCBCR)):
        reason = f"colours of kind {photometric} (neither gray nor RGB)"
    elif len({*all_bits}) > 1 or len({*formats}) > 1 or number == "other":
        reason = "samples of several kinds, or complex ones"
    elif samples > 4 or (gray and samples > 2) or (photometric == _PALETTE and (samples > 1 or bits > 8)):
        reason = f"{samples} samples a pixel"
    elif compression == _JPEG and (bits != 8 or number != "u"):
        reason = f"JPEG of {shown}"
    elif photometric == _PALETTE and not _is_pillows(page):
        reason = "a palette"
    elif photometric == _YCBCR and compression != _JPEG:
        reason = "YCbCr colours that are not compressed by JPEG"
    elif compression not in (*_LOSSLESS, _JPEG, *(_FAX if bits == 1 else ())):
        reason = f"compression {compression}"
    elif compression != _JPEG and not _is_pillows(page):
        layout = " ".join(("tiled",) * tiled + ("planar",) * (planar and samples > 1))
        if (number, bits) not in _ITK or samples == 2:
            reason = f"{shown}, {samples} a pixel"
        elif layout:
            reason = f"{layout} {shown}, {samples} a pixel"
    if reason:
        raise FilmError(f"{path}: a TIFF with {reason} is not read; save it as PNG.")


def _is_pillows(page: Page) -> bool:
    """Return whether Pillow decodes the samples as stored."""
    if page.first(_COMPRESSION, 1) == _JPEG:
        return False  # whose complaints Pillow drops
    if page.big and page.order == ">":
        return False  # which Pillow does not know
    bits, samples = page.first(_BITS, 1), page.first(_SAMPLES, 1)
    number = _FORMATS.get(page.first(_FORMAT, 1), "other")
    if samples == 1:
        return (number, bits) in _PILLOW
    tiled_planes = _TILES in page.values and page.first(_PLANAR, 1) == 2
    return (number, bits) == ("u", 8) and not tiled_planes and (samples != 2 or page.first(_PLANAR, 1) == 1)


def _check_length(path: Path, page: Page, size: int) -> None:
    tiled = _TILES in page.values
    starts = page.values.get(_TILES if tiled else _STRIPS)
    lengths = page.values.get(_TILE_BYTES if tiled else _STRIP_BYTES)
    if not starts:
        raise cut_short(path, "TIFF")
    if lengths is None:  # of one strip, until the file's end
        lengths = (size - starts[0],) if len(starts) == 1 else ()
    if len(starts) != len(lengths) or any(a + b > size for a, b in zip(starts, lengths, strict=True)):
        raise cut_short(path, "TIFF")
    if page.first(_COMPRESSION, 1) == 1:
        row = -(-page.first(_WIDTH, 0) * page.first(_SAMPLES, 1) * page.first(_BITS, 1) // 8)
        if page.first(_PLANAR, 1) == 1 and sum(lengths) < row * page.first(_HEIGHT, 0):
            raise cut_short(path, "TIFF")


def _without(data: bytes, page: Page) -> bytes:
    """Return the file without its orientation, its WhiteIsZero, and a planar layout of a single plane."""
    changed = {_ORIENTATION: 1}
    if page.first(_SAMPLES, 1) == 1:
        changed[_PLANAR] = 1  # the same layout, but Pillow ignores the byte order of planar files
    if page.first(_PHOTOMETRIC, _BLACK_IS_ZERO) == _WHITE_IS_ZERO:
        changed[_PHOTOMETRIC] = _BLACK_IS_ZERO
    changed = {tag: value for tag, value in changed.items() if tag in page.places and page.first(tag, 1) != value}
    if not changed:
        return data
    content = bytearray(data)
    for tag, value in changed.items():
        struct.pack_into(f"{page.order}H", content, page.places[tag], value)
    return bytes(content)


def _pillow(data: bytes) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=("TIFF",)) as picture:
        return pillow_pixels(picture)


def _inverted(pixels: np.ndarray, bits: int, number: str) -> np.ndarray:
    """Return the complement within the samples' range; of floats, which have none, within their own."""
    if number == "i":
        return -1 - pixels.astype(np.float64)
    if number == "f":
        return (pixels.max() + pixels.min()) - pixels
    highest = 255 if bits <= 8 else 2**bits - 1  # fewer than 8 bits come as 8
    return highest - pixels.astype(np.float64)


def _dpi(page: Page) -> tuple[float, float] | None:
    per_inch = {2: 1.0, 3: 2.54}.get(page.first(_UNIT, 2))
    x, y = page.values.get(_X_RESOLUTION, ()), page.values.get(_Y_RESOLUTION, ())
    if per_inch is None or len(x) != 2 or len(y) != 2 or not x[1] or not y[1]:
        return None
    dpi = (x[0] / x[1] * per_inch, y[0] / y[1] * per_inch)
    return dpi if all(0 < value < math.inf for value in dpi) else None
