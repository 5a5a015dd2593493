"""Estimate how far off a predicted point may be: its expected error, the radius that holds 90 %, and its covariance.

The module does not need torch, so every backend can use it. ``analysis.uncertainty_fit`` makes the table.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from monai_ceph.atomic import file_sha256
from monai_ceph.face_shape import FaceShape, fit_either_side
from monai_ceph.landmark_status import FEATURES as STATUS_FEATURES
from monai_ceph.landmark_status import status_features

logger = logging.getLogger(__name__)

FORMAT = "monai_ceph uncertainty 2"
"""The format that a table's file names; the number changes with its layout and with :data:`FEATURES`."""
FEATURES = ("confidence", "spread", "beyond_shape", "film_spread", "film_off_shape")
"""What the expected error depends on: the logarithms of the heatmap's peak and of its spread around the point, mm; the
distance from where the other landmarks place the point, as far as it exceeds :data:`USUAL_OFF_SHAPE`; and the film's
means of the spread and of the whole distance. Within the usual range, the distance of a single point says little: part
of it is constant for a landmark, and that constant differs between clinics."""
USUAL_OFF_SHAPE = 1.5
"""Distance in standard deviations from where the others place a point; 99 % of the points at the clinics of the
training films are within it."""
LEVELS = (0.5, 0.8, 0.9, 0.95)
"""The probabilities for which a table holds radii."""
ELLIPSE90 = -2 * np.log(0.1)
"""Squared Mahalanobis distance within which a normal distribution in the plane has 90 %."""
LEAST_SPREAD_MM = 0.05
_NUMBERS = ("heatmap_share", "usual", "widening", "usual_off_shape")
MOST_WIDENING = 4.0
"""The largest factor by which the figures of an odd film grow."""
MOST_FACE_WIDENING = 2.0
"""The largest further factor by which the radii of an odd face grow."""


class OtherFormatError(ValueError):
    """A table was written by another version of this package.

    >>> UncertaintyTable.parse("{}")
    Traceback (most recent call last):
    monai_ceph.analysis.uncertainty.OtherFormatError: has the format None, and this version reads ...
    """


class FilmEvidence(NamedTuple):
    """Hold what the uncertainty of a film's points is computed from.

    Args:
        features: (N, len(FEATURES)).
        heatmap_mm2: (N, 2, 2), spread of each heatmap around its point, axes of the film.
        face_axes: (2, 2), the columns are the axes of the upright face in the film.
    Example:
        >>> FilmEvidence(np.zeros((1, len(FEATURES))), np.eye(2)[None], np.eye(2)).features.shape
        (1, 5)
    """

    features: np.ndarray
    heatmap_mm2: np.ndarray
    face_axes: np.ndarray


class Uncertainty(NamedTuple):
    """Hold the uncertainty of the points of one film.

    Args:
        expected_error_mm: (N,), the mean distance to expect between point and landmark; NaN where there is no point.
        radius90_mm: (N,), the radius of the circle around the point that contains the landmark with a probability of
            90 %.
        covariance_mm2: (N, 2, 2), axes of the film; the ellipse within a squared Mahalanobis distance of
            :data:`ELLIPSE90` contains the landmark with a probability of 90 %.
    Example:
        >>> Uncertainty(np.array([0.8]), np.array([1.7]), np.eye(2)[None]).radius90_mm.tolist()
        [1.7]
    """

    expected_error_mm: np.ndarray
    radius90_mm: np.ndarray
    covariance_mm2: np.ndarray


