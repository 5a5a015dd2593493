"""Read JPEG films with libjpeg-turbo, and keep its warnings.

On damage, libjpeg only warns and fills in what is missing, and most programs ignore the warning.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from monai_ceph.data.film_format import FilmError, cut_short
from monai_ceph.data.film_limits import check_dimensions, read_bytes
from monai_ceph.data.film_samples import FilmSamples
from monai_ceph.data.pillow_film import stated_dpi, stated_orientation


def read_jpeg(path: Path) -> FilmSamples:
    """Read a JPEG film.

    Raises:
        FilmError: cut short, too large, or in the colours of a printer.
        ValueError: of a kind that libjpeg does not decode.
    """
    import simplejpeg

    data = read_bytes(path)
    if not _is_whole(data):
        raise cut_short(path, "JPEG")
    height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    if colours not in ("Gray", "YCbCr", "RGB"):
        raise FilmError(f"{path}: its colours are a printer's ({colours}); save it as gray or RGB.")
    samples = "GRAY" if colours == "Gray" else "RGB"
    check_dimensions(path, width, height, 1 if samples == "GRAY" else 3)
    remarks: tuple[str, ...] = ()
    try:
        pixels = simplejpeg.decode_jpeg(data, samples)
    except ValueError as complaint:
        remarks = (f"JPEG: {complaint}",)
        pixels = simplejpeg.decode_jpeg(data, samples, strict=False)
    orientation, dpi = _exif(data)
    return FilmSamples(pixels, orientation=orientation, dpi=dpi, remarks=remarks)


def _exif(data: bytes) -> tuple[int, tuple[float, float] | None]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
            return stated_orientation(picture), stated_dpi(picture)
    except Exception:  # the tags alone: the pixels are decoded
        return 1, None


def _is_whole(data: bytes) -> bool:
    """Return whether the scan of a JPEG has its end mark; a thumbnail inside the header has one of its own."""
    for marker, at in jpeg_segments(data, 2):
        if marker == 0xDA:  # start of scan
            return data.find(b"\xff\xd9", at) >= 0
    return False


def jpeg_segments(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Yield the marker and the place of each segment of a JPEG's header, the first of which is at ``at``."""
    while at + 4 <= len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xFF:  # fill byte
            at += 1
        else:
            yield data[at + 1], at
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
