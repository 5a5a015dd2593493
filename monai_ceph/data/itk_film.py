"""Read films with ITK: MetaImage, NIfTI, compressed DICOM, and the variants of other formats that Pillow misreads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.data.film_format import Format, unreadable
from monai_ceph.data.film_limits import check_dimensions
from monai_ceph.data.pillow_film import several_images

_IMAGE_IO: dict[Format, str] = {
    "PNG": "PNGImageIO",
    "JPEG": "JPEGImageIO",
    "BMP": "BMPImageIO",
    "TIFF": "TIFFImageIO",
    "MetaImage": "MetaImageIO",
    "NIfTI": "NiftiImageIO",
    "DICOM": "GDCMImageIO",
}
# ITK loads its parts when they are first used, and threads that ask for one at the same time get an AttributeError.
# Later on nothing is lost: ITK keeps the interpreter while it reads.
_one_at_a_time = threading.Lock()
_loaded = False
while_itk_loads: Callable[[], AbstractContextManager[None]] = nullcontext
"""What is entered while ITK loads: its time is not the film's."""
# Component types that ITK's Python package has images of; all others are read as double.
_NATIVE = {"unsigned_char": "UC", "unsigned_short": "US", "short": "SS", "float": "F"}
_SPACING_TAGS = {"MetaImage": "ElementSpacing", "NIfTI": "pixdim"}


def itk_header(path: Path, kind: Format, shown: Path | None = None) -> Any:
    """Return ITK's ImageIO of a film, its header read and its pixels not.

    Args:
        path: the file.
        kind: its format.
        shown: the film's path for messages, where the file is a copy.
    Raises:
        FilmError: it cannot be read, is not one 2D image, or is too large.
    """
    with _one_at_a_time:
        return _header(path, kind, shown or path)


def itk_pixels(path: Path, kind: Format, shown: Path | None = None) -> np.ndarray:
    """Return the samples of a film, (Y, X, components). Arguments and Raises as :func:`itk_header`."""
    return itk_film(path, kind, shown)[0]


def itk_film(
    path: Path, kind: Format, shown: Path | None = None
) -> tuple[np.ndarray, tuple[tuple[float, float] | None, str]]:
    """Return :func:`itk_pixels` and the file's own spacing, as in :class:`FilmSamples`."""
    shown = shown or path
    with _one_at_a_time:
        header = _header(path, kind, shown)
        return _pixels(path, kind, shown, header), _spacing(header, kind)


def _load_itk() -> Any:
    """Return ITK with the parts loaded that read images, which takes seconds at first."""
    import itk

    global _loaded
    if not _loaded:
        with while_itk_loads():
            for name in _IMAGE_IO.values():
                getattr(itk, name)
            itk.ImageFileReader[itk.VectorImage[itk.UC, 2]]
        _loaded = True
    return itk


def _header(path: Path, kind: Format, shown: Path) -> Any:
    itk = _load_itk()
    try:
        header = getattr(itk, _IMAGE_IO[kind]).New()
        header.SetFileName(str(path))
        header.ReadImageInformation()
        sizes = [header.GetDimensions(axis) for axis in range(header.GetNumberOfDimensions())]
    except Exception as error:
        raise unreadable(shown, kind, str(error).replace(str(path), "the file")) from error
    if len(sizes) < 2 or any(size != 1 for size in sizes[2:]):
        raise several_images(shown, " x ".join(map(str, sizes)))
    native = header.GetComponentTypeAsString(header.GetComponentType()) in _NATIVE
    components = header.GetNumberOfComponents()
    check_dimensions(shown, sizes[0], sizes[1], components * (header.GetComponentSize() if native else 8))
    return header


def _pixels(path: Path, kind: Format, shown: Path, header: Any) -> np.ndarray:
    import itk

    try:
        component = header.GetComponentTypeAsString(header.GetComponentType())
        image_type = itk.VectorImage[getattr(itk, _NATIVE.get(component, "D")), 2]
        reader = itk.ImageFileReader[image_type].New()
        reader.SetImageIO(header)
        reader.SetFileName(str(path))
        reader.Update()
        pixels: np.ndarray = itk.array_from_image(reader.GetOutput())
    except Exception as error:
        raise unreadable(shown, kind, str(error).replace(str(path), "the file")) from error
    return pixels


def _spacing(header: Any, kind: Format) -> tuple[tuple[float, float] | None, str]:
    tag = _SPACING_TAGS.get(kind)
    if tag is None:
        return None, "unknown"
    # NIfTI holds float32: seven digits, so that 0.1 comes back as 0.1.
    x, y = (float(f"{header.GetSpacing(axis):.7g}") for axis in (0, 1))
    # Exactly 1 x 1 mm is what programs fill in when they do not know; no film is as coarse.
    if not (0 < x < np.inf and 0 < y < np.inf) or (x, y) == (1.0, 1.0):
        return None, "unknown"
    return (x, y), f"file: {tag}"
