"""Measure a face: from points to angles, lengths and ratios, with norms, classes and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from monai_ceph.analysis.definition import Class, Measurement
from monai_ceph.analysis.kinds import TRIANGLES, compute, facing
from monai_ceph.analysis.shipped import MEASUREMENTS
from monai_ceph.landmarks import ISBI19, LandmarkScheme, same_landmarks
from monai_ceph.spacing import check_spacing

if TYPE_CHECKING:
    import pandas as pd

Z90 = 1.6448536269514722
"""Standard normal quantile of 95 %: 90 % of a normal distribution lie within this many SD of the mean."""
STEP_MM = 1e-3
"""Step of the numerical derivative."""

COLUMNS = (
    *("analysis", "measurement", "value", "unit", "norm_mean", "norm_sd", "z"),
    *("low90", "high90", "class", "meaning", "remark"),
)
"""The columns of a table of measurements."""


@dataclass(frozen=True)
class Measurements:
    """Hold the measurements of one film.

    Args:
        measurements: what was measured; M of them.
        values: (M,), in the unit of each; NaN where it could not be measured.
        low90, high90: (M,), the ends of an interval that holds the true value with a probability of 90 %; NaN where the
            uncertainty of the points is unknown.
        remarks: (M,), why a value is NaN; empty where it is not.
    Example:
        >>> from monai_ceph.analysis import measure
        >>> from monai_ceph.phantoms.mean_shape import MEAN_MM
        >>> result = measure(MEAN_MM, spacing_mm=None)
        >>> result.remarks[result.names.index(("Steiner", "U1 to N-A"))]
        'pixel spacing unknown'
    """

    measurements: tuple[Measurement, ...]
    values: np.ndarray
    low90: np.ndarray
    high90: np.ndarray
    remarks: tuple[str, ...]

    @property
    def names(self) -> list[tuple[str, str]]:
        """Analysis and name of each measurement."""
        return [(measurement.analysis, measurement.name) for measurement in self.measurements]

    @property
    def z(self) -> np.ndarray:
        """How many SD each value lies above the mean of its norm: (M,); NaN without a norm or its SD."""
        mean, sd = self._norms
        return np.asarray((self.values - mean) / sd)

    @property
    def classes(self) -> list[Class | None]:
        """The class of each value; None where the measurement has no classes or no value."""
        return [
            measurement.class_of(value)
            for measurement, value in zip(self.measurements, self.values.tolist(), strict=True)
        ]

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas table with a row for each measurement and :data:`COLUMNS`."""
        import pandas as pd

        classes = self.classes
        values = (
            [measurement.analysis for measurement in self.measurements],
            [measurement.name for measurement in self.measurements],
            self.values,
            [measurement.unit for measurement in self.measurements],
            *self._norms,
            self.z,
            self.low90,
            self.high90,
            pd.array([None if class_ is None else class_.label for class_ in classes], dtype="Int64"),
            ["" if class_ is None else class_.meaning for class_ in classes],
            list(self.remarks),
        )
        return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))

    @property
    def _norms(self) -> np.ndarray:
        """The mean and the SD of each norm: (2, M); NaN where there is none."""
        norms = [measurement.norm for measurement in self.measurements]
        rows = [(None, None) if norm is None else (norm.mean, norm.sd) for norm in norms]
        return np.array(rows, dtype=np.float64).reshape(-1, 2).T


