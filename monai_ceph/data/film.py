"""Films: any file that holds one radiograph -> one gray array, one orientation, one statement of its pixel spacing.

- **Orientation**: array axis 0 is x (the stored columns), axis 1 is y (the stored rows). Nothing is turned or mirrored:
  NIfTI's and MetaImage's directions, EXIF's and TIFF's orientation are not applied, because landmarks are in pixels of
  the film as stored.
- **Gray**: colours become luminance (Rec. 601, the weights in a colour JPEG itself); equal channels are taken as they
  are; an alpha channel is ignored. Films whose lowest value is white (DICOM MONOCHROME1, TIFF WhiteIsZero) are
  inverted, so that bone is bright everywhere. DICOM's rescale slope and intercept are applied, its window is not.
- **Spacing**: the user's, else the file's, else unknown. DICOM: see :mod:`monai_ceph.data.dicom_spacing`. MetaImage and
  NIfTI: their spacing. Exactly 1 x 1 mm counts as unknown: it is what programs fill in, and no film is as coarse. The
  dots per inch of PNG, JPEG, BMP and TIFF are not believed: editors and cameras fill in 72 or 96 for a printer, and
  nothing in the file tells these from a scanner's.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.data.dicom_spacing import SPACING_TAGS, dicom_spacing
from monai_ceph.data.film_format import FilmError, Format, film_format, is_dicom, tiff_tags
from monai_ceph.data.pillow_film import pillow_pixels
from monai_ceph.data.quiet import quiet_libraries
from monai_ceph.film_names import FILM_SUFFIXES, OVERLAY_SUFFIX, film_name
from monai_ceph.spacing import check_spacing

__all__ = ["FILM_SUFFIXES", "FilmError", "FilmInfo", "film_name", "film_size", "find_films", "read_film"]

UNKNOWN_SPACING = "unknown"
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)
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
# Component types that ITK's Python package has images of; all others are read as double.
_NATIVE = {"unsigned_char": "UC", "unsigned_short": "US", "short": "SS", "float": "F"}


@dataclass(frozen=True)
class FilmInfo:
    """What is known of a film beside its pixels.

    Args:
        spacing_mm: (along x, along y), mm; None where unknown.
        spacing_source: ``"user"``, ``"file: <which tag>"`` or ``"unknown"``.
    """

    spacing_mm: tuple[float, float] | None
    spacing_source: str


def read_film(path: str | Path, spacing_mm: float | Sequence[float] | None = None) -> tuple[np.ndarray, FilmInfo]:
    """Reads one film.

    Args:
        path: the file; its format is told by its content, not by its suffix.
        spacing_mm: the pixel spacing if the user knows it, one number or (along x, along y); it wins over the file's.
    Returns:
        (X, Y) float32, gray values as stored, bone bright; and what is known beside.
    Raises:
        FilmError: the file is missing, empty, cut short, no image, or holds more than one image.
        ValueError: the given spacing is not positive.
    """
    path = Path(path)
    given = None if spacing_mm is None else check_spacing(spacing_mm, "spacing_mm")
    kind = film_format(path)
    found = _dicom_spacing(path) if kind == "DICOM" else None
    header, pixels = None, pillow_pixels(path, kind)
    if pixels is None:
        with _one_at_a_time, quiet_libraries():
            header = _read_header(path, kind)
            pixels = _read_pixels(path, kind, header)
    film = _to_gray(pixels, path)
    if kind == "TIFF" and pixels.dtype.kind == "u" and pixels.shape[-1] == 1:
        tags = tiff_tags(path)
        if tags.samples == 2:  # ITK takes the alpha samples for gray ones
            raise FilmError(f"{path}: a TIFF with an alpha channel beside gray is not read; save it without alpha.")
        if tags.white_is_zero:
            film = np.float32(np.iinfo(pixels.dtype).max) - film
    if given is not None:
        return film, FilmInfo(given, "user")
    spacing, source = found or _stored_spacing(header, kind)
    return film, FilmInfo(spacing, source)


def film_header(path: str | Path) -> Any:
    """ITK's ImageIO of a film, its header read and its pixels not. Raises as :func:`read_film`."""
    path = Path(path)
    kind = film_format(path)
    with _one_at_a_time, quiet_libraries():
        return _read_header(path, kind)


def film_size(path: str | Path) -> tuple[int, int]:
    """(X, Y), the size of a film in pixels, from its header alone. Raises as :func:`read_film`."""
    header = film_header(path)
    return header.GetDimensions(0), header.GetDimensions(1)


