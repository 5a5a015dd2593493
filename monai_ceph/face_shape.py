"""Model the shape of a face: predict where each landmark lies from all the others.

The module does not need torch, so every backend can use it. Inside, points are complex numbers, which makes a
similarity transform one multiplication and one addition.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

NEAR_MM = 6.0
"""Distance from the mean face at which a landmark still supports a fit, as one standard deviation."""
_FURTHEST_PAIR_PART = 0.25
_POSE_MM = 100.0
_ANNOTATORS_MM = 1.5


@dataclass(frozen=True)
class FaceShape:
    """Hold the mean face and how faces vary around it.

    Args:
        symbols: the landmarks, in the scheme's order; N of them.
        mean_mm: (N, 2), (x, y), upright, facing right, y down, centred on 0.
        covariance_mm2: (2 N, 2 N), covariance of faces that were turned, moved and scaled onto the mean; x and y of a
            landmark are neighbours.
    Raises:
        ValueError: the shapes of the arrays do not match the number of symbols.
    Example:
        >>> mean_mm = np.array([[-20.0, -30.0], [20.0, -30.0], [0.0, 60.0]])
        >>> FaceShape(("S", "N", "Me"), mean_mm, 4 * np.eye(6)).symbols
        ('S', 'N', 'Me')
    """

    symbols: tuple[str, ...]
    mean_mm: np.ndarray
    covariance_mm2: np.ndarray

    def __post_init__(self) -> None:
        n = len(self.symbols)
        if self.mean_mm.shape != (n, 2) or self.covariance_mm2.shape != (2 * n, 2 * n):
            raise ValueError(
                f"A face of {n} landmarks needs a mean of shape {(n, 2)} and a covariance of {(2 * n, 2 * n)}, got "
                f"{self.mean_mm.shape} and {self.covariance_mm2.shape}."
            )

    @classmethod
    def estimate(cls, symbols: tuple[str, ...], faces_mm: np.ndarray) -> FaceShape:
        """Estimate the mean and the covariance from annotated faces.

        Args:
            symbols: the landmarks.
            faces_mm: (F, N, 2), (x, y), upright and facing right, in mm.
        Returns:
            A shape whose mean has the mean tilt and the mean size of the faces.
        """
        faces = _plane(faces_mm)
        size = np.abs(faces - faces.mean(1, keepdims=True)).mean()
        mean = faces.mean(0) - faces.mean()
        for _ in range(10):
            aligned = np.stack([_similar(_least_squares(face, mean, np.ones(len(face))), face) for face in faces])
            mean = aligned.mean(0) - aligned.mean()
            turn, _ = _least_squares(mean, faces.mean(0), np.ones(len(mean)))
            mean *= turn / abs(turn) * size / np.abs(mean).mean()
        aligned = np.stack([_similar(_least_squares(face, mean, np.ones(len(face))), face) for face in faces])
        return cls(symbols, _points(mean), np.cov(_points(aligned - mean).reshape(len(faces), -1).T))

    @classmethod
    def read(cls, path: str | Path) -> FaceShape:
        """Read a file that :meth:`write` wrote.

        Raises:
            ValueError: the file cannot be read or has other content; the message names the file.
        """
        try:
            return cls.parse(Path(path).read_text(encoding="utf-8"))
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"Cannot read the shape of a face from '{path}' ({type(error).__name__}: {error}); expected JSON with "
                "symbols, mean_mm and covariance_mm2."
            ) from error

    @classmethod
    def of(cls, path: str | Path, symbols: tuple[str, ...]) -> FaceShape | None:
        """Read the landmarks of one scheme from a file.

        Args:
            path: a file that :meth:`write` wrote.
            symbols: the scheme's landmarks.
        Returns:
            The shape of these landmarks, or None if the file does not exist or lacks one of them.
        """
        return cls.read(path).of_landmarks(symbols) if Path(path).exists() else None

    @classmethod
    def parse(cls, text: str) -> FaceShape:
        """Return a shape from the content of a file that :meth:`write` wrote."""
        content = json.loads(text)
        return cls(
            tuple(content["symbols"]),
            np.array(content["mean_mm"], dtype=np.float64),
            np.array(content["covariance_mm2"], dtype=np.float64),
        )

    def of_landmarks(self, symbols: tuple[str, ...]) -> FaceShape | None:
        """Return the shape of some of the landmarks, or None if it lacks one of them."""
        if not set(symbols) <= set(self.symbols):
            return None
        chosen = np.array([self.symbols.index(symbol) for symbol in symbols])
        both = np.stack([2 * chosen, 2 * chosen + 1], 1).reshape(-1)
        return FaceShape(symbols, self.mean_mm[chosen], self.covariance_mm2[np.ix_(both, both)])

    def write(self, path: str | Path) -> None:
        """Write a small JSON file, rounded to 0.01 mm."""
        content = {
            "symbols": self.symbols,
            "mean_mm": self.mean_mm.round(2).tolist(),
            "covariance_mm2": self.covariance_mm2.round(2).tolist(),
        }
        rows = ",\n".join(f"    {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items())
        Path(path).write_text("{\n" + rows + "\n}\n", encoding="utf-8")


class FaceFit(NamedTuple):
    """Hold the position of the mean face in a film.

    Args:
        scale: pixels per mm, times ``exp(i angle)``; on screen, a positive angle turns the mean face clockwise.
        offset: position of the mean face's centre, px: x + i y.
        mirrored: whether the face looks to the left (before it was turned).
    Example:
        >>> fit = FaceFit(scale=10j, offset=800 + 600j)
        >>> fit.working_mm, fit.turn_deg
        (0.1, 90.0)
        >>> fit.to_film(np.array([[1.0, 0.0]])).tolist()
        [[800.0, 610.0]]
    """

    scale: complex
    offset: complex
    mirrored: bool = False

    @property
    def working_mm(self) -> float:
        """Return the size of a film pixel in mm, assuming that the face has the mean size."""
        return 1 / abs(self.scale)

    @property
    def turn_deg(self) -> float:
        """Return how far the face is turned clockwise, -180 to 180 degrees."""
        return float(np.degrees(np.angle(self.scale)))

    def to_film(self, face_mm: np.ndarray) -> np.ndarray:
        """Map (..., 2) points in mm of the mean face's frame to (..., 2) pixels of the film."""
        return _points(_similar((self.scale, self.offset), _mirrored(_plane(face_mm), self.mirrored)))

    def to_face(self, points_px: np.ndarray) -> np.ndarray:
        """Map (..., 2) pixels of the film to (..., 2) points in mm; the inverse of :meth:`to_film`."""
        return _points(_mirrored((_plane(points_px) - self.offset) / self.scale, self.mirrored))


