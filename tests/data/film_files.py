"""Film files written by hand, byte for byte, so that no library that reads them has a say in what they hold."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset as Dicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

DX, CR, SC = ("1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.7")
PYDICOM_2 = pydicom.__version__.startswith("2.")  # MONAI Label's


def picture(dtype: type | str = np.uint8, channels: int | None = None) -> np.ndarray:
    """(Y, X) or (Y, X, C), as files store it: 20 columns, 30 rows, no symmetry."""
    shape = (30, 20) if channels is None else (30, 20, channels)
    random = np.random.default_rng(0)
    if np.dtype(dtype).kind == "f":
        return random.random(shape).astype(dtype)
    limits = np.iinfo(dtype)
    return random.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


def write_dicom(
    path: Path, array: np.ndarray, sop_class: str = DX, syntax: str = ExplicitVRLittleEndian, **tags: object
) -> Path:
    dicom = Dicom()
    dicom.file_meta = FileMetaDataset()
    dicom.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax == RLELossless else syntax
    dicom.SOPClassUID, dicom.SOPInstanceUID = sop_class, "1.2.3.4"
    dicom.Modality = {DX: "DX", CR: "CR", SC: "OT"}[sop_class]
    dicom.Rows, dicom.Columns = array.shape[:2]
    dicom.SamplesPerPixel = 1 if array.ndim == 2 else array.shape[2]
    if array.ndim == 3:
        dicom.PlanarConfiguration = 0
    dicom.BitsAllocated = dicom.BitsStored = array.itemsize * 8
    dicom.PhotometricInterpretation = "MONOCHROME2"
    dicom.PixelRepresentation = int(array.dtype.kind == "i")
    for name, value in tags.items():
        setattr(dicom, name, value)
    if "HighBit" not in tags:
        dicom.HighBit = dicom.BitsStored - 1
    dicom.PixelData = array.tobytes()
    dicom["PixelData"].VR = "OB" if array.itemsize == 1 else "OW"
    if PYDICOM_2:
        dicom.is_little_endian, dicom.is_implicit_VR = True, syntax == ImplicitVRLittleEndian
    if syntax == RLELossless:
        dicom.compress(RLELossless)
    dicom.save_as(path, **({"write_like_original": False} if PYDICOM_2 else {"enforce_file_format": True}))
    return path


def tiff(
    array: np.ndarray,
    order: str = "<",
    photometric: int | None = None,
    big: bool = False,
    tile: int = 0,
    planar: bool = False,
    orientation: int = 0,
    pages: int = 1,
) -> bytes:
    """An uncompressed TIFF of (Y, X) or (Y, X, C), in one strip a plane or in square tiles."""
    array = array if array.ndim == 3 else array[..., None]
    rows, columns, samples = array.shape
    data = array.astype(array.dtype.newbyteorder(order))
    blocks = []
    for plane in np.split(data, samples, axis=2) if planar else [data]:
        for y in range(0, rows, tile or rows):
            for x in range(0, columns, tile or columns):
                block = plane[y : y + (tile or rows), x : x + (tile or columns)]
                if tile:
                    block = np.pad(block, ((0, tile - block.shape[0]), (0, tile - block.shape[1]), (0, 0)))
                blocks.append(block.tobytes())
    head = 16 if big else 8
    starts = [head + sum(map(len, blocks[:k])) for k in range(len(blocks))]
    photometric = (2 if samples >= 3 else 1) if photometric is None else photometric
    short: dict[int, list[int]] = {
        256: [columns],
        257: [rows],
        258: [array.itemsize * 8] * samples,
        259: [1],
        262: [photometric],
        277: [samples],
        284: [2 if planar else 1],
        339: [{"u": 1, "i": 2, "f": 3}[array.dtype.kind]] * samples,
    }
    if orientation:
        short[274] = [orientation]
    if samples in (2, 4):
        short[338] = [2]
    long = {324 if tile else 273: starts, 325 if tile else 279: [len(block) for block in blocks]}
    short |= {322: [tile], 323: [tile]} if tile else {278: [rows]}
    extra = b"".join(blocks)

    def value(layout: str, numbers: list[int]) -> bytes:
        nonlocal extra
        packed = struct.pack(f"{order}{len(numbers)}{layout}", *numbers)
        width = 8 if big else 4
        if len(packed) <= width:
            return packed.ljust(width, b"\0")
        extra += b"\0" * (len(extra) % 2)
        place = head + len(extra)
        extra += packed
        return struct.pack(f"{order}{'Q' if big else 'I'}", place)

    count = struct.Struct(f"{order}{'Q' if big else 'I'}")
    entries = {tag: (3, numbers, value("H", numbers)) for tag, numbers in short.items()}
    entries |= {tag: (4, numbers, value("I", numbers)) for tag, numbers in long.items()}
    extra += b"\0" * (len(extra) % 2)
    directory = struct.pack(f"{order}{'Q' if big else 'H'}", len(entries))
    for tag, (kind, numbers, packed) in sorted(entries.items()):
        directory += struct.pack(f"{order}HH", tag, kind) + count.pack(len(numbers)) + packed
    place = head + len(extra)
    out = (b"II" if order == "<" else b"MM") + struct.pack(
        f"{order}{'HHHQ' if big else 'HI'}", *((43, 8, 0, place) if big else (42, place))
    )
    out += extra
    for page in range(pages):
        out += directory + count.pack(len(out) + len(directory) + count.size if page < pages - 1 else 0)
    return out
