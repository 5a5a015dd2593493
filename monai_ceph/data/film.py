"""Read a film from any file that holds one radiograph, as gray values with orientation and pixel spacing.

``docs/inputs.md`` lists each format and tag. In short:

- **Orientation**: array axis 0 is x (the stored columns), axis 1 is y (the stored rows). Nothing is turned or mirrored:
  landmarks are in pixels of the film as stored. The orientation in EXIF or TIFF tags is reported, not applied; NIfTI's
  and MetaImage's directions are not applied.
- **Gray**: colours become luminance (Rec. 601, the weights in a colour JPEG itself); equal channels are taken as they
  are; an alpha channel is ignored. Films whose lowest value is white (DICOM MONOCHROME1 and INVERSE, TIFF WhiteIsZero)
  are inverted, so that bone is bright everywhere. DICOM: see :mod:`monai_ceph.data.dicom_film`.
- **Spacing**: the user's, else the file's, else unknown. DICOM: see :mod:`monai_ceph.data.dicom_spacing`. MetaImage and
  NIfTI: their spacing. Exactly 1 x 1 mm counts as unknown: it is a common default, and no film is as coarse. The dots
  per inch of PNG, JPEG, BMP and TIFF are reported, not used: editors and cameras write 72 or 96 by default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.data.dicom_film import dicom_size, read_dicom
from monai_ceph.data.film_format import FilmError, Format, film_format, unreadable
from monai_ceph.data.film_limits import out_of_memory
from monai_ceph.data.film_samples import FilmSamples, check_finite
from monai_ceph.data.itk_film import itk_film, itk_header
from monai_ceph.data.jpeg_film import read_jpeg
from monai_ceph.data.pillow_film import pillow_size, read_bmp, read_png
from monai_ceph.data.tiff_film import read_tiff, tiff_size
from monai_ceph.data.volume_headers import check_volume
from monai_ceph.spacing import check_spacing

__all__ = ["SCREEN_DPI", "FilmError", "FilmInfo", "film_size", "read_film"]

SCREEN_DPI = (72.0, 96.0, 120.0, 144.0)
"""Dots per inch that programs fill in for a screen or a printer."""
_LUMINANCE = (0.299, 0.587, 0.114)
_READERS: dict[Format, Callable[[Path], FilmSamples]] = {
    "JPEG": read_jpeg,
    "BMP": read_bmp,
    "TIFF": read_tiff,
    "DICOM": read_dicom,
}
_BLANK = 0.999
"""Share of equal pixels from which a picture shows no film."""


@dataclass(frozen=True)
class FilmInfo:
    """Describe a film beside its pixels.

    Args:
        spacing_mm: (along x, along y), mm; None where unknown.
        spacing_source: ``"user"``, ``"file: <which tag>"`` or ``"unknown"``.
        orientation: the EXIF or TIFF tag, 1 to 8; 1 where there is none. The pixels are as stored: a viewer that
            honours the tag shows them turned or mirrored.
        dpi: (along x, along y), the dots per inch that the file states; only a suggestion, never used for mm.
        remarks: what the decoder complained about; the pixels may be damaged.

    >>> FilmInfo(None, "unknown", dpi=(300.0, 300.0)).suggested_spacing_mm  # a scanner's resolution
    (0.08466666666666667, 0.08466666666666667)
    >>> FilmInfo(None, "unknown", dpi=(96.0, 96.0)).suggested_spacing_mm  # a screen's
    """

    spacing_mm: tuple[float, float] | None
    spacing_source: str
    orientation: int = 1
    dpi: tuple[float, float] | None = None
    remarks: tuple[str, ...] = ()

    @property
    def suggested_spacing_mm(self) -> tuple[float, float] | None:
        """The spacing from ``dpi``, (along x, along y), mm; None if ``dpi`` is missing or one of :data:`SCREEN_DPI`."""
        if self.dpi is None or any(min(abs(value - screen) for screen in SCREEN_DPI) < 0.5 for value in self.dpi):
            return None
        return 25.4 / self.dpi[0], 25.4 / self.dpi[1]


def read_film(path: str | Path, spacing_mm: float | Sequence[float] | None = None) -> tuple[np.ndarray, FilmInfo]:
    """Read one film in this process.

    A damaged file can make a decoder end the process or never return;
    :class:`~monai_ceph.data.film_workers.FilmWorkers` reads films in other processes.

    Args:
        path: the file; its content decides the format, not its suffix.
        spacing_mm: the pixel spacing if the user knows it, one number or (along x, along y); it takes precedence over
            the file's.
    Returns:
        (X, Y) float32, gray values, finite, bone bright; and a description of the film.
    Raises:
        FilmError: the file is missing, empty, cut short, too large, blank, not an image or of an unsupported kind, or
            it holds several images or pixels that are not finite.
        ValueError: the given spacing is not positive.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> path = Path(tempfile.mkdtemp()) / "film.png"
        >>> Image.effect_noise((60, 40), 50).save(path, dpi=(300, 300))
        >>> film, info = read_film(path, spacing_mm=0.1)
        >>> film.shape, info.spacing_mm, info.spacing_source
        ((60, 40), (0.1, 0.1), 'user')
        >>> [round(mm, 4) for mm in info.suggested_spacing_mm]
        [0.0847, 0.0847]
    """
    path = Path(path)
    user_mm = None if spacing_mm is None else check_spacing(spacing_mm, "spacing_mm")
    kind = film_format(path)
    with _decoding(path, kind):
        samples = _samples(path, kind)
        film = _to_gray(path, samples.pixels)
    spacing, source = samples.spacing if user_mm is None else (user_mm, "user")
    return film, FilmInfo(spacing, source, samples.orientation, samples.dpi, samples.remarks)


def film_header(path: str | Path) -> Any:
    """Return ITK's ImageIO of a film, its header read and its pixels not. Raises as :func:`read_film`."""
    path = Path(path)
    kind = film_format(path)
    with _decoding(path, kind):
        check_volume(path, kind)
        return itk_header(path, kind)


