"""Check the headers of MetaImage and NIfTI files against their data before ITK reads them.

ITK's readers replace missing data by zeros and ignore surplus data, so mismatches are found here.

Source: MetaIO's documentation; nifti1.h and nifti2.h.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from pathlib import Path

import numpy as np

from monai_ceph.data.film_format import FilmError, Format, cut_short, several_images, unreadable
from monai_ceph.data.film_limits import check_dimensions, read_bytes
from monai_ceph.data.film_samples import check_finite

_META_BYTES = {
    **dict.fromkeys(("MET_CHAR", "MET_UCHAR"), 1),
    **dict.fromkeys(("MET_SHORT", "MET_USHORT"), 2),
    **dict.fromkeys(("MET_INT", "MET_UINT", "MET_FLOAT"), 4),
    **dict.fromkeys(("MET_LONG_LONG", "MET_ULONG_LONG", "MET_DOUBLE"), 8),
}
_META_HEADER = 65_536
_NIFTI_HEADER, _NIFTI2_HEADER = 348, 540
_NIFTI_BYTES = {2: 1, 4: 2, 8: 4, 16: 4, 64: 8, 128: 3, 256: 1, 512: 2, 768: 4, 2304: 4}
_NIFTI_FLOATS = (16, 64)


def check_volume(path: Path, kind: Format) -> None:
    """Check a MetaImage or a NIfTI file; others have no such header. Raises FilmError."""
    if kind == "MetaImage":
        check_metaimage(path)
    elif kind == "NIfTI":
        check_nifti(path)


def check_metaimage(path: Path) -> None:
    """Check a MetaImage's header against its data.

    Raises:
        FilmError: damaged, not one 2D image, too large, or its data are shorter or longer than its header says.
    """
    with path.open("rb") as file:
        head = file.read(_META_HEADER)
    fields: dict[str, str] = {}
    at = 0
    while True:
        end = head.find(b"\n", at)
        if end < 0:
            raise cut_short(path, "MetaImage")
        name, equals, value = head[at:end].decode("latin-1").partition("=")
        at = end + 1
        if not equals:
            raise unreadable(path, "MetaImage", "a line of its header is no 'name = value'")
        fields[name.strip()] = value.strip()
        if name.strip() == "ElementDataFile":
            break
    try:
        sizes = [int(size) for size in fields["DimSize"].split()]
        channels = int(fields.get("ElementNumberOfChannels", 1))
        size = _META_BYTES[fields["ElementType"].removesuffix("_ARRAY")]
        skipped = int(fields.get("HeaderSize", 0))
        compressed = fields.get("CompressedData", "False").lower().startswith(("t", "1"))
        packed = int(fields.get("CompressedDataSize", 0))
        if int(fields.get("NDims", len(sizes))) != len(sizes):
            raise ValueError(f"NDims {fields['NDims']} and DimSize {fields['DimSize']} differ")
    except (ValueError, KeyError) as error:
        raise unreadable(path, "MetaImage", f"its header lacks or has a wrong {error}") from error
    if len(sizes) < 2 or any(size != 1 for size in sizes[2:]):
        raise several_images(path, " x ".join(map(str, sizes)))
    if not 1 <= channels <= 4:
        raise FilmError(
            f"{path}: expected gray or RGB, with alpha or without, got {channels} channels; save it as PNG."
        )
    check_dimensions(path, sizes[0], sizes[1], channels * size)
    name = fields["ElementDataFile"]
    if name.upper() == "LOCAL":
        held, start = path.stat().st_size, at
    else:
        if re.search(r"^LIST|%", name):
            raise several_images(path, f"pixels in several files ({name[:40]})")
        data = path.parent / name
        if not data.is_file():
            raise FilmError(f"{path}: its pixels are in '{name}', which is not there; copy both files.")
        held, start = data.stat().st_size, 0
    if compressed:
        if packed and held - start - max(skipped, 0) < packed:
            raise cut_short(path, "MetaImage")
        return
    expected, actual = math.prod(sizes) * channels * size, held - start - max(skipped, 0)
    # A header size of -1 says that the pixels are the file's end, whatever comes before.
    if actual < expected:
        raise cut_short(path, "MetaImage")
    if actual > expected and skipped != -1:
        raise _too_long(path, "MetaImage", expected)


def check_nifti(path: Path) -> None:
    """Check a NIfTI's header against its data.

    Raises:
        FilmError: damaged, not one 2D image, too large, or its data are shorter or longer than its header says.
    """
    data = read_bytes(path)
    zipped = path.name.lower().endswith(".gz")
    try:
        head = zlib.decompressobj(wbits=31).decompress(data, _NIFTI2_HEADER) if zipped else data[:_NIFTI2_HEADER]
    except zlib.error as error:
        raise cut_short(path, "NIfTI") from error
    if head[4:7] == b"n+2":
        order = "<" if struct.unpack_from("<i", head)[0] == _NIFTI2_HEADER else ">"
        if len(head) < _NIFTI2_HEADER:
            raise cut_short(path, "NIfTI")
        kind, bits = struct.unpack_from(f"{order}hh", head, 12)
        dims = struct.unpack_from(f"{order}8q", head, 16)
        (start,) = struct.unpack_from(f"{order}q", head, 168)
    elif len(head) >= _NIFTI_HEADER and head[344:347] == b"n+1":
        order = "<" if struct.unpack_from("<i", head)[0] == _NIFTI_HEADER else ">"
        dims = struct.unpack_from(f"{order}8h", head, 40)
        kind, bits = struct.unpack_from(f"{order}hh", head, 70)
        (start,) = struct.unpack_from(f"{order}f", head, 108)
    else:
        raise FilmError(f"{path}: this is not a NIfTI file, though its name says so; check how it was written.")
    if not 1 <= dims[0] <= 7 or not math.isfinite(start) or start < 0:
        raise unreadable(path, "NIfTI", f"dimensions {dims}, data at {start}")
    if kind not in _NIFTI_BYTES or bits != 8 * _NIFTI_BYTES[kind]:
        raise unreadable(path, "NIfTI", f"samples of kind {kind} with {bits} bits")
    sizes = dims[1 : 1 + dims[0]]
    if len(sizes) < 2 or any(size not in (0, 1) for size in sizes[2:]):
        raise several_images(path, " x ".join(map(str, sizes)))
    check_dimensions(path, sizes[0], sizes[1], _NIFTI_BYTES[kind])
    expected = int(start) + sizes[0] * sizes[1] * _NIFTI_BYTES[kind]
    if zipped:
        data = _inflated(path, data, expected)
    if len(data) < expected:
        raise cut_short(path, "NIfTI")
    if len(data) > expected:
        raise _too_long(path, "NIfTI", expected)
    if kind in _NIFTI_FLOATS:  # ITK would replace NaN by zeros
        samples = np.frombuffer(data, f"{order}f{_NIFTI_BYTES[kind]}", sizes[0] * sizes[1], int(start))
        check_finite(path, samples)


def _inflated(path: Path, data: bytes, expected: int) -> bytes:
    """Return a gzip file's content, one byte beyond what is expected at most. Raises FilmError if it is damaged."""
    inflate = zlib.decompressobj(wbits=31)
    try:
        content = inflate.decompress(data, expected + 1)
    except zlib.error as error:
        raise cut_short(path, "NIfTI") from error
    if len(content) <= expected and not inflate.eof:  # its checksum comes last
        raise cut_short(path, "NIfTI")
    return content


def _too_long(path: Path, kind: str, expected: int) -> FilmError:
    return FilmError(
        f"{path}: the {kind} file holds more than the {expected} bytes that its header says; is the header of another "
        "film? Save the film anew."
    )
