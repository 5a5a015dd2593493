"""Decide whether each landmark was found, and report what is unusual about its film.

The module does not need torch, so every backend can use it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from monai_ceph.face_shape import FaceFit, FaceShape, expected_places, fit_either_side, noise_mm, signed_deg
from monai_ceph.pose_search import LARGEST_TILT_DEG, USUAL_SIZE
from monai_ceph.ruler import Ruler

Status = Literal["found", "doubtful", "outside", "missing"]
"""``found``: the point can be trusted. ``doubtful``: there is a point, but it may be wrong. ``outside``: the other
landmarks place it outside the film. ``missing``: there is no point."""

EVIDENCE = ("coarse_confidence", "coarse_off_mm", "agreement", "inverted", "spread_xx", "spread_xy", "spread_yy")
"""What the inferer returns for each landmark besides its confidence: the global stage's confidence; the distance from
the global stage's point to the final one, mm at the working scale; how well the global stage's points agree with a face
(0 to 1, one value per film); whether the film was inverted (0 or 1, one value per film); and the spread of its heatmap
around the point (:func:`~monai_ceph.heatmaps.second_moments`), film px^2."""

FEATURES = ("confidence", "coarse_confidence", "off_shape", "coarse_off", "agreement")
TURNED_BY_ITS_TAG = "viewers turn it by its orientation tag; points are in the pixels as stored"
"""Remark on a film whose EXIF or TIFF orientation is not 1."""


@dataclass(frozen=True)
class StatusRule:
    """Decide when a landmark is doubtful: a logistic model of the probability that it is wrong.

    Args:
        intercept: the intercept of the model.
        weights: the weights of :data:`FEATURES`, in their order.
        limit: the probability, 0 to 1, above which a landmark is doubtful.
        believable: the lowest agreement of points and face, 0 to 1, that counts as a face; below it, every landmark is
            doubtful.
        measured: how often the rule errs, as information for the reader; see ``tools/landmark_status.py``.
        usual: an agreement that an ordinary film rarely falls below.
    Example:
        >>> rule = StatusRule(0.0, (-1.0, 0.0, 1.0, 0.0, 0.0), limit=0.5, believable=0.2, measured={})
        >>> rule.chance_wrong(np.zeros((1, 5))).tolist()
        [0.5]
    """

    intercept: float
    weights: tuple[float, ...]
    limit: float
    believable: float
    measured: Mapping[str, Any]
    usual: float = 0.0

    @classmethod
    def read(cls, path: str | Path) -> StatusRule:
        """Read a file that :meth:`write` wrote; raise ValueError that names the file if it has other content."""
        try:
            return cls.parse(Path(path).read_text(encoding="utf-8"))
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"Cannot read a status rule from '{path}' ({type(error).__name__}: {error}); expected JSON with "
                f"intercept, weights ({', '.join(FEATURES)}), limit and believable."
            ) from error

    @classmethod
    def parse(cls, text: str) -> StatusRule:
        """Return a rule from the content of a file that :meth:`write` wrote."""
        content = json.loads(text)
        weights = tuple(float(content["weights"][name]) for name in FEATURES)
        intercept, limit, believable = (float(content[name]) for name in ("intercept", "limit", "believable"))
        return cls(intercept, weights, limit, believable, content.get("measured", {}), float(content.get("usual", 0.0)))

    @classmethod
    def of(cls, path: str | Path) -> StatusRule | None:
        """Read a rule as :meth:`read` does, or return None if the file does not exist; then no landmark is judged."""
        return cls.read(path) if Path(path).exists() else None

    def write(self, path: str | Path) -> None:
        """Write a small JSON file."""
        content = {
            "intercept": round(self.intercept, 4),
            "weights": {name: round(weight, 4) for name, weight in zip(FEATURES, self.weights, strict=True)},
            "limit": self.limit,
            "believable": self.believable,
            "usual": self.usual,
            "measured": dict(self.measured),
        }
        Path(path).write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")

    def chance_wrong(self, features: np.ndarray) -> np.ndarray:
        """Return (N,) probabilities, 0 to 1, from (N, len(FEATURES)) features."""
        return np.asarray(1 / (1 + np.exp(-(features @ np.array(self.weights) + self.intercept))))


class Judgement(NamedTuple):
    """Hold the result of :func:`judge` for one film.

    Args:
        status: the status of each landmark.
        points_px: (N, 2), as found; NaN where a landmark is outside or missing.
        remarks: sentences without a full stop on the film's orientation and on what is in doubt.
        doubts: keywords for a summary of the doubts: ``not a face``, ``scale``, ``landmarks``.
        pose: ``working_mm`` (the size of a pixel, assuming that the face has the mean size), ``turn_deg`` (clockwise),
            ``mirrored``, ``inverted``, ``agreement``; empty if no face was seen.
        ruler: the ruler that gives the size of a pixel; None if the size was known or no ruler was found.
    Example:
        >>> judgement = Judgement(("found",), np.array([[812.0, 640.0]]), (), (), {})
        >>> judgement.status
        ('found',)
    """

    status: tuple[Status, ...]
    points_px: np.ndarray
    remarks: tuple[str, ...]
    doubts: tuple[str, ...]
    pose: dict[str, float]
    ruler: Ruler | None = None


def status_features(
    points_px: np.ndarray, confidence: np.ndarray, evidence: np.ndarray, fit: FaceFit, shape: FaceShape
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the features of a :class:`StatusRule`.

    Args:
        points_px: (N, 2), square pixels; NaN where there is none.
        confidence: (N,), 0 to 1.
        evidence: (N, len(EVIDENCE)), see :data:`EVIDENCE`.
        fit: result of :func:`~monai_ceph.face_shape.fit_either_side`.
        shape: the shape of the face.
    Returns:
        (N, len(FEATURES)) features; and (N, 2), the expected place of each landmark, px.
    Example:
        >>> mean_mm = np.array([[-20.0, -30.0], [20.0, -30.0], [0.0, 60.0], [20.0, 0.0]])
        >>> shape = FaceShape(("S", "N", "Me", "A"), mean_mm, 4 * np.eye(8))
        >>> evidence = np.tile([0.9, 0.5, 0.8, 0.0, 40, 0, 40], (4, 1))
        >>> features, places = status_features(10 * mean_mm, np.ones(4), evidence, FaceFit(10 + 0j, 0j), shape)
        >>> features.shape, places.shape
        ((4, 5), (4, 2))
    """
    places, distance = expected_places(points_px, noise_mm(confidence), fit, shape)
    clipped = np.clip(np.nan_to_num(distance, nan=8.0), 0, 8)
    features = [
        np.log(np.clip(np.nan_to_num(confidence), 1e-3, 1)),
        np.log(np.clip(np.nan_to_num(evidence[:, 0]), 1e-3, 1)),
        clipped,
        np.log1p(np.clip(np.nan_to_num(evidence[:, 1], nan=50.0), 0, 50)),
        np.log(np.clip(evidence[:, 2], 1e-2, 1)),
    ]
    return np.stack(features, 1), places


