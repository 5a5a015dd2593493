"""What a DICOM file says of its pixels, against values worked out by hand from the standard's formulas."""

from __future__ import annotations

import struct
from pathlib import Path

import itk
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset as Dicom
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import RLELossless

from monai_ceph.data.film import FilmError, read_film
from monai_ceph.data.film_search import find_films
from tests.data.film_files import SC, picture, write_dicom


def film_12_bit() -> np.ndarray:
    return picture(np.uint16) // 16


def table(first: int, entries: np.ndarray, bits: int = 16) -> Sequence:
    item = Dicom()
    item.add_new("LUTDescriptor", "US" if first >= 0 else "SS", [len(entries), first, bits])
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    return Sequence([item])


# --- windows and tables


def test_linear_window(tmp_path: Path) -> None:
    array = film_12_bit()
    path = write_dicom(tmp_path / "a.dcm", array, BitsStored=12, WindowCenter="2000", WindowWidth="1001")
    # PS3.3 C.11.2.1.2.1, over the range of 12 bits.
    expected = np.clip(((array - 1999.5) / 1000 + 0.5) * 4095, 0, 4095)
    np.testing.assert_allclose(read_film(path)[0], expected.T, atol=1e-2)


def test_exact_and_sigmoid_windows(tmp_path: Path) -> None:
    array = film_12_bit().astype(np.float64)
    window = dict(BitsStored=12, WindowCenter="2000", WindowWidth="1000")
    for function, expected in (
        ("LINEAR_EXACT", np.clip(((array - 2000) / 1000 + 0.5) * 4095, 0, 4095)),
        ("SIGMOID", 4095 / (1 + np.exp(-4 * (array - 2000) / 1000))),
    ):
        path = write_dicom(tmp_path / "a.dcm", film_12_bit(), VOILUTFunction=function, **window)
        np.testing.assert_allclose(read_film(path)[0], expected.T, atol=1e-2)


def test_first_of_several_windows(tmp_path: Path) -> None:
    array = film_12_bit()
    both = write_dicom(tmp_path / "a.dcm", array, BitsStored=12, WindowCenter=[2000, 50], WindowWidth=[1001, 3])
    first = write_dicom(tmp_path / "b.dcm", array, BitsStored=12, WindowCenter=2000, WindowWidth=1001)
    np.testing.assert_array_equal(read_film(both)[0], read_film(first)[0])


def test_window_is_applied_after_the_rescale_and_before_the_inversion(tmp_path: Path) -> None:
    array = film_12_bit()
    path = write_dicom(
        tmp_path / "a.dcm",
        array,
        BitsStored=12,
        RescaleSlope=2,
        RescaleIntercept=-1000,
        WindowCenter=3000,
        WindowWidth=2001,
        VOILUTFunction="LINEAR",
        PhotometricInterpretation="MONOCHROME1",
    )
    values = array * 2.0 - 1000
    low, high = -1000.0, 4095 * 2 - 1000.0
    seen = np.clip(((values - 2999.5) / 2000 + 0.5) * (high - low) + low, low, high)
    np.testing.assert_allclose(read_film(path)[0], (low + high - seen).T, atol=1e-2)


@pytest.mark.parametrize(
    ("center", "width", "said"),
    [(2000, 0, "Window Width must be"), (60000, 100, "nothing to be seen"), (-9000, 10, "nothing to be seen")],
)
def test_window_that_shows_nothing_is_passed_over_and_remarked(
    tmp_path: Path, center: int, width: int, said: str
) -> None:
    path = write_dicom(tmp_path / "a.dcm", film_12_bit(), BitsStored=12, WindowCenter=center, WindowWidth=width)
    film, info = read_film(path)
    np.testing.assert_array_equal(film, film_12_bit().T)
    (remark,) = info.remarks
    assert remark.startswith("DICOM: its window is not applied") and said in remark


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("first", [0, 100])
def test_voi_table(tmp_path: Path, bits: int, first: int) -> None:
    array = film_12_bit()
    entries = (np.sqrt(np.arange(3000) / 2999) * (2**bits - 1)).astype(np.uint16)
    path = write_dicom(tmp_path / "a.dcm", array, BitsStored=12, VOILUTSequence=table(first, entries, bits))
    expected = entries[np.clip(array.astype(int) - first, 0, 2999)]
    np.testing.assert_array_equal(read_film(path)[0], expected.T)


def test_modality_table_then_window(tmp_path: Path) -> None:
    array = film_12_bit()
    entries = (4095 - np.arange(4096)).astype(np.uint16)
    path = write_dicom(
        tmp_path / "a.dcm", array, BitsStored=12, ModalityLUTSequence=table(0, entries, 12), ModalityLUTType="US"
    )
    np.testing.assert_array_equal(read_film(path)[0], 4095.0 - array.T)


