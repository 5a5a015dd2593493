"""Predict the landmarks of films; the base class of every backend's predictor."""

from __future__ import annotations

import copy
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sized
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, NoReturn, overload

import numpy as np

from monai_ceph.data.film_format import FilmError
from monai_ceph.data.film_workers import some_workers
from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.prediction import Prediction
from monai_ceph.predictor.bundle import root_cause
from monai_ceph.predictor.threads import worker_count
from monai_ceph.site.calibration import SiteCalibration

logger = logging.getLogger(__name__)

Errors = Literal["raise", "skip"]


class Predictor(ABC):
    """Find the landmarks on films.

    Made by :func:`~monai_ceph.predictor.load.load_predictor`.

    Attributes:
        scheme: the landmarks.
        low_confidence: a film whose landmarks have a median confidence below this differs from those that the bundle
            was made for, or its pixel size is wrong; 0 sets no limit.
        site: moves the points to where a clinic marks them, see :meth:`at_site`; None if it moves none.

    >>> from monai_ceph import load_predictor
    >>> from monai_ceph.phantoms import write_phantoms
    >>> predictor: Predictor = load_predictor(spacing_mm=0.4, device="cpu")
    >>> prediction = predictor(write_phantoms("films", count=1, size=(484, 600), spacing_mm=0.4)[0])
    >>> prediction.image, prediction.points_px.shape
    ('phantom_000.png', (19, 2))
    """

    scheme: LandmarkScheme
    low_confidence: float
    site: SiteCalibration | None = None

    # A str is a sequence of strs as well; the first overload that fits counts.
    @overload
    def __call__(self, films: str | Path) -> Prediction: ...  # type: ignore[overload-overlap]

    @overload
    def __call__(
        self, films: Iterable[str | Path], *, errors: Errors = "raise", progress: bool = False
    ) -> Iterator[Prediction]: ...

    def __call__(
        self, films: str | Path | Iterable[str | Path], *, errors: Errors = "raise", progress: bool = False
    ) -> Prediction | Iterator[Prediction]:
        """Find the landmarks on one film, or on many.

        Args:
            films: a film's file; or several, such as :func:`monai_ceph.data.find_films` lists those of a folder.
            errors: what to do if one of several films cannot be used: ``"raise"`` its error in turn, or ``"skip"`` it
                with a warning in the log. Each prediction names its film.
            progress: show a progress bar for several films on standard error.
        Returns:
            The film's prediction; for several films an iterator over their predictions, in order, which reads a few
            films ahead.
        Raises:
            FilmError: a film cannot be used; the message names it.
            ValueError: ``errors`` is neither ``"raise"`` nor ``"skip"``.
            ImportError: tqdm is missing for the progress bar.
        """
        if isinstance(films, (str, Path)):
            try:
                with some_workers(worker_count()):
                    item = self.load(Path(films))
                return self.predict(item)
            except RuntimeError as error:
                _raise_own(error)
        if errors not in ("raise", "skip"):
            raise ValueError(f"Expected errors to be 'raise' or 'skip', got {errors!r}.")
        total = len(films) if isinstance(films, Sized) else None
        return self._predict_many(map(Path, films), errors, _progress_bar(total) if progress else None)

    @property
    @abstractmethod
    def shares_cores(self) -> bool:
        """Whether the networks run on the CPU, which also reads films and writes results."""

    @property
    def weights_sha256(self) -> str:
        """The SHA-256 of the weights, which a site file names; empty if unknown."""
        return ""

    @abstractmethod
    def load(self, film: Path) -> dict[str, Any]:
        """Read and prepare one film.

        Returns:
            What :meth:`predict` takes.
        Raises:
            FilmError: the film cannot be used; the message names it.
        """

    def predict(self, item: dict[str, Any]) -> Prediction:
        """Find the landmarks of a film from :meth:`load`; if its decoder complained, none has the status "found".

        Raises:
            FilmError: the networks' output for this film is not finite.
        """
        prediction = self._predict(item)
        return prediction if self.site is None else self.site.apply(prediction)

    @abstractmethod
    def _predict(self, item: dict[str, Any]) -> Prediction:
        """Find the landmarks as :meth:`predict` does, before a site calibration moves them."""

    def at_site(self, site: SiteCalibration | None) -> Predictor:
        """Return a copy of this predictor that moves points to where a clinic marks them; both share the networks.

        Args:
            site: see :meth:`monai_ceph.site.calibration.SiteCalibration.apply`; None moves no point.
        Raises:
            SiteError: the calibration belongs to other landmarks or weights.
        """
        if site is not None:
            site.check(self.scheme, self.weights_sha256)
        moved = copy.copy(self)
        moved.site = site
        return moved

    def film_pixels(self, item: dict[str, Any]) -> np.ndarray | None:
        """Return the film (X, Y) from what :meth:`load` returned, so that it need not be decoded again.

        None if the bundle scales or crops films before the networks see them.
        """
        return None

    def _predict_many(self, films: Iterable[Path], errors: Errors, bar: Any) -> Iterator[Prediction]:
        from monai_ceph.predictor.films import predict_films

        try:
            with closing(predict_films(self, films)) as results:
                for result in results:
                    if bar is not None:
                        bar.update()
                    if result.prediction is not None:
                        yield result.prediction
                    elif errors == "raise" and result.error is not None:
                        _raise_own(result.error)
                    else:
                        logger.warning("Skipped: %s", result.message)
        finally:
            if bar is not None:
                bar.close()


def _raise_own(error: Exception) -> NoReturn:
    """Raise a film's own error in place of MONAI's, which only names the transform that raised it."""
    cause = root_cause(error)
    if isinstance(cause, (ValueError, OSError)):
        raise cause from None
    raise error


def _progress_bar(total: int | None) -> Any:
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError("progress=True needs tqdm: pip install 'monai-ceph[cli]'.") from error
    return tqdm(total=total, unit="film")


def check_finite_result(values: Any, film: str) -> None:
    """Raise FilmError if the networks' output for a film, an array or tensor, holds NaN or infinite numbers.

    NaN is neither below nor above any limit, so it would count as confident.
    """
    finite = values.isfinite().all() if hasattr(values, "isfinite") else np.isfinite(values).all()
    if not bool(finite):
        raise FilmError(
            f"{film}: the networks' answer holds numbers that are not finite; are its pixels of a usual range, and are "
            "the weights those of the bundle?"
        )
