"""The preprocessing that is exported with a model, against the package's own reader."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from monai_ceph.data.film import read_film
from monai_ceph.export import film_input as module
from monai_ceph.export.film_input import film_input
from tests.data.film_files import write_dicom

Image = pytest.importorskip("PIL.Image")


def gray(bits: int) -> np.ndarray:
    """(Y, X): values over the whole range, most of them above 255 where there are more than 8 bits."""
    return np.random.default_rng(0).integers(0, 2**bits, (30, 40)).astype(np.uint8 if bits == 8 else np.uint16)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_pictures_keep_all_their_bits(tmp_path: Path, bits: int, suffix: str) -> None:
    path = tmp_path / f"film{suffix}"
    Image.fromarray(gray(bits)).save(path)
    with Image.open(path) as picture:
        found = film_input(picture)
    assert found.shape == (1, 1, 40, 30) and found.dtype == np.float32
    np.testing.assert_array_equal(found[0, 0], read_film(path)[0])
    np.testing.assert_array_equal(found[0, 0], gray(bits).T)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_dicom_of_12_bits(tmp_path: Path, photometric: str) -> None:
    pydicom = pytest.importorskip("pydicom")
    path = write_dicom(
        tmp_path / "film.dcm", gray(12), BitsStored=12, HighBit=11, PhotometricInterpretation=photometric
    )
    found = film_input(pydicom.dcmread(path).pixel_array, inverted=photometric == "MONOCHROME1")[0, 0]
    expected = read_film(path)[0]
    np.testing.assert_allclose(found - found.min(), expected - expected.min())


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "CMYK", "1"])
def test_modes_of_pillow_become_luminance(mode: str) -> None:
    colours = Image.fromarray(np.random.default_rng(1).integers(0, 255, (30, 40, 3), dtype=np.uint8))
    picture = colours.convert(mode)
    shown = np.asarray(picture.convert("RGB").convert("L"), dtype=np.float32).T
    np.testing.assert_allclose(film_input(picture)[0, 0] * (255 if mode == "1" else 1), shown, atol=1)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((3, 40, 30)), r"Expected gray pixels .* got an array of shape \(3, 40, 30\) and float64"),
        (np.full((4, 5), np.nan), "Expected finite pixels, got NaN or infinite ones"),
        (np.zeros((4, 5), dtype=complex), r"Expected gray pixels .* and complex128"),
    ],
)
def test_what_is_no_film(picture: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        film_input(picture)


def test_several_frames_are_refused(tmp_path: Path) -> None:
    frame = Image.fromarray(gray(8))
    frame.save(tmp_path / "two.tif", save_all=True, append_images=[frame])
    with Image.open(tmp_path / "two.tif") as picture, pytest.raises(ValueError, match="got a picture of 2 frames"):
        film_input(picture)


def test_it_needs_numpy_alone() -> None:
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"__future__", "typing", "numpy"}