# --- inversion


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", "INVERSE", True),  # the pair that DICOM asks for: one inversion
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME1", None, True),
    ],
)
def test_presentation_lut_shape(tmp_path: Path, photometric: str, shape: str | None, inverted: bool) -> None:
    array = film_12_bit()
    tags = {} if shape is None else {"PresentationLUTShape": shape}
    path = write_dicom(tmp_path / "a.dcm", array, BitsStored=12, PhotometricInterpretation=photometric, **tags)
    np.testing.assert_array_equal(read_film(path)[0], (4095.0 - array if inverted else array).T)


def test_signed_monochrome1(tmp_path: Path) -> None:
    array = picture(np.int16)
    path = write_dicom(tmp_path / "a.dcm", array, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(read_film(path)[0], (-1.0 - array).T)


# --- padding and bits


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("padding", "limit"), [(0, None), (4095, None), (65535, None), (4090, 4095)])
def test_padding_becomes_the_darkest_gray(tmp_path: Path, photometric: str, padding: int, limit: int | None) -> None:
    array = np.clip(film_12_bit(), 200, 3800)
    array[:, :4] = padding
    array[:, 4] = padding if limit is None else limit
    tags = {} if limit is None else {"PixelPaddingRangeLimit": limit}
    path = write_dicom(
        tmp_path / "a.dcm",
        array,
        BitsStored=12,
        HighBit=11,
        PixelPaddingValue=padding,
        PhotometricInterpretation=photometric,
        **tags,
    )
    film = read_film(path)[0]
    rest = array[:, 5:] if photometric == "MONOCHROME2" else 4095.0 - array[:, 5:]
    np.testing.assert_array_equal(film[5:], rest.T)
    assert (film[:5] == rest.min()).all()


def test_signed_padding_written_as_unsigned(tmp_path: Path) -> None:
    array = np.clip(picture(np.int16), -1000, 3000)
    array[:, :4] = -2000
    path = write_dicom(tmp_path / "a.dcm", array, PixelPaddingValue=-2000)
    assert (read_film(path)[0][:4] == -1000).all()


