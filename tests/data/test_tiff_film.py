"""Every kind of TIFF against the array that it was written from: read right or refused, never other pixels."""

from __future__ import annotations

import io
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_ceph.data.film import FilmError, read_film
from tests.data.film_files import picture, tiff

LUMINANCE = np.array([0.299, 0.587, 0.114])


def gray(array: np.ndarray) -> np.ndarray:
    """(X, Y): what a reader makes of (Y, X) or (Y, X, C)."""
    array = array.astype(np.float64)
    if array.ndim == 3:
        array = array[..., 0] if array.shape[2] < 3 else array[..., :3] @ LUMINANCE
    return array.T


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"])
@pytest.mark.parametrize("channels", [None, 2, 3, 4])
def test_tiled_and_planar_films_are_right_or_refused(tmp_path: Path, dtype: str, channels: int | None) -> None:
    array = picture(dtype, channels)
    path = tmp_path / "film.tif"
    right = 0
    for tile, planar, order in product((0, 16), (False, True), "<>"):
        path.write_bytes(tiff(array, order, tile=tile, planar=planar))
        try:
            film = read_film(path)[0]
        except FilmError as error:
            assert str(error).startswith(f"{path}: a TIFF with ") and str(error).endswith(
                "is not read; save it as PNG."
            )
            continue
        right += 1
        np.testing.assert_allclose(film, gray(array), rtol=1e-6, atol=1e-3 * np.ptp(array.astype(np.float64)) / 255)
    if dtype in ("u1", "u2", "f4") and channels is None:
        assert right == 8
    if dtype in ("f2", "f8"):
        assert right == 0


@pytest.mark.parametrize("tile", [0, 16])
def test_16_bit_film_in_tiles_keeps_its_bits(tmp_path: Path, tile: int) -> None:
    array = picture(np.uint16)
    (tmp_path / "film.tif").write_bytes(tiff(array, tile=tile))
    np.testing.assert_array_equal(read_film(tmp_path / "film.tif")[0], array.T)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("dtype", "channels"), [("u1", None), ("u1", 3), ("u2", None), ("u2", 3), ("f4", None)])
@pytest.mark.parametrize("tile", [0, 16])
def test_orientation_is_reported_and_not_applied(
    tmp_path: Path, orientation: int, dtype: str, channels: int | None, tile: int
) -> None:
    array = picture(dtype, channels)
    path = tmp_path / "film.tif"
    path.write_bytes(tiff(array, tile=tile, orientation=orientation))
    if (dtype, channels, tile) == ("u2", 3, 16):
        with pytest.raises(FilmError, match="a TIFF with tiled 16-bit integer samples, 3 a pixel is not read"):
            read_film(path)
        return
    film, info = read_film(path)
    assert info.orientation == orientation
    np.testing.assert_allclose(film, gray(array), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f4", "i1", "u4"])
def test_white_is_zero_is_inverted_whatever_the_samples(tmp_path: Path, dtype: str) -> None:
    array = picture(dtype)
    path = tmp_path / "film.tif"
    path.write_bytes(tiff(array, photometric=0))
    film = read_film(path)[0].astype(np.float64)
    whole = array.T.astype(np.float64)
    top, bottom = (whole.max(), whole.min()) if dtype == "f4" else (np.iinfo(dtype).max, np.iinfo(dtype).min)
    np.testing.assert_allclose(film, top + bottom - whole, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("mode", ["L", "I;16", "RGB"])
def test_lossless_compression(tmp_path: Path, compression: str, mode: str) -> None:
    array = picture("u2" if mode == "I;16" else "u1", 3 if mode == "RGB" else None)
    Image.fromarray(array).save(tmp_path / "film.tif", compression=compression)
    np.testing.assert_allclose(read_film(tmp_path / "film.tif")[0], gray(array), atol=1e-3)


def test_jpeg_inside(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(32), 5 * np.arange(24)).astype(np.uint8)
    for mode in ("L", "RGB"):
        Image.fromarray(smooth).convert(mode).save(tmp_path / "film.tif", compression="jpeg")
        assert np.abs(read_film(tmp_path / "film.tif")[0] - smooth.T).max() <= 3


@pytest.mark.parametrize(("mode", "said"), [("CMYK", "colours of kind 5"), ("LAB", "colours of kind 8")])
def test_colours_of_printers_are_refused(tmp_path: Path, mode: str, said: str) -> None:
    Image.new(mode, (20, 30)).save(tmp_path / "film.tif")
    with pytest.raises(FilmError, match=said):
        read_film(tmp_path / "film.tif")


def test_palette_and_one_bit(tmp_path: Path) -> None:
    colours = Image.fromarray(picture(channels=3)).quantize(17)
    colours.save(tmp_path / "film.tif")
    np.testing.assert_allclose(read_film(tmp_path / "film.tif")[0], gray(np.asarray(colours.convert("RGB"))), atol=1e-3)
    one_bit = Image.fromarray(picture() > 127)
    one_bit.save(tmp_path / "film.tif")
    np.testing.assert_array_equal(read_film(tmp_path / "film.tif")[0], 255.0 * np.asarray(one_bit).T)


def test_circular_list_of_pages(tmp_path: Path) -> None:
    data = bytearray(tiff(picture()))
    data[-4:] = data[4:8]  # the next page is the first
    (tmp_path / "film.tif").write_bytes(data)
    with pytest.raises(FilmError, match="its list of pages never ends"):
        read_film(tmp_path / "film.tif")


def test_several_pages_and_thumbnail(tmp_path: Path) -> None:
    path = tmp_path / "film.tif"
    path.write_bytes(tiff(picture(), pages=3))
    with pytest.raises(FilmError, match="expected one 2D film, got 20 x 30 x 3"):
        read_film(path)


@pytest.mark.parametrize("keep", [0.3, 0.8, 0.99])
def test_strip_beyond_the_end_of_the_file(tmp_path: Path, keep: float) -> None:
    # Little-endian writers put the tags first, so that a cut takes pixels only.
    out = io.BytesIO()
    Image.fromarray(picture()).save(out, "TIFF")
    (tmp_path / "film.tif").write_bytes(out.getvalue()[: int(len(out.getvalue()) * keep)])
    with pytest.raises(FilmError, match="the TIFF file is cut short or damaged"):
        read_film(tmp_path / "film.tif")