def fit_face(points_px: np.ndarray, weights: np.ndarray, shape: FaceShape, mirrored: bool = False) -> FaceFit | None:
    """Fit the mean face to points, some of which may be wrong.

    Each pair of landmarks that are far apart proposes a similarity transform. Weighted least squares then refines the
    proposal that most points agree with.

    Args:
        points_px: (N, 2), (x, y); NaN where there is none.
        weights: (N,), trust in each point; at least 0.
        shape: the shape of the face.
        mirrored: whether to fit the mirrored mean face.
    Returns:
        The fit, or None if fewer than two landmarks that lie far apart were found.
    Example:
        >>> mean_mm = np.array([[-20.0, -30.0], [20.0, -30.0], [0.0, 60.0]])
        >>> shape = FaceShape(("S", "N", "Me"), mean_mm, 4 * np.eye(6))
        >>> fit = fit_face(10 * mean_mm + 500, np.ones(3), shape)
        >>> round(fit.working_mm, 3), round(abs(fit.turn_deg), 3)
        (0.1, 0.0)
    """
    present = np.isfinite(points_px).all(-1)
    points, mean = _plane(points_px[present]), _mirrored(_plane(shape.mean_mm[present]), mirrored)
    weights = np.maximum(weights[present], 1e-6)
    first, second = np.triu_indices(len(points), 1)
    mean_vectors, vectors = mean[second] - mean[first], points[second] - points[first]
    useful = (np.abs(mean_vectors) > _FURTHEST_PAIR_PART * np.ptp(_plane(shape.mean_mm).imag)) & (np.abs(vectors) > 0)
    if not useful.any():
        return None
    scale = vectors[useful] / mean_vectors[useful]
    offset = points[first[useful]] - scale * mean[first[useful]]
    off_mm = np.abs(scale[:, None] * mean + offset[:, None] - points) / np.abs(scale)[:, None]
    best = (weights * _near(off_mm)).sum(1).argmax()
    fit = scale[best], offset[best]
    for _ in range(5):
        off_mm = np.abs(_similar(fit, mean) - points) / abs(fit[0])
        fit = _least_squares(mean, points, weights * _near(off_mm) + 1e-9)
    return FaceFit(complex(fit[0]), complex(fit[1]), mirrored)