def measure(
    points_px: ArrayLike,
    spacing_mm: float | Sequence[float] | None,
    scheme: LandmarkScheme = ISBI19,
    measurements: Sequence[Measurement] = MEASUREMENTS,
    covariance_mm2: ArrayLike | None = None,
) -> Measurements:
    """Measure the face on one film.

    Without a spacing, pixels count as square: angles and ratios are measured, and lengths are NaN. A missing point
    makes only those measurements NaN that need it. Turning, shifting or mirroring the film changes nothing.

    The interval is that of the delta method: the value, plus and minus 1.645 times the root of the sum over landmarks
    of g' C g, where g is the derivative of the value by the landmark's point and C its covariance. Landmarks count as
    independent and errors as normal.

    Args:
        points_px: (N, 2), (x, y), pixels of the film as stored; NaN where a landmark is missing.
        spacing_mm: size of a pixel, one number or (along x, along y); None where unknown.
        scheme: the landmarks; N of them.
        measurements: what to measure.
        covariance_mm2: (N, 2, 2), the covariance of each point's error, film axes; None where unknown.
    Raises:
        ValueError: a shape does not fit the scheme, or the spacing is not positive.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.analysis import measure
        >>> from monai_ceph.phantoms.mean_shape import MEAN_MM
        >>> result = measure(MEAN_MM, 1.0, covariance_mm2=np.broadcast_to(np.eye(2), (19, 2, 2)))
        >>> row = result.names.index(("Steiner", "SNA"))
        >>> [round(float(x), 1) for x in (result.low90[row], result.values[row], result.high90[row])]
        [79.3, 82.5, 85.8]
    """
    points, count = np.asarray(points_px, dtype=np.float64), len(scheme)
    scheme.check_points(points)
    if spacing_mm is not None:
        points = points * np.asarray(check_spacing(spacing_mm, "spacing_mm"))
    values = measurement_values(points, scheme, measurements)
    needs_spacing = [spacing_mm is None and measurement.unit == "mm" for measurement in measurements]
    values[needs_spacing] = np.nan
    margin = np.full(len(measurements), np.nan)
    if covariance_mm2 is not None and spacing_mm is not None:
        covariance = np.asarray(covariance_mm2, dtype=np.float64)
        if covariance.shape != (count, 2, 2):
            raise ValueError(
                f"Expected covariances of shape {(count, 2, 2)} for scheme '{scheme.name}', got {covariance.shape}."
            )
        margin = Z90 * _standard_errors(points, covariance, scheme, measurements)
    remarks = tuple(
        "" if np.isfinite(value) else _reason(measurement, points, scheme, unscaled)
        for measurement, value, unscaled in zip(measurements, values, needs_spacing, strict=True)
    )
    return Measurements(tuple(measurements), values, values - margin, values + margin, remarks)


def measurement_values(
    points_mm: ArrayLike, scheme: LandmarkScheme = ISBI19, measurements: Sequence[Measurement] = MEASUREMENTS
) -> np.ndarray:
    """Return the values of measurements on any number of films.

    Args:
        points_mm: (..., N, 2), (x, y), mm; for angles and ratios alone, any unit that is the same along both axes.
        scheme: the landmarks; N of them.
        measurements: what to measure; M of them.
    Returns:
        (..., M), in the unit of each; NaN where a point is missing or the scheme does not have it.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.analysis import MEASUREMENTS, measurement_values
        >>> from monai_ceph.phantoms.mean_shape import MEAN_MM
        >>> measurement_values(np.stack([MEAN_MM, MEAN_MM])).shape == (2, len(MEASUREMENTS))
        True
    """
    points = np.asarray(points_mm, dtype=np.float64)
    symbols = _as_named(scheme, measurements)
    known = {symbol: points[..., k, :] for k, symbol in enumerate(symbols)}
    face = facing(points, symbols)
    missing = np.full((*points.shape[:-2], 2), np.nan)
    values = np.empty((*points.shape[:-2], len(measurements)))
    for column, measurement in enumerate(measurements):
        parts = [
            part.factor * compute(part.kind, [known.get(symbol, missing) for symbol in part.points], face)
            for part in measurement.parts
        ]
        combined = np.min(parts, axis=0) if measurement.kind == "smallest" else np.sum(parts, axis=0)
        values[..., column] = combined + measurement.constant
    return values


def _as_named(scheme: LandmarkScheme, measurements: Sequence[Measurement]) -> list[str]:
    """Return the scheme's symbols, spelled as the measurements spell them."""
    groups = [*(measurement.symbols for measurement in measurements), *TRIANGLES]
    same = same_landmarks(scheme.symbols, [symbol for group in groups for symbol in group])
    return [same.get(symbol, symbol) for symbol in scheme.symbols]


def _standard_errors(
    points_mm: np.ndarray, covariance_mm2: np.ndarray, scheme: LandmarkScheme, measurements: Sequence[Measurement]
) -> np.ndarray:
    count = len(scheme)
    steps = STEP_MM * np.eye(2 * count).reshape(count, 2, count, 2)
    after, before = (measurement_values(points_mm + sign * steps, scheme, measurements) for sign in (1, -1))
    slope = (after - before) / (2 * STEP_MM)
    # A landmark without a covariance counts only where it matters.
    parts = np.einsum("nam,nab,nbm->nm", slope, covariance_mm2, slope)
    return np.asarray(np.sqrt(np.where((slope == 0).all(1), 0, parts).sum(0)))


def _reason(measurement: Measurement, points: np.ndarray, scheme: LandmarkScheme, needs_spacing: bool) -> str:
    has_point = dict(zip(_as_named(scheme, [measurement]), np.isfinite(points).all(-1).tolist(), strict=True))
    if lacking := [symbol for symbol in measurement.symbols if not has_point.get(symbol, False)]:
        return f"no point {', '.join(lacking)}"
    if needs_spacing:
        return "pixel spacing unknown"
    return "its points coincide, or too few others show which way the face looks"