def film_evidence(
    points_px: np.ndarray,
    confidence: np.ndarray,
    evidence: np.ndarray,
    spacing_mm: tuple[float, float],
    shape: FaceShape,
) -> FilmEvidence | None:
    """Collect what the uncertainty of a film's points is computed from.

    Args:
        points_px: (N, 2), (x, y), film pixels; NaN where there is none.
        confidence: (N,), 0 to 1.
        evidence: (N, 7), see :data:`monai_ceph.landmark_status.EVIDENCE`.
        spacing_mm: (along x, along y), size of a film pixel.
        shape: the shape of the face.
    Returns:
        The evidence, or None if no face can be fitted to the points.
    Example:
        >>> mean_mm = np.array([[-20.0, -30.0], [20.0, -30.0], [0.0, 60.0], [20.0, 0.0]])
        >>> shape = FaceShape(("S", "N", "Me", "A"), mean_mm, 4 * np.eye(8))
        >>> seen = np.tile([0.9, 0.5, 0.8, 0.0, 100.0, 0.0, 100.0], (4, 1))
        >>> film_evidence(10 * mean_mm, np.ones(4), seen, (0.1, 0.1), shape).heatmap_mm2[0].round(2).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    square_px = points_px * (spacing / spacing[0])
    fit, _ = fit_either_side(square_px, confidence, shape)
    if fit is None:
        return None
    of_status, _ = status_features(square_px, confidence, evidence, fit, shape)
    heatmap_mm2 = evidence[:, [4, 5, 5, 6]].reshape(-1, 2, 2) * np.outer(spacing, spacing)
    spread = np.log(np.sqrt(np.trace(heatmap_mm2, axis1=1, axis2=2)) + LEAST_SPREAD_MM)
    off_shape = of_status[:, STATUS_FEATURES.index("off_shape")]
    features = [
        of_status[:, STATUS_FEATURES.index("confidence")],
        spread,
        np.maximum(off_shape - USUAL_OFF_SHAPE, 0.0),
        np.full(len(spread), spread.mean()),
        np.full(len(spread), off_shape.mean()),
    ]
    axes = (fit.to_film(np.array([[1.0, 0.0], [0.0, 1.0]])) - fit.to_film(np.zeros((1, 2)))).T * fit.working_mm
    return FilmEvidence(np.stack(features, 1), heatmap_mm2, axes)


def unit_trace(matrices: np.ndarray, least: float = 0.02) -> np.ndarray:
    """Return (..., 2, 2) covariances scaled to a trace of 1, with no eigenvalue below ``least``.

    >>> unit_trace(np.diag([3.0, 1.0]), least=0.0).tolist()
    [[0.75, 0.0], [0.0, 0.25]]
    """
    trace = np.trace(matrices, axis1=-2, axis2=-1)[..., None, None]
    shares = np.where(trace > 0, matrices / np.where(trace > 0, trace, 1.0), np.eye(2) / 2)
    return np.asarray((1 - 2 * least) * shares + least * np.eye(2))


@dataclass(frozen=True)
class UncertaintyTable:
    """Convert evidence to uncertainty, for the weights that the table was measured with.

    The expected error of landmark n is ``exp(intercept[n] + slopes . features)``, with the features clipped to the
    range that was measured. A film is odd if the mean of these exponents, with unclipped features, is above ``usual``,
    as it is for one in twenty of the measured films. Every length of an odd film is multiplied by
    ``exp(widening * (mean - usual))``, at most by :data:`MOST_WIDENING`. Radii and covariances are multiples of the
    expected error, set by conformal prediction on films that the weights had not seen. They are multiplied once more
    where the face is odd, see :meth:`face_widening`.

    Args:
        weights: SHA-256 of the file of weights that the table applies to.
        symbols: the landmarks; N of them.
        intercept: (N,).
        slopes: (len(FEATURES),).
        limits: (len(FEATURES), 2), least and largest value of each feature.
        radius: (N, len(LEVELS)), radii in multiples of the expected error.
        scatter: (N, 2, 2), covariances of the errors in the axes of the face, with a trace of 1.
        heatmap_share: 0 to 1, the share of the heatmap in the shape of a covariance; the scatter has the rest.
        ellipse: (N,), the trace of the covariance in multiples of the squared expected error.
        usual: see above.
        widening: see above, at least 0.
        usual_off_shape: see :meth:`face_widening`; infinity turns that widening off.
        measured: how it was made, as information for the reader.
    Raises:
        ValueError: an array does not have its shape.
    Example:
        >>> radius = np.array([[0.9, 1.5, 2.0, 2.5]])
        >>> table = UncertaintyTable(
        ...     "0" * 64, ("S",), np.zeros(1), np.zeros(5), np.tile([-1.0, 1.0], (5, 1)), radius,
        ...     np.eye(2)[None] / 2, 0.25, np.array([2.0]), usual=0.0, widening=1.0, usual_off_shape=1.0)
        >>> found = table.estimate(FilmEvidence(np.zeros((1, 5)), np.eye(2)[None], np.eye(2)))
        >>> found.expected_error_mm.tolist(), found.radius90_mm.tolist(), found.covariance_mm2.round(2).tolist()
        ([1.0], [2.0], [[[1.0, 0.0], [0.0, 1.0]]])
    """

    weights: str
    symbols: tuple[str, ...]
    intercept: np.ndarray
    slopes: np.ndarray
    limits: np.ndarray
    radius: np.ndarray
    scatter: np.ndarray
    heatmap_share: float
    ellipse: np.ndarray
    usual: float
    widening: float
    usual_off_shape: float
    measured: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n, p = len(self.symbols), len(FEATURES)
        shapes: dict[str, tuple[int, ...]] = {"slopes": (p,), "limits": (p, 2)}
        shapes |= {"intercept": (n,), "radius": (n, len(LEVELS)), "scatter": (n, 2, 2), "ellipse": (n,)}
        for name, shape in shapes.items():
            values = getattr(self, name)
            if np.shape(values) != shape:
                raise ValueError(f"A table of {n} landmarks needs {name} of shape {shape}, got {np.shape(values)}.")
            if not np.isfinite(values).all():
                raise ValueError(f"Expected finite numbers in {name}.")

    @classmethod
    def read(cls, path: str | Path) -> UncertaintyTable:
        """Read a file that :meth:`write` wrote; raise ValueError that names the file if it has other content."""
        try:
            return cls.parse(Path(path).read_text(encoding="utf-8"))
        except OtherFormatError as error:
            raise OtherFormatError(f"'{path}' {error}; make the table again with tools/uncertainty.py") from None
        except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"Cannot read a table of uncertainty from '{path}' ({type(error).__name__}: {error}); expected a file "
                "that tools/uncertainty.py wrote."
            ) from error

    @classmethod
    def parse(cls, text: str) -> UncertaintyTable:
        """Return a table from the content of a file that :meth:`write` wrote."""
        content = json.loads(text)
        if (form := content.get("format")) != FORMAT:
            raise OtherFormatError(f"has the format {form!r}, and this version reads {FORMAT!r}")
        arrays = {name: content[name] for name in ("intercept", "scatter", "ellipse")}
        arrays |= {name: [content[name][feature] for feature in FEATURES] for name in ("slopes", "limits")}
        values: dict[str, Any] = {name: np.array(rows, dtype=np.float64) for name, rows in arrays.items()}
        values |= {name: float(content[name]) for name in _NUMBERS}
        return cls(
            weights=str(content["weights"]),
            symbols=tuple(content["symbols"]),
            radius=np.array([content["radius"][str(level)] for level in LEVELS], dtype=np.float64).T,
            measured=content.get("measured", {}),
            **values,
        )

    @classmethod
    def of(cls, path: str | Path, weights: str | Path, symbols: tuple[str, ...]) -> UncertaintyTable | None:
        """Return the table of a file if it was measured with these weights and landmarks, else None.

        A table of other weights, or of another version, would give wrong figures: it is not used, and the log says so.

        Args:
            path: a file that :meth:`write` wrote; without the file there is no table.
            weights: the file of the weights in use.
            symbols: the landmarks of the scheme in use.
        Raises:
            ValueError: the file has other content.
        """
        if not Path(path).is_file() or not Path(weights).is_file():
            return None
        try:
            table = cls.read(path)
        except OtherFormatError as error:
            logger.warning("No expected errors: %s.", error)
            return None
        return table.kept(file_sha256(weights), symbols, f"'{path}'", f"'{weights}' has")

    def kept(self, weights_sha256: str, symbols: tuple[str, ...], where: str, others: str) -> UncertaintyTable | None:
        """Return this table if it was measured with the weights and landmarks in use; else None, with a warning.

        Args:
            weights_sha256: SHA-256 of the file of the weights in use.
            symbols: the landmarks of the scheme in use.
            where, others: for the warning: where the table is, and what has the weights in use, such as "'model.pt'
                has".
        """
        if self.symbols == symbols and self.weights == weights_sha256:
            return self
        what = "weights" if self.symbols == symbols else "landmarks"
        logger.warning("No expected errors: %s was measured with other %s than %s.", where, what, others)
        return None

    def write(self, path: str | Path) -> None:
        """Write a small JSON file, rounded to four decimals."""
        content = {
            "format": FORMAT,
            "weights": self.weights,
            "symbols": self.symbols,
            "intercept": _rounded(self.intercept),
            "slopes": dict(zip(FEATURES, _rounded(self.slopes), strict=True)),
            "limits": dict(zip(FEATURES, _rounded(self.limits), strict=True)),
            "radius": dict(zip(map(str, LEVELS), _rounded(self.radius.T), strict=True)),
            "scatter": _rounded(self.scatter),
            "heatmap_share": self.heatmap_share,
            "ellipse": _rounded(self.ellipse),
            "usual": round(self.usual, 4),
            "widening": self.widening,
            "usual_off_shape": round(self.usual_off_shape, 4),
            "measured": dict(self.measured),
        }
        rows = []
        for key, value in content.items():
            inside = value.items() if isinstance(value, dict) else ()
            lines = ",\n".join(f"        {json.dumps(name)}: {json.dumps(row)}" for name, row in inside)
            rows.append(f"    {json.dumps(key)}: " + (f"{{\n{lines}\n    }}" if lines else json.dumps(value)))
        Path(path).write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")

    def film_level(self, features: np.ndarray) -> np.ndarray:
        """Return (...,), the mean of the exponents over a film's landmarks, with unclipped features."""
        return np.asarray((self.intercept + features @ self.slopes).mean(-1))

    def expected_mm(self, features: np.ndarray) -> np.ndarray:
        """Return (..., N) expected errors from (..., N, len(FEATURES)) features, widened where the film is odd."""
        exponent = self.intercept + np.clip(features, *self.limits.T) @ self.slopes
        odd = np.clip(self.widening * (self.film_level(features) - self.usual), 0.0, np.log(MOST_WIDENING))
        return np.asarray(np.exp(exponent + odd[..., None]))

    def face_widening(self, features: np.ndarray) -> np.ndarray:
        """Return (...,), the factor for the radii of a film with an odd face, 1 to :data:`MOST_FACE_WIDENING`.

        If points do not lie as in the faces that the weights were trained on, the patient may belong to another
        population, or the clinic may mark landmarks elsewhere; heatmaps show neither. So the radii grow with the mean
        distance from where the others place a point once it is above ``usual_off_shape``, as it is for one in twenty of
        the measured films. The expected error, which ranks points and films, does not change.

        Args:
            features: (..., N, len(FEATURES)).
        """
        off_shape = features[..., FEATURES.index("film_off_shape")].mean(-1)
        return np.asarray(np.clip(off_shape / self.usual_off_shape, 1.0, MOST_FACE_WIDENING))

    def shapes(self, heatmap_mm2: np.ndarray, face_axes: np.ndarray) -> np.ndarray:
        """Return (..., N, 2, 2) covariances with a trace of 1, axes of the film.

        Args:
            heatmap_mm2: (..., N, 2, 2), see :class:`FilmEvidence`.
            face_axes: (..., 2, 2), see :class:`FilmEvidence`.
        """
        axes = face_axes[..., None, :, :]
        scatter = axes @ self.scatter @ np.swapaxes(axes, -1, -2)
        return np.asarray(self.heatmap_share * unit_trace(heatmap_mm2) + (1 - self.heatmap_share) * scatter)

    def estimate(self, evidence: FilmEvidence) -> Uncertainty:
        """Return the uncertainty of the points of one film."""
        expected = self.expected_mm(evidence.features)
        region = expected * self.face_widening(evidence.features)
        scale = (self.ellipse * region**2)[:, None, None]
        return Uncertainty(
            expected,
            region * self.radius[:, LEVELS.index(0.9)],
            scale * self.shapes(evidence.heatmap_mm2, evidence.face_axes),
        )


