"""Read films with MONAI's ``LoadImage``; :mod:`monai_ceph.data.film` reads them without MONAI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import ImageReader

from monai_ceph.data.film_format import FilmError
from monai_ceph.data.film_search import looks_like_film
from monai_ceph.data.film_workers import read_film_apart
from monai_ceph.spacing import check_spacing


class FilmReader(ImageReader):
    """Read films for MONAI's stock ``LoadImage`` / ``LoadImaged``.

    The array is (X, Y) float32. Its metadata hold the identity as ``affine`` (a film's world frame is its own pixels),
    ``spacing_mm`` (float64, (2,), NaN where unknown), ``spacing_source``, ``film_orientation`` (the EXIF or TIFF tag),
    ``suggested_spacing_mm`` (as ``spacing_mm``, from the dots per inch that the file states; never used for mm) and
    ``film_remarks`` (what the decoder complained about, a line each).

    Films are read in this process, or in the :class:`~monai_ceph.data.film_workers.FilmWorkers` that it uses.

    A film that cannot be used raises :class:`FilmError` from :meth:`get_data`, not from :meth:`read`: when ``read``
    fails, ``LoadImage`` silently turns to its other readers, which follow other conventions.

    Args:
        spacing_mm: the pixel spacing of all films if the user knows it, as in :func:`read_film`; or that of each film,
            by its path, where films of several scanners are read together. Films not named there have their file's.

    >>> from monai.transforms import LoadImage
    >>> from monai_ceph.phantoms import write_phantoms
    >>> films = write_phantoms("films", count=1, size=(484, 600), spacing_mm=0.4)
    >>> LoadImage(reader=FilmReader(spacing_mm=0.4))(films[0]).shape
    torch.Size([484, 600])
    """

    def __init__(self, spacing_mm: float | Sequence[float] | Mapping[str, Any] | None = None) -> None:
        super().__init__()
        spacings: dict[str, Any] = dict(spacing_mm) if isinstance(spacing_mm, Mapping) else {}
        self.of_film = {Path(path): check_spacing(mm, f"FilmReader, {path}") for path, mm in spacings.items()}
        of_all = None if isinstance(spacing_mm, Mapping) else spacing_mm
        self.spacing_mm = None if of_all is None else check_spacing(of_all, "FilmReader")

    def verify_suffix(self, filename: Any) -> bool:
        """Return whether the one file given looks like a film."""
        paths = _paths(filename)
        return len(paths) == 1 and looks_like_film(paths[0])

    def read(self, data: Any, **kwargs: Any) -> list[Path]:
        """Note which file to read; see the class for why it is not opened yet."""
        return _paths(data)

    def get_data(self, img: list[Path]) -> tuple[np.ndarray, dict[str, Any]]:
        """Return a film, (X, Y) float32, and its metadata.

        Raises:
            FilmError: as :func:`read_film`, or several files were given for one film.
        """
        if len(img) != 1:
            raise FilmError(f"Expected one file for a film, got {len(img)}: {', '.join(map(str, img))}.")
        film, info = read_film_apart(img[0], self.of_film.get(img[0], self.spacing_mm))
        spacing = (np.nan, np.nan) if info.spacing_mm is None else info.spacing_mm
        return film, {
            "affine": np.eye(4),
            "original_affine": np.eye(4),
            "spatial_shape": np.array(film.shape),
            "original_channel_dim": "no_channel",
            "spacing_mm": np.array(spacing, dtype=np.float64),
            "spacing_source": info.spacing_source,
            "film_orientation": info.orientation,
            "suggested_spacing_mm": np.array(info.suggested_spacing_mm or (np.nan, np.nan), dtype=np.float64),
            "film_remarks": "\n".join(info.remarks),  # one text: lists of several lengths cannot be collated
        }


def _paths(data: Any) -> list[Path]:
    return [Path(p) for p in ([data] if isinstance(data, (str, Path)) else data)]