def judge(
    points_px: np.ndarray,
    confidence: np.ndarray,
    evidence: np.ndarray,
    film_size: tuple[int, int],
    spacing_mm: tuple[float, float] | None,
    shape: FaceShape,
    rule: StatusRule,
    suggested_mm: float | None = None,
    read_ruler: Callable[[tuple[float, float]], Ruler | None] | None = None,
) -> Judgement:
    """Judge the landmarks of one film.

    Args:
        points_px: (N, 2), (x, y), film pixels; NaN where there is none.
        confidence: (N,), 0 to 1.
        evidence: (N, len(EVIDENCE)), see :data:`EVIDENCE`.
        film_size: (X, Y), px.
        spacing_mm: (along x, along y), size of a film pixel; None if unknown.
        shape: the shape of the face.
        rule: decides when a landmark is doubtful.
        suggested_mm: the pixel size from the file's dots per inch. It is never used for mm; a remark suggests it if it
            fits the face.
        read_ruler: looks for a ruler in the film, as :func:`~monai_ceph.ruler.find_ruler` does, with the smallest and
            the largest number of pixels a mm that the face allows. It is asked if the size of a pixel is unknown.
    Returns:
        The status of each landmark, the points to keep, remarks, the pose and the ruler.
    Example:
        >>> mean_mm = np.array([[-20.0, -30.0], [20.0, -30.0], [0.0, 60.0], [20.0, 0.0]])
        >>> shape = FaceShape(("S", "N", "Me", "A"), mean_mm, 4 * np.eye(8))
        >>> rule = StatusRule(-3.0, (-1.0, 0.0, 1.0, 0.0, 0.0), limit=0.5, believable=0.2, measured={})
        >>> evidence = np.tile([0.9, 0.5, 0.8, 0.0, 40, 0, 40], (4, 1))
        >>> judge(10 * mean_mm + 600, np.ones(4), evidence, (1200, 1300), (0.1, 0.1), shape, rule).status
        ('found', 'found', 'found', 'found')
    """
    present = np.isfinite(points_px).all(-1)
    # The shape model needs square pixels: where the film's are not square, y is stretched to the scale of x.
    stretch = np.array([1.0, 1.0 if spacing_mm is None else spacing_mm[1] / spacing_mm[0]])
    fit, _ = fit_either_side(points_px * stretch, confidence, shape)
    agreed = float(evidence[0, 2]) if len(evidence) else 0.0
    if fit is None or not agreed >= rule.believable:
        remark = "no face was seen as on a lateral cephalogram, so no point is reliable"
        status = tuple(np.where(present, "doubtful", "missing").tolist())
        return Judgement(status, points_px, (remark, *_unknown(spacing_mm, None)), ("not a face",), {})
    features, places = status_features(points_px * stretch, confidence, evidence, fit, shape)
    wrong = rule.chance_wrong(features) > rule.limit
    places = places / stretch
    margin = 1 / fit.working_mm
    off_film = ((places < -0.5 - margin) | (places > np.array(film_size) - 0.5 + margin)).any(-1)
    outside = off_film & (wrong | ~present)
    status = tuple(np.select([outside, ~present, wrong], ["outside", "missing", "doubtful"], "found").tolist())
    kept = np.where((present & ~outside)[:, None], points_px, np.nan)
    inverted = bool(evidence[0, 3] > 0.5)
    remarks, doubts = _remarks(status, fit, inverted, spacing_mm)
    pose = {
        "working_mm": fit.working_mm,
        "turn_deg": fit.turn_deg,
        "mirrored": float(fit.mirrored),
        "inverted": float(inverted),
        "agreement": agreed,
    }
    ruler = None
    if spacing_mm is None and read_ruler is not None:
        smallest, largest = USUAL_SIZE
        ruler = read_ruler((1 / (largest * fit.working_mm), 1 / (smallest * fit.working_mm)))
    if ruler is not None:
        remarks.append(f"a ruler in the film gives the pixel size, {ruler.spacing_mm:.4g} mm ({ruler.ticks} ticks)")
    else:
        remarks += _unknown(spacing_mm, fit, suggested_mm)
    return Judgement(status, kept, tuple(remarks), doubts, pose, ruler)


