"""Read DICOM films: from stored values to the gray values that the file wants displayed, bone bright.

In this order, as DICOM's grayscale pipeline has it:

1. Stored values: bits above HighBit and beyond BitsStored are cut off (old files keep overlays there).
2. Modality LUT, or RescaleSlope and RescaleIntercept.
3. The first VOI LUT or else the first window, with its VOILUTFunction. A window that no program can apply, or that
   would leave one gray on nearly the whole film, is passed over with a remark.
4. Inversion, if PhotometricInterpretation is MONOCHROME1 or PresentationLUTShape is INVERSE. Both together mean one
   inversion: DICOM asks for the pair.
5. Padding (PixelPaddingValue, PixelPaddingRangeLimit) becomes the darkest gray of the rest.

Source: DICOM PS3.3, C.7.6.3 "Image Pixel", C.7.5.1.1.2 "Pixel Padding", C.11.1, C.11.2, C.11.6 and C.8.11.3.1.5; PS3.5,
A.4 for encapsulated pixels.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from monai_ceph.data.dicom_spacing import dicom_spacing
from monai_ceph.data.film_format import FilmError, cut_short, several_images
from monai_ceph.data.film_limits import check_dimensions, read_bytes
from monai_ceph.data.film_samples import FilmSamples
from monai_ceph.data.itk_film import itk_decoded
from monai_ceph.data.jpeg_film import jpeg_segments

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_COPIED_TAGS = (
    *("Rows", "Columns", "SamplesPerPixel", "PlanarConfiguration", "PhotometricInterpretation"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData"),
)
_GRAY = ("MONOCHROME1", "MONOCHROME2")
_NO_GROUP = 0xFFFF
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_ABOUT_PIXELS = re.compile("End of file|pixel data|fragment|lookup table", re.IGNORECASE)
_JPEG_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_SATURATED = 0.98
"""Share of a film's pixels beyond a window's ends from which the window is ignored."""


def read_dicom(path: Path) -> FilmSamples:
    """Read a DICOM film.

    Raises:
        FilmError: no image, cut short, longer than its header says, several frames, or too large.
        Exception: whatever a damaged tag leads to in pydicom.
    """
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        dataset = _dataset(path)
        pixels, remarks = _displayed(path, dataset)
    messages = dict.fromkeys(str(complaint.message).splitlines()[0] for complaint in complaints)
    # What pydicom finds odd in other tags is not this reader's business.
    remarks += tuple(f"DICOM: {text}" for text in messages if _ABOUT_PIXELS.search(text))
    return FilmSamples(pixels, spacing=dicom_spacing(dataset), remarks=remarks)


def dicom_size(path: Path) -> tuple[int, int]:
    """Return (X, Y) from the header. Raises as :func:`read_dicom`, except for what the pixels tell."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = _dataset(path)
        return int(dataset.Columns), int(dataset.Rows)


def _dataset(path: Path) -> Dataset:
    import pydicom

    # From memory: of a file, pydicom would ask for as many bytes as a damaged tag says that it has.
    dataset = pydicom.dcmread(io.BytesIO(read_bytes(path)), force=True)
    if not len(dataset):  # pydicom keeps no tag of a file that ends within one
        raise cut_short(path, "DICOM")
    if any(tag >> 16 == _NO_GROUP for tag in dataset.keys()):  # noqa: SIM118 (iterating decodes every tag)
        raise ValueError("its list of tags is damaged")
    _check_header(path, dataset)
    return dataset


