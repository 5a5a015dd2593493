"""Move predicted points to where one clinic marks them: a clinic's own offset of each landmark, kept in a site file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.analysis.uncertainty import Uncertainty, with_offset_error
from monai_ceph.face_shape import FaceFit, FaceShape, fit_either_side
from monai_ceph.film_records import RecordError, checksum, read_record, write_record
from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.prediction import Prediction

FORMAT = "monai_ceph site 1"
"""The format that a site file names; the number changes with its layout."""


class SiteError(ValueError):
    """A site file cannot be used, or none can be estimated; the message says why."""


@dataclass(frozen=True, eq=False)
class SiteCalibration:
    """Hold how far the model's points lie from where a clinic marks them, for each landmark.

    Offsets are in the frame of the face: the axes of the mean face below, fitted to the points of a film. So they also
    apply to a tilted head, a turned film and a mirrored face. ``docs/site_calibration.md`` shows the effect.

    Args:
        symbols: the landmarks, in the scheme's order; N of them.
        weights_sha256: of the weights that predicted the films.
        mean_face_mm: (N, 2), (x, y), the mean of the predicted faces, centred on 0, in the films' usual orientation;
            NaN for a landmark that was never predicted.
        bias_mm: (N, 2), mean of predicted minus annotated points in the frame of the face; 0 where there is no film.
        error_mm: (N, 2), standard error of the bias; 0 where there is no film.
        weight: (N,), 0 to 1, the part of the bias that is subtracted from predictions.
        films: (N,) int, the number of films behind each bias.
        date: the day of the estimate, such as "2026-01-31".
        name: of the file; it is not part of the content.
    Raises:
        SiteError: an array does not have one row for each landmark.
    Example:
        >>> from monai_ceph.phantoms.mean_shape import MEAN_MM
        >>> from monai_ceph.landmarks import ISBI19
        >>> bias = np.zeros((19, 2))
        >>> bias[0] = [2.0, 0.0]
        >>> site = SiteCalibration(
        ...     ISBI19.symbols, "12ab", MEAN_MM, bias, np.zeros((19, 2)), np.ones(19), np.full(19, 5), "2026-01-31"
        ... )
        >>> points_px = MEAN_MM / 0.1 + 1000
        >>> prediction = Prediction("a.png", ISBI19, points_px, np.ones(19), (0.1, 0.1), "user")
        >>> (site.apply(prediction).points_px - points_px)[:2].round(3).tolist()
        [[-20.0, 0.0], [0.0, 0.0]]
    """

    symbols: tuple[str, ...]
    weights_sha256: str
    mean_face_mm: np.ndarray
    bias_mm: np.ndarray
    error_mm: np.ndarray
    weight: np.ndarray
    films: np.ndarray
    date: str
    name: str = ""

    def __post_init__(self) -> None:
        n = len(self.symbols)
        shapes = {"mean_face_mm": (n, 2), "bias_mm": (n, 2), "error_mm": (n, 2), "weight": (n,), "films": (n,)}
        for field, shape in shapes.items():
            got = np.shape(getattr(self, field))
            if got != shape:
                raise SiteError(f"A site calibration of {n} landmarks needs {field} of shape {shape}, got {got}.")

    @property
    def shift_mm(self) -> np.ndarray:
        """Return how predicted points move, (N, 2) mm in the frame of the face: minus the weighted bias."""
        return -self.weight[:, None] * self.bias_mm

    @property
    def label(self) -> str:
        """Return its name in outputs: the file's name and the first twelve digits of the content's SHA-256."""
        return f"{self.name} {checksum(self._content())[:12]}".strip()

    def check(self, scheme: LandmarkScheme, weights_sha256: str) -> None:
        """Raise SiteError if the calibration belongs to other landmarks or other weights."""
        name = f"The site file '{self.name}'" if self.name else "The site calibration"
        if self.symbols != scheme.symbols:
            raise SiteError(
                f"{name} was made for the landmarks {' '.join(self.symbols)}, but this model predicts "
                f"{' '.join(scheme.symbols)}; make one for this model with: monai-ceph calibrate"
            )
        if not weights_sha256:
            raise SiteError(f"{name} cannot be used: the model does not say which weights it has; export it again.")
        if self.weights_sha256 != weights_sha256:
            raise SiteError(
                f"{name} was made with the weights {self.weights_sha256[:12]}, but this model has "
                f"{weights_sha256[:12]}; make one for this model with: monai-ceph calibrate"
            )

    def apply(self, prediction: Prediction) -> Prediction:
        """Return a prediction with its points moved, and with this calibration's :attr:`label` as its ``site``.

        The uncertainty of the offsets is added to its own, if it has one, see :func:`remaining_mm2`. A prediction
        without a face is returned unchanged.

        Args:
            prediction: of a film, as the model made it. If the spacing is unknown, the size of the mean face converts
                mm to pixels.
        Raises:
            ValueError: the points were moved before.
        """
        if prediction.site:
            raise ValueError(f"'{prediction.image}': its points were moved before, by '{prediction.site}'.")
        spacing = np.array((1.0, 1.0) if prediction.spacing_mm is None else prediction.spacing_mm)
        fit = fit_mean_face(prediction.points_px * spacing, prediction.confidence, self.mean_face_mm)
        if fit is None or "not a face" in prediction.doubts:
            return prediction
        unit_mm = spacing if prediction.spacing_mm is not None else fit.working_mm
        moved = prediction.points_px + axes_of(fit).to_film(self.shift_mm) / unit_mm
        return replace(prediction, points_px=moved, site=self.label, **self._uncertainty(prediction, fit))

    def _uncertainty(self, prediction: Prediction, fit: FaceFit) -> dict[str, Any]:
        """Return the uncertainty of the moved points; empty if the prediction has none."""
        expected, radius, covariance = prediction.expected_error_mm, prediction.radius90_mm, prediction.covariance_mm2
        if expected is None or radius is None or covariance is None:
            return {}
        axes = axes_of(fit).to_film(np.eye(2)).T
        remaining = np.einsum("ik,nk,jk->nij", axes, remaining_mm2(self.weight, self.error_mm), axes)
        return with_offset_error(Uncertainty(expected, radius, covariance), remaining)._asdict()

    def write(self, path: str | Path) -> None:
        """Write a JSON file with a checksum, completely or not at all."""
        write_record(Path(path), self._content())

    @classmethod
    def read(cls, path: str | Path) -> SiteCalibration:
        """Read a file that :meth:`write` wrote.

        Raises:
            SiteError: there is no such file, it is damaged, was edited, or has another layout; the message names it.
        """
        path = Path(path)
        try:
            content = read_record(path)
        except RecordError as error:
            raise SiteError(f"'{path}' cannot be used as a site file. {error} Make it again.") from error
        if content is None:
            raise SiteError(f"There is no site file '{path}'; make one with: monai-ceph calibrate")
        try:
            if content["format"] != FORMAT:
                raise ValueError(f"its format is {content['format']!r}")
            rows = content["landmarks"]
            columns = ("mean_face_mm", "bias_mm", "error_mm", "weight")
            face, bias, spread, weight = (
                np.array([row[name] for row in rows.values()], np.float64) for name in columns
            )
            films = np.array([row["films"] for row in rows.values()], dtype=np.int64)
            weights, date = str(content["weights_sha256"]), str(content["date"])
            return cls(tuple(rows), weights, face, bias, spread, weight, films, date, path.name)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SiteError(
                f"'{path}' is not a site file that this version reads ({error}); expected '{FORMAT}'. Make one with: "
                "monai-ceph calibrate"
            ) from error

    def _content(self) -> Mapping[str, Any]:
        landmarks = {
            symbol: {
                "bias_mm": _rounded(self.bias_mm[k]),
                "error_mm": _rounded(self.error_mm[k]),
                "weight": round(float(self.weight[k]), 4),
                "films": int(self.films[k]),
                "mean_face_mm": _rounded(self.mean_face_mm[k]),
            }
            for k, symbol in enumerate(self.symbols)
        }
        weights = self.weights_sha256
        return {"format": FORMAT, "date": self.date, "weights_sha256": weights, "landmarks": landmarks}


def remaining_mm2(weight: np.ndarray, error_mm: np.ndarray) -> np.ndarray:
    """Return the variance that remains of each offset after the shift, (N, 2) mm^2, axes of the face.

    An offset that varies over landmarks with the variance t, and whose bias has the squared standard error v, has the
    variance ``t v / (t + v)`` once the bias is known. The weight is ``t / (t + v)``. For a landmark without a film the
    result is 0, so its uncertainty is the same as without a site file.

    Args:
        weight: (N,), 0 to 1, see :func:`monai_ceph.site.estimate.shrunk_bias`.
        error_mm: (N, 2), standard error of the bias.
    Example:
        >>> remaining_mm2(np.array([0.8, 0.0]), np.array([[0.5, 0.5], [0.0, 0.0]])).round(2).tolist()
        [[0.2, 0.2], [0.0, 0.0]]
    """
    return np.asarray(weight[:, None] * error_mm**2)


def fit_mean_face(points_mm: np.ndarray, confidence: np.ndarray, mean_face_mm: np.ndarray) -> FaceFit | None:
    """Fit a mean face to the points of a film, mirrored if that fits better.

    Args:
        points_mm: (N, 2), (x, y), mm, or square pixels; NaN where there is none.
        confidence: (N,), 0 to 1; NaN counts as 1.
        mean_face_mm: (N, 2), (x, y); NaN where unknown.
    Returns:
        The fit; None if there are too few landmarks.
    Example:
        >>> from monai_ceph.phantoms.mean_shape import MEAN_MM
        >>> round(fit_mean_face(MEAN_MM[:, ::-1] * [-1, 1], np.ones(19), MEAN_MM).turn_deg)
        90
    """
    n = len(mean_face_mm)
    shape = FaceShape(tuple(map(str, range(n))), np.nan_to_num(mean_face_mm), np.zeros((2 * n, 2 * n)))
    known = np.where(np.isfinite(mean_face_mm).all(-1, keepdims=True), points_mm, np.nan)
    return fit_either_side(known, np.nan_to_num(confidence, nan=1.0), shape)[0]


def axes_of(fit: FaceFit) -> FaceFit:
    """Return only the rotation and the mirroring of a fit, to convert differences of points from mm to mm.

    Example:
        >>> axes_of(FaceFit(10j, 5 + 5j)).to_film(np.array([1.0, 0.0])).tolist()
        [0.0, 1.0]
    """
    return FaceFit(fit.scale / abs(fit.scale), 0j, fit.mirrored)


def _rounded(point: np.ndarray) -> list[float | None]:
    return [round(float(value), 3) if np.isfinite(value) else None for value in point]