def _remarks(
    status: tuple[Status, ...], fit: FaceFit, inverted: bool, spacing_mm: tuple[float, float] | None
) -> tuple[list[str], tuple[str, ...]]:
    remarks, doubts = [], []
    if fit.mirrored:
        remarks.append("the face looks to the left")
    quarter = round(fit.turn_deg / 90) % 4
    tilt = signed_deg(fit.turn_deg - 90 * quarter)
    if quarter:
        lies = {1: "on its side, turned clockwise", 2: "upside down", 3: "on its side, turned anticlockwise"}
        remarks.append(f"the film lies {lies[quarter]}")
    if abs(tilt) > LARGEST_TILT_DEG:
        way = "clockwise" if tilt > 0 else "anticlockwise"
        remarks.append(f"the head is tilted by {abs(tilt):.0f} degrees {way}")
    if inverted:
        remarks.append("its gray is inverted (bone is dark)")
    if spacing_mm is not None:
        size = spacing_mm[0] / fit.working_mm
        if not USUAL_SIZE[0] <= size <= USUAL_SIZE[1]:
            doubts.append("scale")
            remarks.append(
                f"with pixels of {spacing_mm[0]:g} mm the face is {size:.2g} times the usual size (about "
                f"{fit.working_mm:.2g} mm would fit): check the pixel size"
            )
    if 2 * sum(s != "found" for s in status) > len(status):
        doubts.append("landmarks")
        remarks.append("most landmarks are in doubt")
    return remarks, tuple(doubts)


def _unknown(
    spacing_mm: tuple[float, float] | None, fit: FaceFit | None, suggested_mm: float | None = None
) -> list[str]:
    if spacing_mm is not None:
        return []
    working = "" if fit is None else f"; working scale {fit.working_mm:.2g} mm a pixel, if the face has the usual size"
    if fit is not None and suggested_mm is not None and USUAL_SIZE[0] <= suggested_mm / fit.working_mm <= USUAL_SIZE[1]:
        working += f"; the file's dots per inch would fit: --spacing {suggested_mm:.4g}"
    return [f"pixel size unknown: mm are left empty{working}"]