def agreement(points_px: np.ndarray, confidence: np.ndarray, fit: FaceFit, shape: FaceShape) -> float:
    """Return how well points agree with a fitted face, 0 to 1.

    Each confidence is weighted by how near its point lies to the fitted landmark. Missing points count as 0.

    Args:
        points_px: (N, 2), (x, y); NaN where there is none.
        confidence: (N,), 0 to 1.
        fit: result of :func:`fit_face`.
        shape: the shape of the face.
    Example:
        >>> mean_mm = np.array([[-20.0, -30.0], [20.0, -30.0], [0.0, 60.0]])
        >>> shape = FaceShape(("S", "N", "Me"), mean_mm, 4 * np.eye(6))
        >>> round(agreement(10 * mean_mm, np.array([1.0, 0.8, 0.6]), FaceFit(10 + 0j, 0j), shape), 3)
        0.8
    """
    off_mm = np.abs(_plane(fit.to_face(points_px)) - _plane(shape.mean_mm))
    return float(np.nan_to_num(confidence * _near(off_mm)).mean())


def fit_either_side(points_px: np.ndarray, confidence: np.ndarray, shape: FaceShape) -> tuple[FaceFit | None, float]:
    """Fit the mean face to a film's points, facing right or left, and return how well they agree.

    Args:
        points_px: (N, 2), square pixels; NaN where there is none.
        confidence: (N,), 0 to 1.
        shape: the shape of the face.
    Returns:
        The better of both fits, or None if none is possible; and the agreement, 0 to 1.
    Example:
        >>> mean_mm = np.array([[-20.0, -30.0], [20.0, -30.0], [0.0, 60.0], [20.0, 0.0]])
        >>> shape = FaceShape(("S", "N", "Me", "A"), mean_mm, 4 * np.eye(8))
        >>> fit, agreed = fit_either_side(mean_mm * [-10, 10], np.ones(4), shape)
        >>> fit.mirrored, round(agreed, 3)
        (True, 1.0)
    """
    weights = np.nan_to_num(confidence)
    fits = [fit for mirrored in (False, True) if (fit := fit_face(points_px, weights, shape, mirrored)) is not None]
    agreed = [agreement(points_px, confidence, fit, shape) for fit in fits]
    return (fits[np.argmax(agreed)], max(agreed)) if fits else (None, 0.0)


def recognised(
    points_mm: np.ndarray, confidence: np.ndarray, shape: FaceShape, turn_deg: float = 0.0, mirrored: bool = False
) -> tuple[FaceFit | None, float]:
    """Fit the mean face to points of the global stage, and return how well they agree.

    Args:
        points_mm: (N, 2), (x, y), at the scale and in the direction of the film as stored; NaN where there is none.
        confidence: (N,), 0 to 1.
        shape: the shape of the face.
        turn_deg, mirrored: how the film was turned (clockwise) and mirrored for the global stage to see it upright.
    Returns:
        The fit, None if none is possible; and the agreement, 0 to 1. It is 0 if the fit is turned or scaled so far that
        the global stage cannot have recognised the face: such a fit is chance.
    Example:
        >>> mean_mm = np.array([[-20.0, -30.0], [20.0, -30.0], [0.0, 60.0]])
        >>> shape = FaceShape(("S", "N", "Me"), mean_mm, 4 * np.eye(6))
        >>> [round(recognised(scale * mean_mm, np.ones(3), shape)[1], 3) for scale in (1.2, 4.0)]
        [1.0, 0.0]
    """
    fit = fit_face(points_mm, np.nan_to_num(confidence), shape, mirrored)
    if fit is None:
        return None, 0.0
    possible = abs(signed_deg(fit.turn_deg - turn_deg)) < 45 and 0.45 < fit.working_mm < 2.2
    return fit, agreement(points_mm, confidence, fit, shape) if possible else 0.0