def test_film_of_padding_alone(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", np.full((30, 20), 7, np.uint16), PixelPaddingValue=7)
    with pytest.raises(FilmError, match=r"all its pixels are padding \(PixelPaddingValue\); it shows no film"):
        read_film(path)


@pytest.mark.parametrize("signed", [False, True])
def test_overlay_in_the_unused_bits(tmp_path: Path, signed: bool) -> None:
    stored = film_12_bit()
    array = (stored | (picture(np.uint16) & 0xF000)).astype(np.int16 if signed else np.uint16)
    expected = np.where(stored > 2047, stored.astype(int) - 4096, stored) if signed else stored
    path = write_dicom(tmp_path / "a.dcm", array.view(np.uint16), BitsStored=12, PixelRepresentation=int(signed))
    np.testing.assert_array_equal(read_film(path)[0], expected.T)


def test_values_in_the_upper_bits(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", film_12_bit() << 4, BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(read_film(path)[0], film_12_bit().T)


def test_float_pixels(tmp_path: Path) -> None:
    array = picture(np.float32)
    path = write_dicom(tmp_path / "a.dcm", array, BitsStored=32)
    dicom = pydicom.dcmread(path)
    dicom.FloatPixelData = array.tobytes()
    del dicom.PixelData
    dicom.save_as(path)
    np.testing.assert_array_equal(read_film(path)[0], array.T)


# --- colours


def test_palette_and_ybr(tmp_path: Path) -> None:
    array = picture(np.uint8)
    dicom = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", array, SC, PhotometricInterpretation="PALETTE COLOR"))
    for name in ("Red", "Green", "Blue"):
        dicom.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [256, 0, 16])
        entries = np.arange(256) * (257 if name == "Red" else 100)
        dicom.add_new(f"{name}PaletteColorLookupTableData", "OW", entries.astype("<u2").tobytes())
    dicom.save_as(tmp_path / "a.dcm")
    expected = array * (0.299 * 257 + 0.701 * 100)
    np.testing.assert_allclose(read_film(tmp_path / "a.dcm")[0], expected.T, rtol=1e-4)

    ybr = np.stack([array, np.full_like(array, 128), np.full_like(array, 128)], axis=-1)
    path = write_dicom(tmp_path / "b.dcm", ybr, SC, PhotometricInterpretation="YBR_FULL")
    np.testing.assert_allclose(read_film(path)[0], array.T, atol=1)


# --- length and compression


@pytest.mark.parametrize("keep", [0.5, 0.8, 0.99, 1.01, 2])
def test_pixel_data_of_another_length(tmp_path: Path, keep: float) -> None:
    path = write_dicom(tmp_path / "a.dcm", film_12_bit(), BitsStored=12)
    dicom = pydicom.dcmread(path)
    dicom.PixelData = (dicom.PixelData * 2)[: int(1200 * keep) // 2 * 2]
    dicom.save_as(path)
    with pytest.raises(FilmError, match=r"its pixel data have \d+ bytes where its header says 1200 \(\d+ %\)"):
        read_film(path)


def test_odd_number_of_bytes_is_padded(tmp_path: Path) -> None:
    array = picture()[:29, :19]
    path = write_dicom(tmp_path / "a.dcm", array)
    np.testing.assert_array_equal(read_film(path)[0], array.T)


def compressed(path: Path, jpeg: bytes, syntax: str, **tags: object) -> Path:
    dicom = pydicom.dcmread(write_dicom(path, np.zeros((32, 24), np.uint8), SC, **tags))
    dicom.file_meta.TransferSyntaxUID = syntax
    dicom.PixelData = encapsulate([jpeg])
    dicom["PixelData"].is_undefined_length = True
    dicom.save_as(path)
    return path


def test_tags_count_for_compressed_pixels_too(tmp_path: Path) -> None:
    array = film_12_bit()
    path = tmp_path / "film.dcm"
    writer = itk.ImageFileWriter.New(itk.image_from_array(array), FileName=str(path), ImageIO=itk.GDCMImageIO.New())
    writer.UseCompressionOn()
    writer.Update()
    dicom = pydicom.dcmread(path)
    dicom.PhotometricInterpretation = "MONOCHROME1"
    dicom.add_new("PixelPaddingValue", "US", int(array[0, 0]))
    dicom.RescaleSlope, dicom.RescaleIntercept = 2, -50
    dicom.save_as(path)
    film = read_film(path)[0]
    high = 2.0**dicom.BitsStored - 1
    expected = (high - array) * 2 - 50
    others = array != array[0, 0]
    np.testing.assert_array_equal(film.T[others], expected[others])
    assert film[0, 0] == expected[others].min()


def test_rle_with_monochrome1(tmp_path: Path) -> None:
    array = film_12_bit()
    path = write_dicom(
        tmp_path / "a.dcm", array, syntax=RLELossless, BitsStored=12, PhotometricInterpretation="MONOCHROME1"
    )
    np.testing.assert_array_equal(read_film(path)[0], (4095.0 - array).T)


def test_jpeg_of_another_size_inside(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(16), 5 * np.arange(24)).astype(np.uint8)
    itk.imwrite(itk.image_from_array(smooth), str(tmp_path / "a.jpg"))
    path = compressed(tmp_path / "a.dcm", (tmp_path / "a.jpg").read_bytes(), "1.2.840.10008.1.2.4.50")
    with pytest.raises(FilmError, match="its compressed picture has 24 x 16 pixels where its header says 24 x 32"):
        read_film(path)


def test_header_that_claims_more_pixels_than_any_film(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", film_12_bit(), Rows=60000, Columns=60000)
    with pytest.raises(FilmError, match="its header says 60000 x 60000 pixels; expected at most 80 million"):
        read_film(path)


def test_damaged_list_of_tags(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", film_12_bit())
    path.write_bytes(path.read_bytes() + b"\xff\xff\xff\xffUN\0\0" + struct.pack("<I", 4) + bytes(4))
    with pytest.raises(FilmError, match="its list of tags is damaged"):
        read_film(path)


def test_compressed_pixels_without_their_end(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(32), 5 * np.arange(24)).astype(np.uint8)
    itk.imwrite(itk.image_from_array(smooth), str(tmp_path / "a.jpg"))
    path = compressed(tmp_path / "a.dcm", (tmp_path / "a.jpg").read_bytes(), "1.2.840.10008.1.2.4.50")
    assert read_film(path)[1].remarks == ()
    path.write_bytes(path.read_bytes()[:-8])
    # pydicom 2 leaves out an element without its end, pydicom 3 reports it.
    with pytest.raises(FilmError, match=r"(is cut short or damaged|holds no pixels); copy it again"):
        read_film(path)


# --- files without the mark


@pytest.mark.parametrize("name", ["film.dcm", "film", "film.img"])
def test_dicom_without_preamble_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    array = picture()
    whole = write_dicom(tmp_path / "whole.dcm", array).read_bytes()
    path = tmp_path / "folder" / name
    path.parent.mkdir()
    path.write_bytes(whole[132:])
    np.testing.assert_array_equal(read_film(path)[0], array.T)
    assert find_films([path.parent]) == [path]


def test_dicom_without_preamble_and_without_group_2(tmp_path: Path) -> None:
    array = picture()
    path = write_dicom(tmp_path / "whole.dcm", array, syntax="1.2.840.10008.1.2")
    whole = path.read_bytes()
    (length,) = struct.unpack_from("<I", whole, 140)
    bare = tmp_path / "folder" / "1.2.3"
    bare.parent.mkdir()
    bare.write_bytes(whole[144 + length :])
    np.testing.assert_array_equal(read_film(bare)[0], array.T)
    assert find_films([bare.parent]) == [bare]
