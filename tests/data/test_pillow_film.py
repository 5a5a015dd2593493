"""Pillow's samples against ITK's: a film must not depend on which of them read it."""

from __future__ import annotations

import sys
from pathlib import Path

import itk
import numpy as np
import pytest
from PIL import Image

from monai_ceph.data.film import FilmError, read_film
from monai_ceph.data.film_format import film_format
from monai_ceph.data.pillow_film import pillow_pixels


def colours() -> np.ndarray:
    """(30, 20, 3) uint8, smooth in one channel and noisy in the others."""
    noise = np.random.default_rng(0).integers(0, 256, (30, 20, 3), dtype=np.uint8)
    noise[..., 0] = np.add.outer(np.arange(30), 5 * np.arange(20))
    return noise


def picture(mode: str) -> Image.Image:
    rgb = Image.fromarray(colours())
    if mode == "I;16":
        return Image.fromarray(np.random.default_rng(1).integers(0, 65536, (30, 20), dtype=np.uint16))
    if mode == "gray RGB":
        return rgb.convert("L").convert("RGB")
    return rgb.quantize(17) if mode == "P" else rgb.convert(mode)


def as_itk_gives_it(path: Path) -> np.ndarray:
    pixels = itk.array_from_image(itk.imread(str(path)))
    return pixels if pixels.ndim == 3 else pixels[..., None]


USUAL = {
    "gray.png": ("L", {}),
    "colour.png": ("RGB", {}),
    "16 bit.png": ("I;16", {}),
    "interlaced colour.png": ("RGB", {"interlace": 1}),
    "transparent gray.png": ("L", {"transparency": 7}),
    "gray.jpg": ("L", {"quality": 90}),
    "gray as colour.jpg": ("gray RGB", {"quality": 90}),
    "half chroma.jpg": ("gray RGB", {"quality": 60, "subsampling": 2}),
    "progressive.jpg": ("gray RGB", {"quality": 75, "progressive": True}),
    "colour.bmp": ("RGB", {}),
}


@pytest.mark.parametrize("name", USUAL)
def test_same_samples_as_itk(tmp_path: Path, name: str) -> None:
    mode, options = USUAL[name]
    path = tmp_path / name
    picture(mode).save(path, **options)
    pixels = pillow_pixels(path, film_format(path))
    # Of a colour that means "transparent" ITK makes an alpha channel, which no film has a use for.
    expected = as_itk_gives_it(path)[..., : pixels.shape[-1]]
    assert pixels.dtype == expected.dtype
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("palette.png", "P"),
        ("one bit.png", "1"),
        ("alpha.png", "RGBA"),
        ("palette.bmp", "P"),
        ("cmyk.jpg", "CMYK"),
        ("colour.jpg", "RGB"),
    ],
)
def test_unusual_samples_are_left_to_itk(tmp_path: Path, name: str, mode: str) -> None:
    path = tmp_path / name
    picture(mode).save(path)
    assert pillow_pixels(path, film_format(path)) is None


def test_16_bit_colours_of_which_pillow_would_keep_8(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    array = np.random.default_rng(0).integers(0, 65536, (30, 20, 3), dtype=np.uint16)
    itk.imwrite(itk.image_from_array(array, is_vector=True), str(path))
    assert pillow_pixels(path, "PNG") is None
    assert read_film(path)[0].max() > 255


def test_animation_is_left_to_itk(tmp_path: Path) -> None:
    picture("L").save(tmp_path / "a.png", save_all=True, append_images=[picture("L").rotate(90)])
    assert pillow_pixels(tmp_path / "a.png", "PNG") is None


def test_other_formats_are_left_to_itk(tmp_path: Path) -> None:
    picture("L").save(tmp_path / "film.tif")
    assert pillow_pixels(tmp_path / "film.tif", "TIFF") is None


def test_what_is_wrong_with_a_damaged_film_is_itks_to_say(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    picture("RGB").save(path)
    path.write_bytes(path.read_bytes()[:-200])
    assert pillow_pixels(path, "PNG") is None
    with pytest.raises(FilmError, match=r"film\.png: the PNG file is cut short, damaged or of a kind that ITK cannot"):
        read_film(path)


def test_without_pillow_itk_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "film.png"
    picture("RGB").save(path)
    with_pillow = read_film(path)[0]
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert pillow_pixels(path, "PNG") is None
    np.testing.assert_array_equal(read_film(path)[0], with_pillow)


@pytest.mark.real_films
def test_real_films_are_the_same_through_both(real_films: Path) -> None:
    for path in sorted((real_films / "isbi2015" / "cepha400").glob("*.jpg"))[:150:30]:
        np.testing.assert_array_equal(pillow_pixels(path, "JPEG"), as_itk_gives_it(path))