def expected_places(
    points_px: np.ndarray, noise_mm: np.ndarray, fit: FaceFit, shape: FaceShape
) -> tuple[np.ndarray, np.ndarray]:
    """Predict each landmark from all the others, and return how far it is from that place.

    The differences from the mean face are modelled as normal. They are the sum of three parts: how faces differ, an
    unknown turn, scale and shift, and the noise of each point. A point that contradicts the others gets less weight in
    the next round, as under Student's t distribution with 4 degrees of freedom.

    Args:
        points_px: (N, 2), (x, y); NaN where there is none.
        noise_mm: (N,), the error to expect of each point, as a standard deviation.
        fit: result of :func:`fit_face`.
        shape: the shape of the face.
    Returns:
        (N, 2) px, the expected places; and (N,), the distances in standard deviations (root mean square over both
        axes), NaN where there is no point.
    Example:
        >>> mean_mm = np.array([[-20.0, -30.0], [20.0, -30.0], [0.0, 60.0], [20.0, 0.0]])
        >>> shape = FaceShape(("S", "N", "Me", "A"), mean_mm, 4 * np.eye(8))
        >>> points_px = 10 * mean_mm
        >>> points_px[3] += 300
        >>> _, distance = expected_places(points_px, np.full(4, 1.5), FaceFit(10 + 0j, 0j), shape)
        >>> shape.symbols[distance.argmax()]
        'A'
    """
    n = len(points_px)
    present = np.isfinite(points_px).all(-1)
    off = np.where(present[:, None], fit.to_face(points_px) - shape.mean_mm, 0.0).reshape(-1)
    mean = shape.mean_mm
    poses = np.stack(
        [np.tile([1.0, 0], n), np.tile([0, 1.0], n), mean.reshape(-1), (mean[:, ::-1] * [-1, 1]).reshape(-1)], 1
    )
    poses /= np.linalg.norm(poses, axis=0) / np.sqrt(n)
    prior = shape.covariance_mm2 + _POSE_MM**2 * poses @ poses.T
    noise = np.where(present, np.maximum(noise_mm, 0.1) ** 2, 1e6)
    doubt = np.ones(n)
    for _ in range(4):
        precision = np.linalg.inv(prior + np.diag(np.repeat(noise * doubt, 2)))
        blocks = precision.reshape(n, 2, n, 2)[np.arange(n), :, np.arange(n)]
        spread = np.linalg.inv(blocks)  # covariance of each landmark given the others, with its own noise
        surprise = np.einsum("nij,nj->ni", spread, (precision @ off).reshape(n, 2))
        # What the others leave open, plus the annotators' spread: a low trust in a point must not shrink its distance.
        spread = spread + np.eye(2) * (_ANNOTATORS_MM**2 - noise * doubt)[:, None, None]
        distance = np.sqrt(np.einsum("ni,nij,nj->n", surprise, np.linalg.inv(spread), surprise) / 2)
        doubt = np.maximum((4 + 2 * distance**2) / 6, 1.0)
    expected = fit.to_film((off.reshape(n, 2) - surprise) + mean)
    return expected, np.where(present, distance, np.nan)


def noise_mm(confidence: np.ndarray) -> np.ndarray:
    """Return the error to expect at a confidence, mm: the standard deviation that :func:`expected_places` takes.

    Args:
        confidence: (N,), 0 to 1; NaN counts as 0.
    Returns:
        (N,), 1.5 to 30 mm.
    Example:
        >>> noise_mm(np.array([1.0, 0.5, 0.1, 0.0])).tolist()
        [1.5, 2.0, 10.0, 30.0]
    """
    return np.asarray(np.clip(1 / np.maximum(np.nan_to_num(confidence), 1e-3), 1.5, 30.0))


def signed_deg(angle_deg: float) -> float:
    """Return an angle between -180 and 180 degrees.

    >>> signed_deg(350.0)
    -10.0
    """
    return (angle_deg + 180) % 360 - 180


def _plane(points: np.ndarray) -> np.ndarray:
    return np.asarray(points[..., 0] + 1j * points[..., 1])


def _points(plane: np.ndarray) -> np.ndarray:
    return np.stack([plane.real, plane.imag], -1)


def _mirrored(plane: np.ndarray, mirrored: bool) -> np.ndarray:
    return -plane.conj() if mirrored else plane


def _similar(fit: tuple[complex, complex], plane: np.ndarray) -> np.ndarray:
    return fit[0] * plane + fit[1]


def _near(off_mm: np.ndarray) -> np.ndarray:
    return np.exp(-((off_mm / NEAR_MM) ** 2) / 2)


def _least_squares(source: np.ndarray, target: np.ndarray, weights: np.ndarray) -> tuple[complex, complex]:
    """Return the scale (with turn) and the offset that bring source nearest to target."""
    weights = weights / weights.sum()
    centre, goal = (weights * source).sum(), (weights * target).sum()
    scale = (weights * (source - centre).conj() * (target - goal)).sum()
    scale /= (weights * np.abs(source - centre) ** 2).sum()
    return scale, goal - scale * centre
