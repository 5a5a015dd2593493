"""Estimate where a clinic marks each landmark from its annotations of a few films and the predictions on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from monai_ceph.face_shape import FaceFit
from monai_ceph.prediction import Prediction
from monai_ceph.site.calibration import SiteCalibration, SiteError, axes_of, fit_mean_face

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 3
"""Fewer films are refused: two say too little about how films differ."""
USUAL_SD_MM = 1.0
"""Standard deviation of one clinic's films around a landmark's mean offset, along each axis: the median of 19 landmarks
on 20 films of another clinic."""
USUAL_FILMS = 4
"""Weight of :data:`USUAL_SD_MM` beside the clinic's own films, in films."""
ALL_COUNT = 4
"""Weight of the mean over all landmarks beside a landmark's own bias, when its weight is estimated."""
LARGEST_OFFSET_MM = 5.0
"""Largest median distance between the predicted and the annotated points of one film. On the films of
``benchmarks/site_calibration.py`` it is at most 1.7 mm, and 3.2 mm or more from the annotation of another film."""
LARGEST_DEVIATION_MM = 15.0
"""Largest distance from a landmark's median offset. Points beyond it are left out: the annotation is swapped or
slipped, or the prediction is wrong."""
LIKELY_SIZES = (0.75, 1.35)
"""Range of the size of an annotated face relative to the predicted one. Where the points lie far off, a size outside it
means another unit, and one inside it another film."""


class ShrunkBias(NamedTuple):
    """Hold the bias of N landmarks, and the part of it to correct.

    Args:
        bias_mm: (N, 2), mean offset; 0 where there is no film.
        error_mm: (N, 2), its standard error; 0 where there is no film.
        weight: (N,), 0 to 1; 0 where there is no film.
        films: (N,) int.
    Example:
        >>> ShrunkBias(np.zeros((1, 2)), np.zeros((1, 2)), np.zeros(1), np.zeros(1, dtype=int)).weight.tolist()
        [0.0]
    """

    bias_mm: np.ndarray
    error_mm: np.ndarray
    weight: np.ndarray
    films: np.ndarray

    @property
    def offset_mm(self) -> np.ndarray:
        """Return the offset to subtract from predictions, (N, 2) mm."""
        return self.weight[:, None] * self.bias_mm


def shrunk_bias(offsets_mm: np.ndarray, all_count: float = ALL_COUNT) -> ShrunkBias:
    """Return the mean offset of each landmark, and the part of it to correct.

    The weight of a landmark is ``t / (t + v)``, where v is the squared standard error of its bias. With ``t = bias^2 -
    v`` that would be ``1 - v / bias^2``; here t is averaged with the mean of ``bias^2 - v`` over all landmarks, which
    counts ``all_count`` times. So if a clinic marks most landmarks where the model does, only a large bias is
    corrected. A few films say little about their spread, so the variance of each landmark is the mean of its own and
    the usual one, weighted by degrees of freedom.

    Args:
        offsets_mm: (F, N, 2), (x, y), predicted minus annotated; NaN where either is unknown.
        all_count: weight of the mean over all landmarks beside a landmark's own bias.
    Raises:
        SiteError: offsets are not (F, N, 2).
    Source:
        Efron and Morris, J. Am. Stat. Assoc. 70 (1975) 311-319, https://doi.org/10.1080/01621459.1975.10479864. For
        other weights see ``benchmarks/results/site_offsets.csv``.
    Example:
        >>> offsets_mm = np.random.default_rng(0).normal([[3.0, 0.0], [0.0, 0.0]], 0.5, (10, 2, 2))
        >>> shrunk_bias(offsets_mm).weight.round(2).tolist()
        [0.98, 0.97]
        >>> shrunk_bias(offsets_mm - offsets_mm.mean(0)).weight.tolist()
        [0.0, 0.0]
    """
    offsets = np.asarray(offsets_mm, dtype=np.float64)
    if offsets.ndim != 3 or offsets.shape[2] != 2:
        raise SiteError(f"Expected offsets of shape (films, landmarks, 2), got {offsets.shape}.")
    known = np.asarray(np.isfinite(offsets).all(-1))
    films = known.sum(0)
    count, seen = np.maximum(films, 1)[:, None], films > 0
    bias = np.where(known[..., None], offsets, 0.0).sum(0) / count
    squares = np.where(known[..., None], (offsets - bias) ** 2, 0.0).sum(0)
    variance = (USUAL_FILMS * USUAL_SD_MM**2 + squares) / (USUAL_FILMS + count - 1) / count
    variance[~seen] = 0.0
    excess = (bias**2 - variance).sum(-1)
    mean_excess = max(0.0, float(excess[seen].mean())) if seen.any() else 0.0
    signal = np.maximum(0.0, (excess + all_count * mean_excess) / (1 + all_count))
    weight = np.where(seen, signal / np.maximum(signal + variance.sum(-1), 1e-12), 0.0)
    return ShrunkBias(bias, np.sqrt(variance), weight, films)


