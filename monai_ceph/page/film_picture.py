"""A film as a browser can show it: 8 bits, with a window of its gray values."""

from __future__ import annotations

import io
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from monai_ceph.data.film import FilmInfo
from monai_ceph.data.film_workers import read_film_apart
from monai_ceph.page.film_state import film_state

WINDOW_PERCENTILES = (0.1, 99.9)
KEPT = 4
"""Number of films in memory: the one on the screen, its neighbours and the next one."""


def natural_window(film: np.ndarray) -> tuple[float, float]:
    """Return the gray values to show as black and as white.

    Args:
        film: (X, Y), gray values.
    Returns:
        0 and 255 if no value is outside that range, else the 0.1 and 99.9 percentiles: the text that scanners burn into
        a film is brighter than any bone.
    Example:
        >>> natural_window(np.array([[3.0, 250.0]]))
        (0.0, 255.0)
    """
    if film.min() >= 0 and film.max() <= 255:
        return 0.0, 255.0
    low, high = np.percentile(film[::4, ::4], WINDOW_PERCENTILES)
    return float(low), float(max(high, low + 1))


def film_png(film: np.ndarray, window: tuple[float, float]) -> bytes:
    """Return a film as an 8-bit gray PNG of the same size.

    Args:
        film: (X, Y), gray values.
        window: the gray values that become black and white; values outside it are clipped.
    Raises:
        ValueError: the window is empty or not finite.
    Example:
        >>> from PIL import Image
        >>> picture = Image.open(io.BytesIO(film_png(np.array([[0.0, 500.0], [1000.0, 2000.0]]), (0.0, 1000.0))))
        >>> picture.size, [picture.getpixel((x, y)) for x in (0, 1) for y in (0, 1)]
        ((2, 2), [0, 128, 255, 255])
    """
    from PIL import Image

    low, high = window
    if not np.isfinite([low, high]).all() or high <= low:
        raise ValueError(f"Expected a window of two finite gray values, the lower one first, got {low:g} and {high:g}.")
    gray = np.clip((film.T - low) * (255 / (high - low)), 0, 255)
    file = io.BytesIO()
    Image.fromarray(np.rint(gray).astype(np.uint8)).save(file, "PNG", compress_level=1)
    return file.getvalue()


@dataclass(frozen=True)
class FilmPicture:
    """A film that was read.

    Args:
        film: (X, Y), gray values.
        info: what its file says.
        window: see :func:`natural_window`.
    """

    film: np.ndarray
    info: FilmInfo
    window: tuple[float, float]


class FilmPictures:
    """Read films and keep the last few: the page asks for a film's size, its picture and other windows in turn.

    Args:
        spacing_mm: the films' pixel size; None is the one in each file.
    """

    def __init__(self, spacing_mm: float | None = None) -> None:
        self.spacing_mm = spacing_mm
        self._kept: OrderedDict[tuple[Path, tuple[int, int]], Future[FilmPicture]] = OrderedDict()
        self._lock = Lock()

    def get(self, path: Path) -> FilmPicture:
        """Return a film, which is read once however many ask for it. Raises FilmError if it cannot be used."""
        key = path, film_state(path)
        with self._lock:
            is_new = key not in self._kept
            picture = self._kept.setdefault(key, Future())
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        if is_new:
            try:
                film, info = read_film_apart(path, self.spacing_mm)
                picture.set_result(FilmPicture(film, info, natural_window(film)))
            except BaseException as error:
                with self._lock:
                    self._kept.pop(key, None)  # it is tried again when somebody asks again
                picture.set_exception(error)
        return picture.result()
