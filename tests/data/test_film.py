"""Films of every format against the numpy array that they were written from."""

from __future__ import annotations

import logging
import os
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import itk
import numpy as np
import pydicom
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch, list_data_collate
from monai.transforms import Compose, LoadImage, LoadImaged, ScaleIntensityd
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from monai_ceph.data.film import FilmError, FilmInfo, film_size, read_film
from monai_ceph.data.film_reader import FilmReader
from monai_ceph.data.film_search import find_films
from monai_ceph.film_names import FILM_SUFFIXES
from tests.data.film_files import CR, DX, SC, picture, tiff, write_dicom

UNKNOWN = FilmInfo(None, "unknown")


def write(path: Path, array: np.ndarray, spacing: tuple[float, ...] | None = None, channels: bool = False) -> Path:
    image = itk.image_from_array(array, is_vector=channels)
    if spacing:
        image.SetSpacing(spacing)
    itk.imwrite(image, str(path))
    return path


def png(array: np.ndarray, pixels_per_metre: int | None = None) -> bytes:
    """A PNG of (Y, X, 4) or (Y, X, 2) 8-bit samples, written by hand."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    colour = {2: 4, 4: 6}[array.shape[2]]
    rows = b"".join(b"\0" + row.tobytes() for row in array)
    resolution = b"" if pixels_per_metre is None else chunk(b"pHYs", struct.pack(">IIB", *[pixels_per_metre] * 2, 1))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", array.shape[1], array.shape[0], 8, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + resolution + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


# --- what is read


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF", ".mha", ".nii", ".nii.gz"])
def test_gray_film_is_read_as_x_y_and_to_the_bit(tmp_path: Path, suffix: str, dtype: type) -> None:
    array = picture(dtype)
    film, _ = read_film(write(tmp_path / f"film{suffix}", array))
    assert film.dtype == np.float32 and film.shape == (20, 30) and film.flags.c_contiguous
    assert film[3, 7] == array[7, 3]
    np.testing.assert_array_equal(film, array.T)


def test_gray_bmp_which_itk_makes_three_channels_of(tmp_path: Path) -> None:
    array = picture()
    np.testing.assert_array_equal(read_film(write(tmp_path / "film.bmp", array))[0], array.T)


def test_gray_jpeg(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(30), 5 * np.arange(20)).astype(np.uint8)
    film, info = read_film(write(tmp_path / "film.jpg", smooth))
    assert np.abs(film - smooth.T).max() <= 3
    assert info == UNKNOWN


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_colours_become_luminance(tmp_path: Path, suffix: str) -> None:
    array = picture(channels=3)
    film, _ = read_film(write(tmp_path / f"film{suffix}", array, channels=True))
    expected = 0.299 * array[..., 0] + 0.587 * array[..., 1] + 0.114 * array[..., 2]
    np.testing.assert_allclose(film, expected.T, atol=1e-3)


def test_equal_channels_are_taken_to_the_bit(tmp_path: Path) -> None:
    array = picture()
    film, _ = read_film(write(tmp_path / "film.png", np.stack([array] * 3, -1), channels=True))
    np.testing.assert_array_equal(film, array.T)


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_is_ignored(tmp_path: Path, channels: int) -> None:
    array = picture(channels=channels)
    array[..., 1 : channels - 1] = array[..., :1]
    path = tmp_path / "film.png"
    path.write_bytes(png(array))
    np.testing.assert_array_equal(read_film(path)[0], array[..., 0].T)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_of_either_byte_order(tmp_path: Path, dtype: type, order: str, big: bool) -> None:
    array = picture(dtype)
    path = tmp_path / "film.tif"
    path.write_bytes(tiff(array, order, big=big))
    film, info = read_film(path)
    np.testing.assert_array_equal(film, array.T)
    assert info == UNKNOWN
    path.write_bytes(tiff(array, order, photometric=0, big=big))  # WhiteIsZero
    np.testing.assert_array_equal(read_film(path)[0], np.iinfo(dtype).max - array.T.astype(np.float32))


def test_content_counts_not_the_suffix(tmp_path: Path) -> None:
    array = picture()
    path = write(tmp_path / "film.png", array).rename(tmp_path / "film.jpg")
    np.testing.assert_array_equal(read_film(path)[0], array.T)


def test_path_with_spaces_and_umlauts(tmp_path: Path) -> None:
    array = picture()
    folder = tmp_path / "Röntgen bild"
    folder.mkdir()
    path = write(tmp_path / "film.png", array).rename(folder / "ä 1.png")
    np.testing.assert_array_equal(read_film(str(path))[0], array.T)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mha"])
def test_film_with_a_third_axis_of_one(tmp_path: Path, suffix: str) -> None:
    array = picture(np.uint16)
    film, info = read_film(write(tmp_path / f"film{suffix}", array[None], (0.1, 0.2, 3.0)))
    np.testing.assert_array_equal(film, array.T)
    assert info.spacing_mm == (0.1, 0.2)


@pytest.mark.parametrize("suffix", [".nii", ".mha"])
def test_direction_does_not_turn_the_film(tmp_path: Path, suffix: str) -> None:
    array = picture()
    image = itk.image_from_array(array)
    image.SetDirection(itk.matrix_from_array(np.diag([-1.0, -1.0])))
    itk.imwrite(image, str(tmp_path / f"film{suffix}"))
    np.testing.assert_array_equal(read_film(tmp_path / f"film{suffix}")[0], array.T)


def test_negative_and_fractional_values_stay(tmp_path: Path) -> None:
    array = picture().astype(np.float32) / 7 - 10
    np.testing.assert_array_equal(read_film(write(tmp_path / "film.mha", array))[0], array.T)


# --- DICOM


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless]
)
@pytest.mark.parametrize("sop_class", [DX, CR, SC])
def test_dicom_in_several_transfer_syntaxes(tmp_path: Path, syntax: str, sop_class: str) -> None:
    array = picture(np.uint16) // 16
    path = write_dicom(tmp_path / "film.dcm", array, sop_class, syntax, BitsStored=12)
    film, info = read_film(path)
    np.testing.assert_array_equal(film, array.T)
    assert info == UNKNOWN and film_size(path) == (20, 30)


def test_dicom_in_lossless_jpeg(tmp_path: Path) -> None:
    array = picture(np.uint16) // 16
    path = tmp_path / "film.dcm"
    writer = itk.ImageFileWriter.New(itk.image_from_array(array), FileName=str(path), ImageIO=itk.GDCMImageIO.New())
    writer.UseCompressionOn()
    writer.Update()
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID.is_compressed
    np.testing.assert_array_equal(read_film(path)[0], array.T)


def test_dicom_in_baseline_jpeg(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(32), 5 * np.arange(24)).astype(np.uint8)
    jpeg = write(tmp_path / "film.jpg", smooth)
    path = write_dicom(tmp_path / "film.dcm", smooth, SC)
    dicom = pydicom.dcmread(path)
    dicom.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
    dicom.PixelData = encapsulate([jpeg.read_bytes()])
    dicom["PixelData"].is_undefined_length = True
    dicom.save_as(path)
    assert np.abs(read_film(path)[0] - smooth.T).max() <= 3


@pytest.mark.parametrize(("bits", "slope", "intercept"), [(8, 1, 0), (12, 1, 0), (12, 2, -1000), (16, 1, 0)])
def test_monochrome1_is_shown_as_monochrome2(tmp_path: Path, bits: int, slope: int, intercept: int) -> None:
    array = picture(np.uint8 if bits == 8 else np.uint16) >> (16 - bits if bits > 8 else 0)
    tags = dict(
        PhotometricInterpretation="MONOCHROME1", BitsStored=bits, RescaleSlope=slope, RescaleIntercept=intercept
    )
    film, _ = read_film(write_dicom(tmp_path / "film.dcm", array, **tags))
    expected = (2.0**bits - 1 - array) * slope + intercept
    np.testing.assert_array_equal(film, expected.T)


def test_colour_dicom(tmp_path: Path) -> None:
    array = picture(channels=3)
    path = write_dicom(tmp_path / "film.dcm", array, SC, PhotometricInterpretation="RGB")
    np.testing.assert_allclose(read_film(path)[0], (array @ [0.299, 0.587, 0.114]).T, atol=1e-3)


def test_dicom_without_a_suffix_whose_name_holds_dots(tmp_path: Path) -> None:
    array = picture()
    path = write_dicom(tmp_path / "1.2.840.113", array)
    np.testing.assert_array_equal(read_film(path)[0], array.T)
    assert find_films([tmp_path]) == [path]


# --- spacing


@pytest.mark.parametrize(("suffix", "tag"), [(".mha", "ElementSpacing"), (".nii", "pixdim"), (".nii.gz", "pixdim")])
def test_spacing_of_metaimage_and_nifti(tmp_path: Path, suffix: str, tag: str) -> None:
    info = read_film(write(tmp_path / f"film{suffix}", picture(), (0.1, 0.125)))[1]
    assert info == FilmInfo((0.1, 0.125), f"file: {tag}")


def test_spacing_of_exactly_one_is_unknown(tmp_path: Path) -> None:
    assert read_film(write(tmp_path / "film.mha", picture(), (1.0, 1.0)))[1] == UNKNOWN
    assert read_film(write_dicom(tmp_path / "film.dcm", picture(), PixelSpacing=[1, 1]))[1] == UNKNOWN


def test_dots_per_inch_are_told_but_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(png(np.repeat(picture()[..., None], 4, -1), pixels_per_metre=10000))
    assert read_film(path)[1] == FilmInfo(None, "unknown", dpi=(254.0, 254.0))
    info = read_film(write(tmp_path / "film.tif", picture(), (0.1, 0.1)))[1]
    assert (info.spacing_mm, info.spacing_source) == (None, "unknown")
    assert info.suggested_spacing_mm == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize("sop_class", [DX, CR])
def test_calibrated_pixel_spacing_gives_way_to_the_detectors(tmp_path: Path, sop_class: str) -> None:
    tags = dict(
        ImagerPixelSpacing=[0.2, 0.1],  # rows first: along y, along x
        PixelSpacing=[0.18, 0.09],
        PixelSpacingCalibrationType="GEOMETRY",
        EstimatedRadiographicMagnificationFactor="1.11",
    )
    info = read_film(write_dicom(tmp_path / "film.dcm", picture(), sop_class, **tags))[1]
    assert info.spacing_mm == (0.1, 0.2)
    assert info.spacing_source == (
        "file: ImagerPixelSpacing (PixelSpacing 0.09 x 0.18 mm calibrated GEOMETRY not used; "
        "EstimatedRadiographicMagnificationFactor 1.11 not applied)"
    )


@pytest.mark.parametrize(
    ("sop_class", "tags", "source"),
    [
        (DX, {"ImagerPixelSpacing": [0.2, 0.1]}, "file: ImagerPixelSpacing"),
        (DX, {"ImagerPixelSpacing": [0.2, 0.1], "PixelSpacing": [0.2, 0.1]}, "file: ImagerPixelSpacing"),
        (CR, {"PixelSpacing": [0.2, 0.1]}, "file: PixelSpacing"),
        (SC, {"PixelSpacing": [0.2, 0.1]}, "file: PixelSpacing"),
        (SC, {"NominalScannedPixelSpacing": [0.2, 0.1]}, "file: NominalScannedPixelSpacing"),
        (
            SC,
            {"NominalScannedPixelSpacing": [0.2, 0.1], "PixelSpacing": [0.4, 0.3]},
            "file: NominalScannedPixelSpacing (PixelSpacing 0.3 x 0.4 mm not used)",
        ),
        (
            CR,
            {"PixelSpacing": [0.2, 0.1], "PixelSpacingCalibrationType": "FIDUCIAL"},
            "file: PixelSpacing (calibrated: FIDUCIAL)",
        ),
        (DX, {"ImagerPixelSpacing": [0, 0], "PixelSpacing": [0.2, 0.1]}, "file: PixelSpacing"),
    ],
)
def test_dicom_spacing_tags(tmp_path: Path, sop_class: str, tags: dict, source: str) -> None:
    info = read_film(write_dicom(tmp_path / "film.dcm", picture(), sop_class, **tags))[1]
    assert info == FilmInfo((0.1, 0.2), source)


@pytest.mark.parametrize("value", [None, [0.1], [-0.1, 0.1], [0.0, 0.1]])
def test_unusable_dicom_spacing_is_unknown(tmp_path: Path, value: list | None) -> None:
    assert read_film(write_dicom(tmp_path / "film.dcm", picture(), ImagerPixelSpacing=value))[1] == UNKNOWN


@pytest.mark.parametrize(
    ("given", "spacing"), [(0.127, (0.127, 0.127)), ((0.1, 0.2), (0.1, 0.2)), ([0.1, 0.2], (0.1, 0.2))]
)
def test_users_spacing_wins(tmp_path: Path, given: object, spacing: tuple) -> None:
    path = write(tmp_path / "film.mha", picture(), (0.5, 0.5))
    assert read_film(path, given)[1] == FilmInfo(spacing, "user")
    assert read_film(path, np.array(spacing))[1] == FilmInfo(spacing, "user")


@pytest.mark.parametrize("given", [0, -0.1, float("nan"), (0.1, 0.1, 0.1), "wide"])
def test_unusable_spacing_of_the_user(tmp_path: Path, given: object) -> None:
    with pytest.raises(ValueError, match="pixel spacing must be one or two positive numbers in mm"):
        read_film(write(tmp_path / "film.png", picture()), given)
    with pytest.raises(ValueError, match="FilmReader: pixel spacing must be one or two positive numbers in mm"):
        FilmReader(given)


# --- what cannot be read


@pytest.mark.parametrize("suffix", FILM_SUFFIXES)
def test_missing_empty_and_text_files(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"film{suffix}"
    with pytest.raises(FilmError, match=r"film.*: there is no such film; check the path\."):
        read_film(path)
    path.write_bytes(b"")
    with pytest.raises(FilmError, match=r"the film is empty \(0 bytes\); copy it again\."):
        read_film(path)
    path.write_text("this is a letter, not an image. " * 40)
    with pytest.raises(FilmError) as caught:
        read_film(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_folder_in_place_of_a_film(tmp_path: Path) -> None:
    with pytest.raises(FilmError, match="this is a folder, expected one film"):
        read_film(tmp_path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".mha", ".nii", ".nii.gz", ".dcm"])
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.95])
def test_film_cut_short(tmp_path: Path, capfd: pytest.CaptureFixture, suffix: str, keep: float) -> None:
    path = tmp_path / f"film{suffix}"
    write_dicom(path, picture()) if suffix == ".dcm" else write(path, picture())
    read_film(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    capfd.readouterr()
    with pytest.raises(FilmError) as caught:
        read_film(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_jpeg_whose_thumbnail_is_whole_but_which_is_cut_short(tmp_path: Path) -> None:
    path = write(tmp_path / "film.jpg", picture())
    whole = path.read_bytes()
    header = b"\xff\xe1" + struct.pack(">H", 2 + len(whole)) + whole  # a thumbnail with an end mark of its own
    path.write_bytes(whole[:2] + header + whole[2:])
    assert film_size(path) == (20, 30)
    path.write_bytes(whole[:2] + header + whole[2:-30])
    with pytest.raises(FilmError, match="the JPEG file is cut short or damaged; copy it again from its source"):
        read_film(path)


def test_jpeg_of_a_reserved_kind(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    path = write(tmp_path / "film.jpg", picture())
    whole = path.read_bytes()
    assert b"\xff\xc2" in whole
    path.write_bytes(whole.replace(b"\xff\xc2", b"\xff\xc8"))  # the frame header of JPEG's reserved extension
    with pytest.raises(
        FilmError, match=r"JPEG file is cut short, damaged or of a kind that cannot be read \(tjDecompressHeader"
    ):
        read_film(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", [".mha", ".nii.gz", ".tif"])
def test_volume(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"film{suffix}", np.zeros((3, 30, 20), np.uint8))
    with pytest.raises(FilmError, match=r"expected one 2D film, got 20 x 30 x 3 \(a volume, several frames or pages\)"):
        read_film(path)


def test_volume_whose_first_axis_is_one(tmp_path: Path) -> None:
    with pytest.raises(FilmError, match="expected one 2D film, got 1 x 30 x 20"):
        read_film(write(tmp_path / "film.mha", np.zeros((20, 30, 1), np.uint8)))


def test_dicom_of_several_frames(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "film.dcm", np.zeros((60, 20), np.uint8), SC, Rows=30, NumberOfFrames=2)
    with pytest.raises(FilmError, match="expected one 2D film, got 20 x 30 x 2"):
        read_film(path)


def test_dicom_that_is_a_report(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "film.dcm", picture())
    dicom = pydicom.dcmread(path)
    for name in ("Rows", "Columns", "PixelData"):
        delattr(dicom, name)
    dicom.save_as(path)
    with pytest.raises(FilmError, match="this DICOM file holds no image"):
        read_film(path)


def test_tiff_with_alpha_beside_gray_which_itk_would_garble(tmp_path: Path) -> None:
    path = tmp_path / "film.tif"
    array = picture(channels=2)
    path.write_bytes(tiff(array))
    np.testing.assert_array_equal(read_film(path)[0], array[..., 0].T)


def test_pixels_that_are_no_numbers(tmp_path: Path) -> None:
    array = picture().astype(np.float32)
    array[3, 4] = np.nan
    with pytest.raises(FilmError, match="1 pixels are not finite numbers"):
        read_film(write(tmp_path / "film.mha", array))


def test_threads_read_at_the_same_time(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    arrays = [picture() // (k + 1) for k in range(8)]
    paths = [write(tmp_path / f"{k}.mha", array) for k, array in enumerate(arrays)]
    with ThreadPoolExecutor(4) as pool:
        films = list(pool.map(lambda path: read_film(path)[0], paths * 5))
    for film, array in zip(films, arrays * 5, strict=True):
        np.testing.assert_array_equal(film, array.T)
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_threads_that_use_itk_for_the_first_time_at_the_same_time(tmp_path: Path) -> None:
    paths = [write_dicom(tmp_path / f"{k}.dcm", picture()) for k in range(2)]
    code = (
        "import sys; from concurrent.futures import ThreadPoolExecutor; from monai_ceph.data.film import read_film\n"
        "with ThreadPoolExecutor(2) as pool: print(len(list(pool.map(read_film, sys.argv[1:]))))"
    )
    for _ in range(2):
        ran = subprocess.run(
            [sys.executable, "-c", code, *map(str, paths)],
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert ran.stdout == "2\n", ran.stderr


# --- finding


def test_find_films_in_folders_and_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("b.PNG", "a.jpeg", "c.nii.gz", "notes.txt", ".hidden.png", "DICOMDIR", "table.csv"):
        (folder / name).write_bytes(b"x")
    (folder / "inside").mkdir()
    (folder / "inside" / "d.png").write_bytes(b"x")
    odd = tmp_path / "odd.xyz"
    odd.write_bytes(b"x")
    found = find_films([odd, folder, folder / "a.jpeg"])
    assert found == [folder / "a.jpeg", folder / "b.PNG", folder / "c.nii.gz", odd]


def test_find_films_where_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(FilmError, match="No film was given"):
        find_films([])
    with pytest.raises(FilmError, match=r"there is no film in this folder; expected files ending in \.png"):
        find_films([tmp_path])
    with pytest.raises(FilmError, match=r"nowhere: there is no such film or folder; check the path\."):
        find_films([tmp_path / "nowhere"])


# --- as a MONAI reader


def test_reader_in_a_stock_loader(tmp_path: Path) -> None:
    array = picture(np.uint16)
    path = write_dicom(tmp_path / "film.dcm", array, ImagerPixelSpacing=[0.2, 0.1])
    load = Compose(
        [
            LoadImaged("image", reader=FilmReader(), ensure_channel_first=True),
            ScaleIntensityd("image", minv=None, factor=1.0),
        ]
    )
    image = load({"image": str(path)})["image"]
    assert isinstance(image, MetaTensor) and image.shape == (1, 20, 30) and image.dtype == torch.float32
    assert torch.equal(image.affine, torch.eye(4, dtype=image.affine.dtype))
    np.testing.assert_array_equal(np.asarray(image.meta["spacing_mm"]), [0.1, 0.2])
    assert image.meta["spacing_source"] == "file: ImagerPixelSpacing"


def test_spacing_survives_collation_and_decollation_also_where_it_is_unknown(tmp_path: Path) -> None:
    known = write(tmp_path / "known.mha", picture(), (0.1, 0.2))
    unknown = write(tmp_path / "unknown.png", picture())
    load = LoadImaged("image", reader=FilmReader(), ensure_channel_first=True)
    data = Dataset([{"image": str(known)}, {"image": str(unknown)}], Compose([load]))
    (batch,) = DataLoader(data, batch_size=2, num_workers=0, collate_fn=list_data_collate)
    assert batch["image"].shape == (2, 1, 20, 30)
    first, second = decollate_batch(batch)
    for item, spacing, source in ((first, [0.1, 0.2], "file: ElementSpacing"), (second, [np.nan, np.nan], "unknown")):
        np.testing.assert_array_equal(np.asarray(item["image"].meta["spacing_mm"]), spacing)
        assert item["image"].meta["spacing_source"] == source
        assert torch.equal(item["image"].affine, torch.eye(4, dtype=item["image"].affine.dtype))


def test_reader_by_its_dotted_name_as_in_a_configuration(tmp_path: Path) -> None:
    path = write(tmp_path / "film.png", picture())
    image = LoadImage(reader="monai_ceph.data.FilmReader", spacing_mm=0.127)(path)
    assert image.shape == (20, 30) and image.meta["spacing_source"] == "user"


def test_films_of_several_scanners_each_with_its_spacing(tmp_path: Path) -> None:
    first, second, third = (write(tmp_path / f"{name}.png", picture()) for name in ("a #1", "b", "c"))
    reader = FilmReader(spacing_mm={str(first): 0.1, str(second): [0.2, 0.3]})
    found = [LoadImage(reader=reader)(path).meta for path in (first, str(second), third)]
    np.testing.assert_equal([one["spacing_mm"] for one in found], [[0.1, 0.1], [0.2, 0.3], [np.nan, np.nan]])
    assert [one["spacing_source"] for one in found] == ["user", "user", "unknown"]
    with pytest.raises(ValueError, match=r"FilmReader, a\.png: pixel spacing must be"):
        FilmReader(spacing_mm={"a.png": -1})


@pytest.mark.parametrize("lazily", [LoadImage(reader=FilmReader()), LoadImage(reader=FilmReader)])
def test_volume_does_not_fall_through_to_monais_own_readers(
    tmp_path: Path, lazily: LoadImage, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "film.nii.gz", np.zeros((3, 30, 20), np.uint8))
    with caplog.at_level(logging.INFO), pytest.raises(FilmError, match="expected one 2D film, got 20 x 30 x 3"):
        lazily(path)
    assert "unable to load" not in caplog.text


def test_several_files_for_one_film(tmp_path: Path) -> None:
    path = write(tmp_path / "film.png", picture())
    with pytest.raises(FilmError, match="Expected one file for a film, got 2"):
        LoadImage(reader=FilmReader())([path, path])


def test_reader_knows_films_by_their_suffix(tmp_path: Path) -> None:
    reader = FilmReader()
    assert reader.verify_suffix("film.PNG") and reader.verify_suffix(["film.nii.gz"])
    assert not reader.verify_suffix("film.npy") and not reader.verify_suffix(["a.png", "b.png"])


# --- real films


@pytest.mark.real_films
def test_real_isbi_and_hamedan_films(real_films: Path) -> None:
    film, info = read_film(real_films / "isbi2015" / "cepha400" / "001.jpg")
    assert film.shape == (1935, 2400) and info == UNKNOWN and 0 <= film.min() < film.max() <= 255
    path = real_films / "hamedan" / "images" / "007.tif"
    film, info = read_film(path, 0.127)
    assert film.shape == film_size(path) == (1340, 1671) and info == FilmInfo((0.127, 0.127), "user")
    # Its rows lie in the file uncompressed.
    assert film[:, 800].astype(np.uint8).tobytes() in path.read_bytes()