def remaining_offsets(offsets_mm: np.ndarray) -> np.ndarray:
    """Return each film's offsets minus the correction estimated from all other films, (F, N, 2).

    Example:
        >>> remaining_offsets(np.full((4, 1, 2), 10.0)).round(1).max().item()
        0.0
    """
    others = [shrunk_bias(np.delete(offsets_mm, k, 0)).offset_mm for k in range(len(offsets_mm))]
    return np.asarray(offsets_mm - np.stack(others))


@dataclass(frozen=True, eq=False)
class SiteEstimate:
    """Hold a site calibration and what it was estimated from.

    Args:
        site: the calibration.
        films: the films, F of them.
        offsets_mm: (F, N, 2), (x, y), predicted minus annotated points in the frame of the face; NaN where either is
            unknown.
        remaining_mm: (F, N, 2), the offsets after the correction that the other films give, see
            :func:`remaining_offsets`.
        remarks: what was left out, a sentence each.
    Example:
        >>> from monai_ceph.site import SiteCalibration, SiteEstimate
        >>> zeros = np.zeros((1, 2))
        >>> site = SiteCalibration(("S",), "12ab", zeros, zeros, zeros, np.zeros(1), np.zeros(1, int), "2026-01-31")
        >>> SiteEstimate(site, ("a.png",), np.ones((1, 1, 2)), np.zeros((1, 1, 2))).helps
        True
    """

    site: SiteCalibration
    films: tuple[str, ...]
    offsets_mm: np.ndarray
    remaining_mm: np.ndarray
    remarks: tuple[str, ...] = ()

    @property
    def errors_mm(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the radial errors as predicted, and after the correction from the other films, (F, N) each."""
        return np.linalg.norm(self.offsets_mm, axis=-1), np.linalg.norm(self.remaining_mm, axis=-1)

    @property
    def helps(self) -> bool:
        """Return whether the mean error on held-out films becomes smaller."""
        before, after = self.errors_mm
        return bool(np.nanmean(after) < np.nanmean(before))

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas table with a row for each landmark: how its points move, mm, and its error before and after.

        ``x_mm`` and ``y_mm`` say how a predicted point moves in the frame of the face, ``error_x_mm`` and
        ``error_y_mm`` the standard errors of its bias.
        """
        import pandas as pd

        site, (before, after) = self.site, self.errors_mm
        columns = {
            "landmark": list(site.symbols),
            **dict(zip(("x_mm", "y_mm"), site.shift_mm.T, strict=True)),
            "shift_mm": np.linalg.norm(site.shift_mm, axis=1),
            **dict(zip(("error_x_mm", "error_y_mm"), site.error_mm.T, strict=True)),
            "weight": site.weight,
            "films": site.films,
            "before_mm": _mean(before),
            "after_mm": _mean(after),
        }
        return pd.DataFrame(columns)


def estimate_site(
    predictions: Sequence[Prediction], annotated_px: Sequence[np.ndarray], weights_sha256: str, date: str
) -> SiteEstimate:
    """Estimate a site calibration.

    Landmarks without the status "found" are left out. Points far from where the other films have theirs are left out
    too, and named in the remarks.

    Args:
        predictions: of F films of known spacing, as the model made them.
        annotated_px: (N, 2) each, (x, y), pixels of the films; NaN where not annotated.
        weights_sha256: of the weights that predicted the films.
        date: the day of the estimate, such as "2026-01-31".
    Raises:
        SiteError: too few films, a film of unknown spacing or without a face, or an annotation that cannot be of its
            film; the message names it.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.landmarks import ISBI19
        >>> from monai_ceph.phantoms.mean_shape import MEAN_MM
        >>> annotated_px = [MEAN_MM / 0.1 + 1000 + 20 * k for k in range(5)]
        >>> predictions = [
        ...     Prediction(f"{k}.png", ISBI19, points_px + [15.0, 0.0], np.ones(19), (0.1, 0.1), "user")
        ...     for k, points_px in enumerate(annotated_px)
        ... ]
        >>> estimate = estimate_site(predictions, annotated_px, "12ab", "2026-01-31")
        >>> estimate.site.shift_mm[0].round(1).tolist(), estimate.helps
        ([-1.4, 0.0], True)
    """
    if len(predictions) < FEWEST:
        raise SiteError(
            f"Expected at least {FEWEST} annotated films, got {len(predictions)}; annotate more. 5 to 10 are better."
        )
    for prediction in predictions:
        _check_prediction(prediction)
    predicted = [prediction.points_mm for prediction in predictions]
    annotated = [
        np.asarray(points_px, np.float64) * np.asarray(prediction.spacing_mm)
        for points_px, prediction in zip(annotated_px, predictions, strict=True)
    ]
    confidence = [prediction.confidence for prediction in predictions]
    names = [prediction.image for prediction in predictions]
    _check_annotations(names, predicted, annotated)
    mean, fits = mean_face(predicted, confidence)
    offsets = np.stack([axes_of(fit).to_face(p - a) for fit, p, a in zip(fits, predicted, annotated, strict=True)])
    certain = np.array([[status == "found" for status in prediction.statuses] for prediction in predictions])
    offsets[~certain] = np.nan
    with np.errstate(all="ignore"):
        median = np.ma.median(np.ma.masked_invalid(offsets), axis=0).filled(np.nan)
        deviation = np.linalg.norm(offsets - median, axis=-1)
    symbols, remarks = predictions[0].scheme.symbols, []
    for k, n in np.argwhere(deviation > LARGEST_DEVIATION_MM):
        remarks.append(
            f"'{names[k]}': landmark {symbols[n]} is annotated {deviation[k, n]:.0f} mm from where the other films "
            "have it, measured from the prediction; it is left out. Were two landmarks swapped?"
        )
        offsets[k, n] = np.nan
    bias = shrunk_bias(offsets)
    site = SiteCalibration(symbols, weights_sha256, mean, *bias, date)
    return SiteEstimate(site, tuple(names), offsets, remaining_offsets(offsets), tuple(remarks))


def mean_face(faces_mm: Sequence[np.ndarray], confidence: Sequence[np.ndarray]) -> tuple[np.ndarray, list[FaceFit]]:
    """Return the mean of some faces, and its fit to each.

    It faces the way most of them do, and has their mean size and median rotation.

    Args:
        faces_mm: (N, 2) each, (x, y), mm, in any position; NaN where unknown.
        confidence: (N,) each, 0 to 1.
    Returns:
        (N, 2), centred on 0, NaN for a landmark that no face has; and a fit for each face.
    Raises:
        SiteError: a face has too few landmarks.
    Source:
        Gower, Psychometrika 40 (1975) 33-51, https://doi.org/10.1007/BF02291478.
    Example:
        >>> from monai_ceph.phantoms.mean_shape import MEAN_MM
        >>> mean, fits = mean_face([MEAN_MM, MEAN_MM + 30, MEAN_MM * [-1, 1]], [np.ones(19)] * 3)
        >>> [fit.mirrored for fit in fits], float(abs(mean - (MEAN_MM - MEAN_MM.mean(0))).max().round(6))
        ([False, False, True], 0.0)
    """
    fullest = max(faces_mm, key=lambda face: int(np.isfinite(face).all(-1).sum()))
    mean = fullest - np.nanmean(fullest, axis=0)
    fits = _fit_all(faces_mm, confidence, mean)
    for _ in range(5):
        size = np.mean([abs(fit.scale) for fit in fits])
        aligned = [fit.to_face(face) * size for fit, face in zip(fits, faces_mm, strict=True)]
        mean = _mean(np.stack(aligned))
        mean -= np.nanmean(mean, axis=0)
        fits = _fit_all(faces_mm, confidence, mean)
    if sum(fit.mirrored for fit in fits) > len(fits) / 2:
        mean = mean * [-1, 1]
        fits = _fit_all(faces_mm, confidence, mean)
    turns = np.array([fit.scale / abs(fit.scale) for fit in fits if not fit.mirrored])
    median = turns[np.abs(np.angle(turns[:, None] / turns)).sum(1).argmin()]
    mean = FaceFit(complex(median), 0j).to_film(mean)
    return mean, _fit_all(faces_mm, confidence, mean)


def _fit_all(faces_mm: Sequence[np.ndarray], confidence: Sequence[np.ndarray], mean: np.ndarray) -> list[FaceFit]:
    fits = [fit_mean_face(face, trust, mean) for face, trust in zip(faces_mm, confidence, strict=True)]
    possible = [fit for fit in fits if fit is not None]
    if len(possible) < len(fits):
        raise SiteError("A film has too few landmarks to see how the face lies; leave it out.")
    return possible


def _check_prediction(prediction: Prediction) -> None:
    if prediction.spacing_mm is None:
        raise SiteError(f"'{prediction.image}': its pixel size is unknown; give it with --spacing MM.")
    if "scale" in prediction.doubts:
        remark = next((text for text in prediction.remarks if "times the usual size" in text), "check the pixel size")
        raise SiteError(f"'{prediction.image}': {remark}.")
    if "not a face" in prediction.doubts or not np.isfinite(prediction.points_px).any():
        raise SiteError(f"'{prediction.image}': the model sees no face on it; leave it out.")
    if prediction.site:
        raise SiteError(f"'{prediction.image}': its points were moved by '{prediction.site}'; predict it without.")


def _check_annotations(names: Sequence[str], predicted: Sequence[np.ndarray], annotated: Sequence[np.ndarray]) -> None:
    """Raise SiteError if the annotation of a film is of another film, or in another unit."""
    for k, (name, points) in enumerate(zip(names, annotated, strict=True)):
        in_both = np.isfinite(points + predicted[k]).all(-1)
        if not in_both.any():
            raise SiteError(f"'{name}': none of its annotated landmarks was predicted; leave it out.")
        distance_mm = _median_distance(predicted[k], points)
        if distance_mm <= LARGEST_OFFSET_MM:
            continue
        size = _extent(points[in_both]) / max(_extent(predicted[k][in_both]), 1e-9)
        if in_both.sum() > 2 and not LIKELY_SIZES[0] <= size <= LIKELY_SIZES[1]:
            raise SiteError(
                f"'{name}': the annotated face is {size:.3g} times as large as the one on the film; are the points in "
                "pixels of this film, not in mm or of a resized film?"
            )
        nearest = min(range(len(names)), key=lambda other: _median_distance(predicted[other], points))
        guess = f"; it fits '{names[nearest]}' better" if nearest != k else ""
        raise SiteError(
            f"'{name}': half of its annotated landmarks lie {distance_mm:.1f} mm or more from the predicted ones, so "
            f"this may be the annotation of another film{guess}. Correct it, or leave the film out."
        )


def _median_distance(predicted: np.ndarray, annotated: np.ndarray) -> float:
    distances = np.linalg.norm(predicted - annotated, axis=-1)
    return float(np.nanmedian(distances)) if np.isfinite(distances).any() else math.inf


def _extent(points: np.ndarray) -> float:
    return float(np.linalg.norm(np.ptp(points, axis=0)))


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over films, NaN where there is none; :func:`numpy.nanmean` would warn of that."""
    return np.ma.masked_invalid(values).mean(0).filled(np.nan)
