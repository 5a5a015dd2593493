"""Read films with ITK: MetaImage, NIfTI, compressed DICOM, and the variants of other formats that Pillow misreads."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.data.film_format import FilmError, Format, several_images, unreadable
from monai_ceph.data.film_limits import check_dimensions
from monai_ceph.data.film_samples import UNKNOWN_SPACING, Spacing

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


def itk_header(path: Path, kind: Format) -> Any:
    """Return ITK's ImageIO of a film, its header read and its pixels not.

    Raises:
        FilmError: it cannot be read, is not one 2D image, or is too large.
    """
    with _reading(path, kind):
        return _header(path, kind)


def itk_film(path: Path, kind: Format) -> tuple[np.ndarray, Spacing]:
    """Return the samples of a film, (Y, X, components), and the file's own spacing. Raises as :func:`itk_header`."""
    with _reading(path, kind):
        header = _header(path, kind)
        return _pixels(path, header), _spacing(header, kind)


def itk_decoded(path: Path, kind: Format, content: bytes) -> np.ndarray:
    """Return the samples, (Y, X, components), that ITK decodes from a file's content.

    Args:
        path: the film, for messages.
        kind: the format of the content.
        content: the file.
    Raises:
        FilmError: as :func:`itk_header`.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "film"
        copy.write_bytes(content)
        try:
            return itk_film(copy, kind)[0]
        except FilmError as error:
            raise FilmError(str(error).replace(str(copy), str(path))) from error


@contextmanager
def _reading(path: Path, kind: Format) -> Iterator[None]:
    with _one_at_a_time:
        try:
            yield
        except FilmError:
            raise
        except Exception as error:
            raise unreadable(path, kind, error) from error


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


def _header(path: Path, kind: Format) -> Any:
    header = getattr(_load_itk(), _IMAGE_IO[kind]).New()
    header.SetFileName(str(path))
    header.ReadImageInformation()
    sizes = [header.GetDimensions(axis) for axis in range(header.GetNumberOfDimensions())]
    if len(sizes) < 2 or any(size != 1 for size in sizes[2:]):
        raise several_images(path, " x ".join(map(str, sizes)))
    native = header.GetComponentTypeAsString(header.GetComponentType()) in _NATIVE
    components = header.GetNumberOfComponents()
    check_dimensions(path, sizes[0], sizes[1], components * (header.GetComponentSize() if native else 8))
    return header


def _pixels(path: Path, header: Any) -> np.ndarray:
    import itk

    component = header.GetComponentTypeAsString(header.GetComponentType())
    image_type = itk.VectorImage[getattr(itk, _NATIVE.get(component, "D")), 2]
    reader = itk.ImageFileReader[image_type].New()
    reader.SetImageIO(header)
    reader.SetFileName(str(path))
    reader.Update()
    return np.asarray(itk.array_from_image(reader.GetOutput()))


def _spacing(header: Any, kind: Format) -> Spacing:
    tag = _SPACING_TAGS.get(kind)
    if tag is None:
        return UNKNOWN_SPACING
    # NIfTI holds float32: seven digits, so that 0.1 comes back as 0.1.
    x, y = (float(f"{header.GetSpacing(axis):.7g}") for axis in (0, 1))
    # Exactly 1 x 1 mm is what programs fill in when they do not know; no film is as coarse.
    if not (0 < x < np.inf and 0 < y < np.inf) or (x, y) == (1.0, 1.0):
        return UNKNOWN_SPACING
    return (x, y), f"file: {tag}"