def _check_header(path: Path, dataset: Dataset) -> None:
    if "Rows" not in dataset or "Columns" not in dataset:
        raise FilmError(f"{path}: this DICOM file holds no image (a report or a directory?); name the film itself.")
    rows, columns, frames = int(dataset.Rows), int(dataset.Columns), int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise several_images(path, f"{columns} x {rows} x {frames}")
    samples, bits = int(dataset.SamplesPerPixel), int(dataset.BitsAllocated)
    if samples not in (1, 3) or bits not in (1, 8, 16, 32, 64):
        raise FilmError(
            f"{path}: expected gray or RGB of 8, 16 or 32 bits, got {samples} samples of {bits} bits; save it as PNG."
        )
    # Gray goes through two steps in float64, colours through none.
    check_dimensions(path, columns, rows, samples * bits / 8 + (8 if samples == 1 else 0))
    if not any(tag in dataset for tag in _PIXELS):
        raise FilmError(f"{path}: this DICOM file holds no pixels; copy it again from its source.")
    if "PixelData" in dataset and not _is_compressed(dataset):
        _check_length(path, dataset, rows * columns * samples, bits)


def _check_length(path: Path, dataset: Dataset, count: int, bits: int) -> None:
    expected, actual = -(-count * bits // 8), len(dataset.PixelData)
    if actual != expected + expected % 2 and actual != expected:
        raise FilmError(
            f"{path}: its pixel data have {actual} bytes where its header says {expected} "
            f"({100 * actual / expected:.0f} %); copy it again from its source."
        )


def _displayed(path: Path, dataset: Dataset) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the values to display, (Y, X, 1 or 3), and remarks."""
    if dataset.SamplesPerPixel == 3 or dataset.PhotometricInterpretation not in _GRAY:
        return _colours(path, dataset), ()
    stored = _stored(path, dataset)
    padding = _padding(dataset, stored)
    if "PixelData" in dataset:
        stored = _used_bits(dataset, stored)
        padding |= _padding(dataset, stored)
    if padding.all():
        raise FilmError(
            f"{path}: all its pixels are padding (PixelPaddingValue); it shows no film; check what was exported."
        )
    values, lowest, highest = _modality(dataset, stored)
    values, lowest, highest, remarks = _voi(dataset, values, lowest, highest, ~padding)
    shape = str(dataset.get("PresentationLUTShape") or "").strip().upper()
    if dataset.PhotometricInterpretation == "MONOCHROME1" or shape == "INVERSE":
        values = (lowest + highest) - values.astype(np.float64)
    if padding.any():
        values = np.where(padding, values[~padding].min(), values)
    return values[..., None], remarks


def _stored(path: Path, dataset: Dataset) -> np.ndarray:
    """Return the stored values, (Y, X), all their bits."""
    if _is_compressed(dataset):
        return _decompressed(path, dataset, "MONOCHROME2")[..., 0]
    return _uncompressed(dataset)[..., 0]


def _uncompressed(dataset: Dataset) -> np.ndarray:
    """Return the samples of uncompressed pixels, (Y, X, samples), all their bits.

    pydicom's own ``pixel_array`` differs between its versions in what it does to unused bits and colours.
    """
    bits, rows, columns = int(dataset.BitsAllocated), int(dataset.Rows), int(dataset.Columns)
    tag = next(tag for tag in _PIXELS if tag in dataset)
    if bits == 1:
        return np.asarray(dataset.pixel_array)[..., None]
    order = ">" if _syntax(dataset) == _BIG_ENDIAN else "<"
    if order == ">" and bits == 8:  # its bytes may be swapped in pairs
        raise ValueError("8-bit pixels in big-endian order")
    kind = "f" if tag != "PixelData" else "i" if dataset.get("PixelRepresentation") else "u"
    samples = int(dataset.SamplesPerPixel)
    values = np.frombuffer(dataset[tag].value, f"{order}{kind}{bits // 8}", rows * columns * samples)
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if samples > 1 and dataset.get("PlanarConfiguration"):
        return values.reshape(samples, rows, columns).transpose(1, 2, 0)
    return values.reshape(rows, columns, samples)


def _colours(path: Path, dataset: Dataset) -> np.ndarray:
    """Return RGB, (Y, X, 3)."""
    photometric = str(dataset.PhotometricInterpretation)
    if photometric == "PALETTE COLOR":
        apply_color_lut = _pydicom("apply_color_lut")
        return np.asarray(apply_color_lut(_stored(path, dataset), dataset))
    if _is_compressed(dataset):
        return _decompressed(path, dataset, photometric)
    pixels = _uncompressed(dataset)
    if photometric == "YBR_FULL":
        pixels = _pydicom("convert_color_space")(pixels, photometric, "RGB")
    elif photometric != "RGB":
        raise FilmError(f"{path}: DICOM colours of kind {photometric} are not read; save it as PNG.")
    return np.asarray(pixels)


def _is_compressed(dataset: Dataset) -> bool:
    from pydicom.uid import UID

    syntax = UID(_syntax(dataset))
    if syntax.is_transfer_syntax:
        return bool(syntax.is_encapsulated)
    # Of a syntax that pydicom does not know: compressed pixels have no length of their own.
    return "PixelData" in dataset and bool(dataset["PixelData"].is_undefined_length)


def _syntax(dataset: Dataset) -> str:
    """Return the transfer syntax; old files name none, and theirs is DICOM's default."""
    return str(dataset.file_meta.get("TransferSyntaxUID") or "1.2.840.10008.1.2")


def _decompressed(path: Path, dataset: Dataset, photometric: str) -> np.ndarray:
    """Return the samples of compressed pixels through ITK, from a copy that states nothing beside them.

    ITK would apply some of what the file says to its pixels, in its own way.
    """
    _check_frame(path, dataset)
    return itk_decoded(path, "DICOM", _bare(dataset, photometric))


def _bare(dataset: Dataset, photometric: str) -> bytes:
    import pydicom

    bare = pydicom.Dataset()
    bare.file_meta = pydicom.dataset.FileMetaDataset()
    bare.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    bare.SOPClassUID, bare.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    for tag in _COPIED_TAGS:
        if tag in dataset:
            bare.add_new(dataset[tag].tag, dataset[tag].VR, dataset[tag].value)
    bare.PhotometricInterpretation = photometric
    bare["PixelData"].is_undefined_length = True
    bare.is_little_endian, bare.is_implicit_VR = True, False  # of syntaxes that pydicom does not know
    pydicom_2 = pydicom.__version__.startswith("2.")
    whole = {"write_like_original": False} if pydicom_2 else {"enforce_file_format": True}
    file = io.BytesIO()
    bare.save_as(file, **whole)
    return file.getvalue()


def _check_frame(path: Path, dataset: Dataset) -> None:
    """Check the size in a JPEG's or JPEG 2000's own header against the film's."""
    data = bytes(dataset.PixelData[:65_536])
    size = None
    at = data.find(b"\xff\x4f\xff\x51")
    if at >= 0 and len(data) >= at + 24:
        right, bottom, left, top = struct.unpack_from(">IIII", data, at + 8)
        size = (right - left, bottom - top)
    elif (at := data.find(b"\xff\xd8\xff")) >= 0:
        for marker, place in jpeg_segments(data, at + 2):
            if marker in _JPEG_FRAMES and place + 9 <= len(data):
                size = struct.unpack_from(">HH", data, place + 5)[::-1]
                break
    expected = (int(dataset.Columns), int(dataset.Rows))
    if size is not None and size != expected:
        raise FilmError(
            f"{path}: its compressed picture has {size[0]} x {size[1]} pixels where its header says "
            f"{expected[0]} x {expected[1]}; copy it again from its source."
        )


def _used_bits(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """Return stored values without the bits that are not part of them."""
    allocated = stored.dtype.itemsize * 8
    bits = int(dataset.get("BitsStored") or allocated)
    shift = int(dataset.get("HighBit", bits - 1)) - (bits - 1)
    if stored.dtype.kind not in "ui" or not 0 < bits <= allocated or not 0 <= shift <= allocated - bits:
        return stored
    # Up against the highest bit, and down again: the sign comes along.
    return (stored << (allocated - bits - shift)) >> (allocated - bits)


def _padding(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """Return which stored values are padding, (Y, X) bool."""
    ends = [dataset.get("PixelPaddingValue"), dataset.get("PixelPaddingRangeLimit")]
    numbers = [int(end) for end in ends if isinstance(end, int)]
    if not isinstance(ends[0], int) or stored.dtype.kind not in "ui":
        return np.zeros(stored.shape, dtype=bool)
    if stored.dtype.kind == "i":  # writers that give a signed film an unsigned padding
        highest = np.iinfo(stored.dtype).max
        numbers = [number - 2 * (highest + 1) if number > highest else number for number in numbers]
    return (stored >= min(numbers)) & (stored <= max(numbers))


def _modality(dataset: Dataset, stored: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return values after the modality LUT or rescale, and the range that they may have."""
    if dataset.get("ModalityLUTSequence"):
        return _through_table(dataset, dataset.ModalityLUTSequence[0], stored)
    values = np.asarray(_pydicom("apply_modality_lut")(stored, dataset))
    if stored.dtype.kind == "f":
        return values, float(values.min()), float(values.max())
    bits = int(dataset.get("BitsStored") or stored.dtype.itemsize * 8)
    ends = np.array([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] if stored.dtype.kind == "i" else [0, 2**bits - 1])
    low, high = sorted(float(end) for end in _pydicom("apply_modality_lut")(ends, dataset))
    return values, low, high


def _voi(
    dataset: Dataset, values: np.ndarray, low: float, high: float, film: np.ndarray
) -> tuple[np.ndarray, float, float, tuple[str, ...]]:
    """Return values after the first VOI LUT or window, their range, and remarks on one that was passed over."""
    out_low, out_high = low, high
    if dataset.get("VOILUTSequence"):
        out, out_low, out_high = _through_table(dataset, dataset.VOILUTSequence[0], values)
        mapping = "VOI LUT"
    elif dataset.get("WindowCenter") is not None and dataset.get("WindowWidth") is not None:
        try:
            out = np.asarray(_pydicom("apply_windowing")(values, dataset))
        except ValueError as error:
            return values, low, high, (f"DICOM: its window is not applied ({error})",)
        mapping = "window"
    else:
        return values, low, high, ()
    displayed = out[film]
    saturated = max(np.count_nonzero(displayed == end) for end in (displayed.min(), displayed.max()))
    if saturated > _SATURATED * displayed.size and values[film].min() < values[film].max():
        return values, low, high, (f"DICOM: its {mapping} is not applied, it would leave nothing to be seen",)
    return out, out_low, out_high, ()


def _through_table(dataset: Dataset, item: Dataset, values: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return values through a lookup table, and the table's range.

    pydicom's own function wraps values above 255 around where the table's entries have 8 bits.
    """
    count, first, bits = (int(number) for number in item.LUTDescriptor)
    count = count or 2**16
    data = item.LUTData
    if isinstance(data, bytes):
        order = ">" if _syntax(dataset) == _BIG_ENDIAN else "<"
        data = np.frombuffer(data, dtype="u1" if len(data) < 2 * count else f"{order}u2")
    table = np.asarray(data, dtype=np.int64)[:count]
    if len(table) < count:
        raise ValueError(f"a lookup table of {count} entries holds {len(table)}")
    steps = np.clip(np.rint(values).astype(np.int64) - first, 0, count - 1)
    return table[steps].astype(np.float32), 0.0, float(max(2**bits - 1, table.max()))


def _pydicom(name: str) -> Any:
    """Return one of pydicom's pixel functions, which moved in version 3."""
    try:
        import pydicom.pixels as functions
    except ImportError:
        import pydicom.pixel_data_handlers.util as functions
    return getattr(functions, name)
