"""MetaImage and NIfTI whose headers do not fit their data."""

from __future__ import annotations

import gzip
from pathlib import Path

import itk
import numpy as np
import pytest

from monai_ceph.data.film import FilmError, read_film
from tests.data.film_files import picture

MHD = "ObjectType = Image\nNDims = 2\nDimSize = 20 30\nElementType = {kind}\n{more}ElementDataFile = {name}\n"


def mhd(folder: Path, array: np.ndarray, extra: bytes = b"", kind: str = "MET_USHORT", more: str = "") -> Path:
    (folder / "film.raw").write_bytes(array.tobytes() + extra)
    path = folder / "film.mhd"
    path.write_text(MHD.format(kind=kind, more=more, name="film.raw"))
    return path


def nifti(path: Path, array: np.ndarray) -> Path:
    itk.imwrite(itk.image_from_array(array), str(path))
    return path


def test_mhd_with_its_raw(tmp_path: Path) -> None:
    array = picture(np.uint16)
    np.testing.assert_array_equal(read_film(mhd(tmp_path, array))[0], array.T)


@pytest.mark.parametrize("extra", [b"\0", b"\0" * 1200])
def test_mhd_with_a_longer_raw(tmp_path: Path, extra: bytes) -> None:
    with pytest.raises(
        FilmError, match=r"holds more than the 1200 bytes that its header says; is the header of another"
    ):
        read_film(mhd(tmp_path, picture(np.uint16), extra))


def test_mhd_with_a_shorter_raw(tmp_path: Path) -> None:
    with pytest.raises(FilmError, match="the MetaImage file is cut short or damaged"):
        read_film(mhd(tmp_path, picture(np.uint8)))


def test_mhd_whose_pixels_are_the_end_of_the_raw(tmp_path: Path) -> None:
    array = picture(np.uint16)
    path = mhd(tmp_path, np.concatenate([np.ones(50, np.uint16), array.ravel()]), more="HeaderSize = -1\n")
    np.testing.assert_array_equal(read_film(path)[0], array.T)


def test_mhd_without_its_raw(tmp_path: Path) -> None:
    path = mhd(tmp_path, picture(np.uint16))
    (tmp_path / "film.raw").unlink()
    with pytest.raises(FilmError, match=r"its pixels are in 'film\.raw', which is not there; copy both files"):
        read_film(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("DimSize = 20 30", "DimSize = 20 -30"), "20 x -30 pixels"),
        (("DimSize = 20 30", "DimSize = 20 thirty"), "its header lacks or has a wrong"),
        (("DimSize = 20 30", "DimSize = 200000 300000"), "expected at most 80 million"),
        (("NDims = 2", "NDims = 3"), "NDims 3 and DimSize 20 30 differ"),
        (("MET_USHORT", "MET_NONSENSE"), "its header lacks or has a wrong"),
        (("NDims = 2\n", "garbage\n"), "a line of its header is no 'name = value'"),
        (("film.raw", "film%d.raw 1 3 1"), "pixels in several files"),
    ],
)
def test_metaimage_header_that_makes_no_sense(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    path = mhd(tmp_path, picture(np.uint16))
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(FilmError, match=said):
        read_film(path)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize(
    ("change", "said"), [(-2, "cut short or damaged"), (100, "holds more than the 1552 bytes that its header says")]
)
def test_nifti_of_another_length(tmp_path: Path, suffix: str, change: int, said: str) -> None:
    path = nifti(tmp_path / f"film{suffix}", picture(np.uint16))
    data = gzip.decompress(path.read_bytes()) if suffix.endswith("gz") else path.read_bytes()
    data = data[:change] if change < 0 else data + b"\0" * change
    path.write_bytes(gzip.compress(data) if suffix.endswith("gz") else data)
    with pytest.raises(FilmError, match=said):
        read_film(path)


def test_nifti_of_complex_numbers(tmp_path: Path) -> None:
    path = nifti(tmp_path / "film.nii", picture(np.float64))
    data = bytearray(path.read_bytes())
    data[70:72] = (32).to_bytes(2, "little")
    path.write_bytes(data)
    with pytest.raises(FilmError, match="samples of kind 32 with 64 bits"):
        read_film(path)


def test_gzip_that_grows_without_end(tmp_path: Path) -> None:
    path = nifti(tmp_path / "film.nii.gz", picture(np.uint16))
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + bytes(300_000_000), 1))
    with pytest.raises(FilmError, match="holds more than the 1552 bytes that its header says"):
        read_film(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_pixels_that_float32_cannot_hold(tmp_path: Path, value: float) -> None:
    array = picture(np.float64)
    array[3, 4] = value
    with pytest.raises(FilmError, match="1 pixels are not finite numbers; replace them"):
        read_film(nifti(tmp_path / "film.nii", array))