def film_size(path: str | Path) -> tuple[int, int]:
    """Return (X, Y), the size of a film in pixels, from its header alone. Raises as :func:`read_film`.

    >>> from monai_ceph.phantoms import write_phantoms
    >>> film_size(write_phantoms("films", count=1, size=(484, 600), spacing_mm=0.4)[0])
    (484, 600)
    """
    path = Path(path)
    kind = film_format(path)
    with _decoding(path, kind):
        if kind == "DICOM":
            return dicom_size(path)
        if kind in ("PNG", "JPEG", "BMP"):
            return pillow_size(path, kind)
        if kind == "TIFF":
            return tiff_size(path)
    header = film_header(path)
    return header.GetDimensions(0), header.GetDimensions(1)


@contextmanager
def _decoding(path: Path, kind: Format) -> Iterator[None]:
    """Raise FilmError whatever a decoder makes of a damaged file, so that one file never ends a batch."""
    try:
        yield
    except FilmError:
        raise
    except MemoryError as error:
        raise out_of_memory(path) from error
    except Exception as error:
        raise unreadable(path, kind, error) from error


def _samples(path: Path, kind: Format) -> FilmSamples:
    if kind in _READERS:
        return _READERS[kind](path)
    if kind == "PNG" and (samples := read_png(path)):
        return samples
    check_volume(path, kind)
    return FilmSamples(*itk_film(path, kind))


def _to_gray(path: Path, pixels: np.ndarray) -> np.ndarray:
    """Convert (Y, X, components) to (X, Y) float32."""
    components = pixels.shape[-1]
    if components > 4:
        raise FilmError(
            f"{path}: expected gray or RGB, with alpha or without, got {components} channels; save it as PNG."
        )
    if components < 3:
        gray = pixels[..., 0]
    else:
        red, green, blue = (pixels[..., k] for k in range(3))
        if np.array_equal(red, green) and np.array_equal(red, blue):
            gray = red
        else:
            gray = np.zeros(red.shape, dtype=np.float32)
            for weight, channel in zip(_LUMINANCE, (red, green, blue), strict=True):
                gray += np.float32(weight) * channel.astype(np.float32)
    gray = np.ascontiguousarray(gray)
    if gray.dtype.kind == "f":
        with np.errstate(over="ignore"):
            gray = gray.astype(np.float32, copy=False)
        check_finite(path, gray)
    # The most common value is found in a part; of a film it is far from common.
    most = np.median(gray.ravel()[:: max(1, gray.size // 10_000)])
    if gray.size > 1 and np.count_nonzero(gray == most) > _BLANK * gray.size:
        raise FilmError(
            f"{path}: nearly all its pixels have one value ({most:g}); it shows no film; check what was exported."
        )
    # In two steps: transposing while converting takes twice as long, for lack of cache.
    return gray.T.astype(np.float32, order="C")