def estimate_uncertainty(
    points_px: np.ndarray,
    confidence: np.ndarray,
    evidence: np.ndarray,
    spacing_mm: tuple[float, float] | None,
    shape: FaceShape,
    table: UncertaintyTable,
) -> Uncertainty | None:
    """Return the uncertainty of the points of one film, in mm.

    Args:
        points_px, confidence, evidence, shape: see :func:`film_evidence`.
        spacing_mm: (along x, along y), size of a film pixel; None if unknown.
        table: of the weights in use.
    Returns:
        The uncertainty; None if the pixel size is unknown or no face can be fitted to the points.
    Example:
        >>> mean_mm = np.array([[-20.0, -30.0], [20.0, -30.0], [0.0, 60.0], [20.0, 0.0]])
        >>> shape = FaceShape(("S", "N", "Me", "A"), mean_mm, 4 * np.eye(8))
        >>> unknown = None
        >>> estimate_uncertainty(10 * mean_mm, np.ones(4), np.zeros((4, 7)), unknown, shape, table=None) is None
        True
    """
    film = None if spacing_mm is None else film_evidence(points_px, confidence, evidence, spacing_mm, shape)
    if film is None:
        return None
    uncertainty = table.estimate(film)
    missing = ~np.isfinite(points_px).all(-1)
    for figures in uncertainty:
        figures[missing] = np.nan
    return uncertainty