def find_films(paths: Sequence[str | Path]) -> list[Path]:
    """The films among files and folders.

    A file that is named is always tried, whatever it is called. In a folder, files with a suffix of
    ``FILM_SUFFIXES`` (in any case) and DICOM files without a suffix count; hidden files, DICOM directories,
    pictures of results (``*.overlay.png``) and everything else are passed over, and folders inside are not searched.

    Args:
        paths: files and folders.
    Returns:
        Each film once, sorted.
    Raises:
        FilmError: nothing given, a path that does not exist, or a folder without a film.
    """
    if not paths:
        raise FilmError("No film was given; name at least one film or folder.")
    films: set[Path] = set()
    for given in paths:
        path = Path(given)
        if path.is_dir():
            inside = [p for p in path.iterdir() if p.is_file() and not p.name.startswith(".") and looks_like_film(p)]
            if not inside:
                raise FilmError(
                    f"{path}: there is no film in this folder; expected files ending in {' '.join(FILM_SUFFIXES)} "
                    "directly in it (folders inside are not searched)."
                )
            films.update(inside)
        elif path.exists():
            films.add(path)
        else:
            raise FilmError(f"{path}: there is no such film or folder; check the path.")
    return sorted(films)


def looks_like_film(path: Path) -> bool:
    if path.name.upper() == "DICOMDIR" or path.name.endswith(OVERLAY_SUFFIX):
        return False
    return path.name.lower().endswith(FILM_SUFFIXES) or is_dicom(path)


def _read_header(path: Path, kind: Format) -> Any:
    """ITK's ImageIO of a file, its header read. Raises FilmError if it cannot be read or is not one 2D image."""
    import itk  # a second and a half until its first image: not for films that Pillow reads

    header = getattr(itk, _IMAGE_IO[kind]).New()
    try:
        header.SetFileName(str(path))
        header.ReadImageInformation()
    except (RuntimeError, MemoryError) as error:
        raise _unreadable(path, kind, error) from error
    sizes = [header.GetDimensions(axis) for axis in range(header.GetNumberOfDimensions())]
    if len(sizes) < 2 or any(size != 1 for size in sizes[2:]):
        shown = " x ".join(map(str, sizes))
        raise FilmError(
            f"{path}: expected one 2D film, got {shown} (a volume, several frames or pages); save the one film alone."
        )
    return header


def _read_pixels(path: Path, kind: Format, header: Any) -> np.ndarray:
    """(Y, X, components) as ITK gives them."""
    import itk

    component = header.GetComponentTypeAsString(header.GetComponentType())
    image_type = itk.VectorImage[getattr(itk, _NATIVE.get(component, "D")), 2]
    reader = itk.ImageFileReader[image_type].New()
    try:
        reader.SetImageIO(header)
        reader.SetFileName(str(path))
        reader.Update()
        return itk.array_view_from_image(reader.GetOutput())
    except (RuntimeError, MemoryError) as error:
        raise _unreadable(path, kind, error) from error


def _unreadable(path: Path, kind: Format, error: BaseException) -> FilmError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in lines if "ITK ERROR" in line), lines[-1] if lines else type(error).__name__)
    said = re.sub(r"^.*ITK ERROR: (\w+\(0x\w+\): )?", "", said).replace(str(path), "the file").rstrip(".!")
    return FilmError(
        f"{path}: the {kind} file is cut short, damaged or of a kind that ITK cannot read ({said}); "
        "copy it again, or save it as PNG."
    )


def _to_gray(pixels: np.ndarray, path: Path) -> np.ndarray:
    """(Y, X, components) -> (X, Y) float32."""
    components = pixels.shape[-1]
    if components > 4:
        raise FilmError(f"{path}: expected gray or RGB, with alpha or without, got {components} channels.")
    if components < 3:
        gray = pixels[..., 0]
    else:
        red, green, blue = (pixels[..., k] for k in range(3))
        equal = np.array_equal(red, green) and np.array_equal(red, blue)
        gray = red if equal else pixels[..., :3].astype(np.float32) @ _LUMINANCE
    if gray.dtype.kind == "f" and not np.isfinite(gray).all():
        bad = int((~np.isfinite(gray)).sum())
        raise FilmError(f"{path}: {bad} pixels are not finite numbers; replace them before the film is used.")
    # In two steps: transposing while converting takes twice as long, for lack of cache.
    return np.ascontiguousarray(gray).T.astype(np.float32, order="C")


def _stored_spacing(header: Any, kind: Format) -> tuple[tuple[float, float] | None, str]:
    tag = {"MetaImage": "ElementSpacing", "NIfTI": "pixdim"}.get(kind)
    if tag is None:
        return None, UNKNOWN_SPACING
    # NIfTI holds float32: seven digits, so that 0.1 comes back as 0.1.
    x, y = (float(f"{header.GetSpacing(axis):.7g}") for axis in (0, 1))
    if not (0 < x < np.inf and 0 < y < np.inf) or (x, y) == (1.0, 1.0):
        return None, UNKNOWN_SPACING
    return (x, y), f"file: {tag}"


def _dicom_spacing(path: Path) -> tuple[tuple[float, float] | None, str]:
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what pydicom finds odd in other tags is not this reader's business
            dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=["Rows", *SPACING_TAGS])
    except (InvalidDicomError, OSError, ValueError, EOFError, KeyError, AttributeError, TypeError) as error:
        raise _unreadable(path, "DICOM", error) from error
    if "Rows" not in dataset:
        raise FilmError(f"{path}: this DICOM file holds no image (a report or a directory?); name the film itself.")
    return dicom_spacing(dataset)
