"""PNG, BMP and JPEG films against Pillow's or ITK's samples, or the array that they were written from."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import itk
import numpy as np
import pytest
from PIL import Image

from monai_ceph.data.film import FilmError, film_size, read_film
from monai_ceph.data.jpeg_film import read_jpeg
from monai_ceph.data.pillow_film import read_png
from tests.data.film_files import picture

LUMINANCE = np.array([0.299, 0.587, 0.114])


def colours() -> np.ndarray:
    """(30, 20, 3) uint8, smooth in one channel and noisy in the others."""
    noise = np.random.default_rng(0).integers(0, 256, (30, 20, 3), dtype=np.uint8)
    noise[..., 0] = np.add.outer(np.arange(30), 5 * np.arange(20))
    return noise


def image(mode: str) -> Image.Image:
    rgb = Image.fromarray(colours())
    if mode == "I;16":
        return Image.fromarray(picture(np.uint16))
    if mode == "gray RGB":
        return rgb.convert("L").convert("RGB")
    return rgb.quantize(17) if mode == "P" else rgb.convert(mode)


def as_itk_gives_it(path: Path) -> np.ndarray:
    """(X, Y) float64, of gray or RGB with alpha or without."""
    pixels = itk.array_from_image(itk.imread(str(path))).astype(np.float64)
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    return (pixels[..., 0] if pixels.shape[-1] < 3 else pixels[..., :3] @ LUMINANCE).T


USUAL = {
    "gray.png": ("L", {}),
    "colour.png": ("RGB", {}),
    "16 bit.png": ("I;16", {}),
    "interlaced colour.png": ("RGB", {"interlace": 1}),
    "transparent gray.png": ("L", {"transparency": 7}),
    "palette.png": ("P", {}),
    "one bit.png": ("1", {}),
    "alpha.png": ("RGBA", {}),
    "gray with alpha.png": ("LA", {}),
    "gray.jpg": ("L", {"quality": 90}),
    "gray as colour.jpg": ("gray RGB", {"quality": 90}),
    "half chroma.jpg": ("gray RGB", {"quality": 60, "subsampling": 2}),
    "progressive.jpg": ("gray RGB", {"quality": 75, "progressive": True}),
    "colour.jpg": ("RGB", {"quality": 95, "subsampling": 0}),
    "gray.bmp": ("L", {}),
    "colour.bmp": ("RGB", {}),
    "palette.bmp": ("P", {}),
}


@pytest.mark.parametrize("name", USUAL)
def test_same_samples_as_itk(tmp_path: Path, name: str) -> None:
    mode, options = USUAL[name]
    path = tmp_path / name
    image(mode).save(path, **options)
    film, info = read_film(path)
    np.testing.assert_allclose(film, as_itk_gives_it(path), atol=1e-3)
    assert info.remarks == () and film_size(path) == (20, 30)


def test_one_bit_bmp(tmp_path: Path) -> None:
    image("1").save(tmp_path / "film.bmp")
    np.testing.assert_array_equal(read_film(tmp_path / "film.bmp")[0], 255.0 * np.asarray(image("1")).T)


@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colours_of_which_pillow_would_keep_8(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "film.png"
    array = np.random.default_rng(0).integers(0, 65536, (30, 20, channels), dtype=np.uint16)
    itk.imwrite(itk.image_from_array(array, is_vector=True), str(path))
    assert read_png(path) is None
    np.testing.assert_allclose(read_film(path)[0], (array[..., :3] @ LUMINANCE).T, rtol=1e-5)


def test_animation_is_refused(tmp_path: Path) -> None:
    image("L").save(tmp_path / "a.png", save_all=True, append_images=[image("L").rotate(90)])
    with pytest.raises(FilmError, match="expected one 2D film, got 2 frames"):
        read_film(tmp_path / "a.png")


def test_png_whose_pixels_fail_their_checksum(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    image("RGB").save(path)
    data = bytearray(path.read_bytes())
    at = data.index(b"IDAT")
    (length,) = struct.unpack_from(">I", data, at - 4)
    data[at + 4 + length] ^= 1
    path.write_bytes(data)
    with pytest.raises(FilmError, match="checksum of its IDAT chunk is wrong"):
        read_film(path)


def test_png_whose_text_fails_its_checksum_is_remarked(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    image("L").save(path)
    data = path.read_bytes()
    end = data.index(b"IEND") - 4
    body = b"tEXtComment\0gone bad"
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body) ^ 1)
    path.write_bytes(data[:end] + chunk + data[end:])
    assert read_film(path)[1].remarks == ("PNG: checksum of the tEXt chunk is wrong",)


def test_png_that_claims_more_pixels_than_any_film(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    image("L").save(path)
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    with pytest.raises(FilmError, match="its header says 60000 x 60000 pixels; expected at most 80 million"):
        read_film(path)


# --- BMP


def os2_bmp(array: np.ndarray) -> bytes:
    """A BMP as OS/2 1.x wrote it: (Y, X) gray through a palette of three bytes a colour, or (Y, X, 3)."""
    rows, columns = array.shape[:2]
    gray = array.ndim == 2
    palette = b"".join(bytes([255 - k] * 3) for k in range(256)) if gray else b""
    lines = [(255 - row if gray else row[:, ::-1]).tobytes() for row in array[::-1]]
    data = b"".join(line.ljust(-(-len(line) // 4) * 4, b"\0") for line in lines)
    start = 26 + len(palette)
    head = b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start)
    return head + struct.pack("<IHHHH", 12, columns, rows, 1, 8 if gray else 24) + palette + data


@pytest.mark.parametrize("channels", [None, 3])
def test_os2_bmp(tmp_path: Path, channels: int | None) -> None:
    array = picture(channels=channels)
    (tmp_path / "film.bmp").write_bytes(os2_bmp(array))
    expected = array.T if channels is None else (array @ LUMINANCE).T
    np.testing.assert_allclose(read_film(tmp_path / "film.bmp")[0], expected, atol=1e-3)


def test_run_length_bmp_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.bmp"
    image("L").save(path)
    data = bytearray(path.read_bytes())
    data[30:34] = struct.pack("<I", 1)
    path.write_bytes(data)
    with pytest.raises(FilmError, match=r"the BMP is compressed \(kind 1\), which is not read; save it as PNG"):
        read_film(path)


# --- JPEG


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_complaint_of_libjpeg_is_remarked(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "film.jpg"
    Image.fromarray(picture()).resize((200, 300)).convert(mode).save(path)
    data = bytearray(path.read_bytes())
    assert read_film(path)[1].remarks == ()
    complaints = set()
    for at in range(len(data) // 4, len(data) - 2, 41):
        damaged = bytearray(data)
        damaged[at] ^= 0x10
        path.write_bytes(damaged)
        try:
            complaints.update(read_film(path)[1].remarks)
        except FilmError:
            continue
    assert any("Corrupt JPEG data" in complaint for complaint in complaints)
    assert all(complaint.startswith("JPEG: ") for complaint in complaints)


def test_printers_colours_in_a_jpeg_are_refused(tmp_path: Path) -> None:
    image("CMYK").save(tmp_path / "film.jpg")
    with pytest.raises(FilmError, match=r"its colours are a printer's \(CMYK\); save it as gray or RGB"):
        read_film(tmp_path / "film.jpg")


# --- tags


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["film.jpg", "film.png"])
def test_exif_orientation_is_told_and_not_applied(tmp_path: Path, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image("L").save(tmp_path / "plain.png")
    image("L").save(tmp_path / name, exif=exif)
    film, info = read_film(tmp_path / name)
    assert info.orientation == orientation and film.shape == (20, 30)
    assert np.abs(film - read_film(tmp_path / "plain.png")[0]).mean() < 20


@pytest.mark.parametrize("name", ["film.jpg", "film.png", "film.bmp", "film.tif"])
@pytest.mark.parametrize(("dpi", "suggested"), [(254, 0.1), (96, None), (72, None), (144, None), (None, None)])
def test_dots_per_inch(tmp_path: Path, name: str, dpi: int | None, suggested: float | None) -> None:
    image("L").save(tmp_path / name, **({} if dpi is None else {"dpi": (dpi, dpi)}))
    info = read_film(tmp_path / name)[1]
    assert info.spacing_mm is None
    if dpi is not None:
        assert info.dpi == pytest.approx((dpi, dpi), abs=0.1)
    expected = None if suggested is None else pytest.approx((suggested, suggested), rel=1e-3)
    assert info.suggested_spacing_mm == expected


# --- what shows no film


def test_black_picture_with_one_white_pixel_is_refused(tmp_path: Path) -> None:
    array = np.zeros((200, 300), np.uint8)
    array[10, 10] = 255
    Image.fromarray(array).save(tmp_path / "film.png")
    with pytest.raises(FilmError, match=r"nearly all its pixels have one value \(0\); it shows no film"):
        read_film(tmp_path / "film.png")


@pytest.mark.real_films
def test_real_jpegs_are_as_pillow_reads_them(real_films: Path) -> None:
    for path in sorted((real_films / "isbi2015" / "cepha400").glob("*.jpg"))[:150:30]:
        np.testing.assert_array_equal(read_jpeg(path).pixels, np.asarray(Image.open(path)))