def with_offset_error(uncertainty: Uncertainty, remaining_mm2: np.ndarray) -> Uncertainty:
    """Return the uncertainty of points that were moved by offsets that are themselves uncertain.

    The error of an offset is independent of the model's error, so covariances add up. The squares of the other two
    figures add up, as they would if both errors were normal and equal along all axes.

    Args:
        uncertainty: of the points before they were moved.
        remaining_mm2: (..., N, 2, 2), covariance of each offset's error, axes of the film.
    Example:
        >>> moved = with_offset_error(Uncertainty(np.ones(1), 2 * np.ones(1), np.eye(2)[None]), 0.5 * np.eye(2)[None])
        >>> moved.expected_error_mm.round(2).tolist(), moved.radius90_mm.round(2).tolist()
        ([1.34], [2.51])
    """
    trace = np.trace(remaining_mm2, axis1=-2, axis2=-1)
    # The mean distance of a normal distribution is sqrt(pi / 4 * trace), its 90 % radius sqrt(ELLIPSE90 / 2 * trace).
    return Uncertainty(
        np.sqrt(uncertainty.expected_error_mm**2 + np.pi / 4 * trace),
        np.sqrt(uncertainty.radius90_mm**2 + ELLIPSE90 / 2 * trace),
        uncertainty.covariance_mm2 + remaining_mm2,
    )


def ellipse_points(covariance_mm2: np.ndarray, count: int = 48) -> np.ndarray:
    """Return (..., count, 2) points of the 90 % ellipse around 0 of (..., 2, 2) covariances, mm.

    >>> ellipse_points(np.eye(2), 4).round(2).tolist()
    [[2.15, 0.0], [0.0, 2.15], [-2.15, 0.0], [-0.0, -2.15]]
    """
    values, vectors = np.linalg.eigh(covariance_mm2)
    half = vectors @ (np.sqrt(values)[..., None] * np.swapaxes(vectors, -1, -2))
    angle = np.arange(count) * 2 * np.pi / count
    circle = np.sqrt(ELLIPSE90) * np.stack([np.cos(angle), np.sin(angle)], -1)
    return np.asarray(circle @ np.swapaxes(half, -1, -2))


def _rounded(values: np.ndarray) -> Any:
    return np.round(values, 4).tolist()
