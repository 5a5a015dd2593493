"""Make an ``UncertaintyTable`` from films whose landmarks are known and that the weights have not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from monai_ceph.analysis.conformal import conformal_limit
from monai_ceph.analysis.uncertainty import ELLIPSE90, FEATURES, LEVELS, UncertaintyTable, unit_trace

SIGNS = np.array([-1, 1, 1, 1, 1])
"""Whether a larger feature means a larger error (1) or a smaller one (-1); see FEATURES."""
RIDGE = 40.0
"""Ridge penalty on the slopes of standardised features, in points."""
LANDMARK_RIDGE = 0.25
"""Ridge penalty on a landmark's deviation from the others, as a share of the landmark's points. At another clinic the
deviations differ, however many films of one clinic are known, so the shrinkage must not vanish."""
COPY_WEIGHT = 0.3
"""Weight of a point on an altered copy of a film in the fit of the expected error."""
POOLED_SCORES = 20.0
"""Weight of the scores of all landmarks together, in scores of one landmark."""
WIDENING = 0.5
"""How much odd films are widened; measured in docs/results.md, on altered copies of films and on another clinic's."""
PARTS = 10
HEATMAP_SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
USUAL_SHARE = 0.95
_LEAST_MM = 0.05


class KnownFilms(NamedTuple):
    """Hold F predicted films whose landmarks are known.

    Args:
        features: (F, N, len(FEATURES)).
        heatmap_mm2: (F, N, 2, 2).
        face_axes: (F, 2, 2); these three as in :class:`~monai_ceph.analysis.uncertainty.FilmEvidence`.
        errors_mm: (F, N, 2), (x, y), predicted minus known, axes of the film; NaN where not annotated.
        films: (F,) int; copies of one film have the same number.
        plain: (F,) bool; False for altered copies, which the expected error is fitted to and the limits are not.
    Example:
        >>> import numpy as np
        >>> KnownFilms(*(np.zeros(0) for _ in range(6))).films.shape
        (0,)
    """

    features: np.ndarray
    heatmap_mm2: np.ndarray
    face_axes: np.ndarray
    errors_mm: np.ndarray
    films: np.ndarray
    plain: np.ndarray

    def only(self, which: np.ndarray) -> KnownFilms:
        """Return some of the films, chosen by (F,) bool or indices."""
        return KnownFilms(*(values[which] for values in self))

    @property
    def radial_mm(self) -> np.ndarray:
        """Return (F, N) radial errors."""
        return np.asarray(np.linalg.norm(self.errors_mm, axis=-1))

    @property
    def weight(self) -> np.ndarray:
        """Return (F,), the weight of each film's points in the fit of the expected error."""
        return np.where(self.plain, 1.0, COPY_WEIGHT)


def fit_log_error(
    features: np.ndarray, errors_mm: np.ndarray, film_weight: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Fit the logarithm of the mean error as a linear function of features, with an intercept for each landmark.

    This is a gamma regression: errors are positive, and their spread grows with their mean. Slopes and the landmarks'
    deviations from their common intercept are shrunk; a slope of the wrong sign is set to 0.

    Args:
        features: (F, N, len(FEATURES)).
        errors_mm: (F, N) radial errors; NaN where unknown.
        film_weight: (F,), weight of the points of each film; None is 1 for all.
    Returns:
        (N,) intercepts and (len(FEATURES),) slopes.
    Example:
        >>> import numpy as np
        >>> features = np.zeros((50, 2, 5))
        >>> intercept, slopes = fit_log_error(features, np.tile([1.0, 1.0], (50, 1)))
        >>> intercept.round(3).tolist(), slopes.tolist()
        ([0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0])
    """
    _, n, p = features.shape
    mean, deviation = features.mean((0, 1)), np.maximum(features.std((0, 1)), 1e-6)
    landmark = np.broadcast_to(np.eye(n), (len(features), n, n))
    known = np.isfinite(errors_mm).reshape(-1)
    target = np.maximum(errors_mm.reshape(-1)[known], _LEAST_MM)
    weight = np.ones(len(features)) if film_weight is None else film_weight
    landmark_cost = LANDMARK_RIDGE * float(weight.sum())
    weight = np.repeat(weight, n)[known, None]
    used = np.ones(p, dtype=bool)
    while True:
        parts = [np.ones((*errors_mm.shape, 1)), landmark, (features - mean)[..., used] / deviation[used]]
        x = np.concatenate(parts, -1).reshape(-1, 1 + n + int(used.sum()))[known]
        cost = np.diag([0.0, *[landmark_cost] * n, *[RIDGE] * int(used.sum())])
        beta = np.zeros(x.shape[1])
        beta[0] = np.log(target.mean())
        for _ in range(200):
            eta = x @ beta
            gradient = x.T @ (weight[:, 0] * (target / np.exp(eta) - 1)) - cost @ beta
            step = np.linalg.solve(x.T @ (weight * x) + cost, gradient)
            beta = beta + step * min(1.0, 0.5 / max(float(np.abs(x @ step).max()), 1e-12))
            if np.abs(step).max() < 1e-7:
                break
        wrong = beta[1 + n :] * SIGNS[used] < 0
        if not wrong.any():
            break
        used[np.flatnonzero(used)[wrong]] = False
    slopes = np.zeros(p)
    slopes[used] = beta[1 + n :] / deviation[used]
    return beta[0] + beta[1 : 1 + n] - slopes @ mean, slopes


def face_scatter(errors_mm: np.ndarray, expected_mm: np.ndarray, face_axes: np.ndarray) -> np.ndarray:
    """Return (N, 2, 2) covariances of errors divided by their expected size, axes of the face, with a trace of 1.

    Args:
        errors_mm: (F, N, 2), axes of the film; NaN where unknown.
        expected_mm: (F, N).
        face_axes: (F, 2, 2).
    Example:
        >>> import numpy as np
        >>> errors = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
        >>> face_scatter(errors, np.ones((2, 1)), np.tile(np.eye(2), (2, 1, 1))).round(2).tolist()
        [[[0.5, 0.0], [0.0, 0.5]]]
    """
    in_face = np.nan_to_num(np.einsum("fji,fnj->fni", face_axes, errors_mm) / expected_mm[..., None])
    # So that a few large errors do not decide alone, each counts by its distance, not by the square.
    weight = 1 / (1 + np.linalg.norm(in_face, axis=-1))
    scatter = np.einsum("fn,fni,fnj->nij", weight, in_face, in_face)
    pooled = scatter.sum(0)
    scatter = scatter + pooled / np.trace(pooled) * np.trace(scatter, axis1=1, axis2=2)[:, None, None] * (
        5 / max(len(errors_mm), 1)
    )
    return np.asarray(scatter / np.trace(scatter, axis1=1, axis2=2)[:, None, None])


def fit_uncertainty(
    known: KnownFilms,
    weights: str,
    symbols: tuple[str, ...],
    widening: float = WIDENING,
    measured: Mapping[str, Any] | None = None,
) -> UncertaintyTable:
    """Fit expected errors, and set radii and ellipses by conformal prediction.

    The scores of a film (errors divided by expected errors) come from a fit to the other films (cross-conformal, over
    :data:`PARTS` parts of the films). Radii are limits of the radial error over the expected error, ellipses of the
    Mahalanobis distance, each per landmark, supported by the pooled scores with the weight :data:`POOLED_SCORES`.

    Args:
        known: the films.
        weights: SHA-256 of the file of weights.
        symbols: the landmarks.
        widening: see :class:`~monai_ceph.analysis.uncertainty.UncertaintyTable`.
        measured: see the same class.
    Raises:
        ValueError: fewer films than parts.
    Example:
        >>> nothing = KnownFilms(*(np.zeros(0, dtype=bool) for _ in range(6)))
        >>> fit_uncertainty(nothing, weights="", symbols=())
        Traceback (most recent call last):
        ValueError: Expected at least 10 films to make a table of uncertainty, got 0.
    """
    count = len(np.unique(known.films[known.plain]))
    if count < PARTS:
        raise ValueError(f"Expected at least {PARTS} films to make a table of uncertainty, got {count}.")
    plain = known.only(known.plain)
    expected, scatters = _cross_fitted(known, plain)
    shapes = [_shapes(plain, scatters, share) for share in HEATMAP_SHARES]
    direction = [_direction(plain.errors_mm, shape) for shape in shapes]
    best = int(np.argmax(direction))
    squared = _squared_distance(plain.errors_mm, shapes[best]) / expected**2
    relative = plain.radial_mm / expected
    intercept, slopes = fit_log_error(known.features, known.radial_mm, known.weight)
    table = UncertaintyTable(
        weights=weights,
        symbols=symbols,
        intercept=intercept,
        slopes=slopes,
        limits=np.quantile(known.features, [0.0, 1.0], axis=(0, 1)).T,
        radius=np.stack([_limits(relative, level) for level in LEVELS], 1),
        scatter=face_scatter(plain.errors_mm, expected, plain.face_axes),
        heatmap_share=HEATMAP_SHARES[best],
        ellipse=_limits(squared, 0.9) / ELLIPSE90,
        usual=0.0,
        widening=widening,
        usual_off_shape=float(np.quantile(plain.features[:, 0, FEATURES.index("film_off_shape")], USUAL_SHARE)),
        measured=dict(measured or {}),
    )
    usual = np.quantile(table.film_level(plain.features), USUAL_SHARE)
    return replace(table, usual=float(usual))


def for_weights_trained_on_more(
    table: UncertaintyTable, weights: str, new_features: np.ndarray, old_features: np.ndarray
) -> UncertaintyTable:
    """Return a table for weights trained on all films, from a table that was measured by cross-validation.

    Such weights are more confident on unseen films, but how much smaller their errors are cannot be measured. So they
    get no credit for it: their features are shifted until their means over unseen films equal those of the weights
    that the table was measured with. The expected errors of such films then stay the same on average. This needs no
    annotation.

    Args:
        table: measured with other weights of the same recipe.
        weights: SHA-256 of the file of the weights.
        new_features: (F, N, len(FEATURES)), features of unseen films, predicted with these weights.
        old_features: of the same films, predicted with the weights that the table was measured with.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.analysis.uncertainty import UncertaintyTable
        >>> table = UncertaintyTable(
        ...     "0" * 64, ("S",), np.zeros(1), np.ones(5), np.tile([-1.0, 1.0], (5, 1)), np.ones((1, 4)),
        ...     np.eye(2)[None] / 2, 0.25, np.ones(1), usual=9.0, widening=1.0, usual_off_shape=1.0)
        >>> moved = for_weights_trained_on_more(table, "1" * 64, np.zeros((9, 1, 5)), np.full((9, 1, 5), 0.5))
        >>> moved.expected_mm(np.zeros((1, 5))) == table.expected_mm(np.full((1, 5), 0.5))
        array([ True])
    """
    shift = old_features.mean((0, 1)) - new_features.mean((0, 1))
    return replace(
        table,
        weights=weights,
        intercept=table.intercept + float(table.slopes @ shift),
        limits=table.limits - shift[:, None],
        usual_off_shape=table.usual_off_shape - float(shift[FEATURES.index("film_off_shape")]),
        measured={**table.measured, "moved": dict(zip(FEATURES, shift.round(3).tolist(), strict=True))},
    )


def parts_of(films: np.ndarray) -> np.ndarray:
    """Return (F,) int, the part that each film belongs to; copies of one film share a part.

    >>> import numpy as np
    >>> parts_of(np.array([7, 7, 9])).tolist()
    [0, 0, 1]
    """
    _, order = np.unique(films, return_inverse=True)
    return np.asarray(order % PARTS)


def _cross_fitted(known: KnownFilms, plain: KnownFilms) -> tuple[np.ndarray, np.ndarray]:
    """Return (F, N) expected errors and (F, N, 2, 2) scatters of the plain films, each fitted to the other films."""
    part, plain_part = parts_of(known.films), parts_of(known.films)[known.plain]
    expected = np.full(plain.errors_mm.shape[:2], np.nan)
    scatters = np.full((*expected.shape, 2, 2), np.nan)
    for k in range(PARTS):
        others, held = known.only(part != k), plain_part == k
        intercept, slopes = fit_log_error(others.features, others.radial_mm, others.weight)
        expected[held] = np.exp(intercept + plain.features[held] @ slopes)
        same = plain.only(~held)
        scatters[held] = face_scatter(same.errors_mm, np.exp(intercept + same.features @ slopes), same.face_axes)
    return expected, scatters


def _shapes(plain: KnownFilms, scatters: np.ndarray, share: float) -> np.ndarray:
    """Return (F, N, 2, 2), as :meth:`~monai_ceph.analysis.uncertainty.UncertaintyTable.shapes`."""
    axes = plain.face_axes[:, None]
    return np.asarray(share * unit_trace(plain.heatmap_mm2) + (1 - share) * axes @ scatters @ np.swapaxes(axes, -1, -2))


def _direction(errors_mm: np.ndarray, shapes: np.ndarray) -> float:
    """Return how well shapes predict the directions of errors: the mean log density of their angles, by error size.

    The angle of a normal distribution has the density ``det(S)^-1/2 / (u S^-1 u)``, up to a constant.
    """
    distance = np.linalg.norm(errors_mm, axis=-1)
    unit = errors_mm / distance[..., None]
    density = -0.5 * np.log(np.linalg.det(shapes)) - np.log(_squared_distance(unit, shapes))
    known = np.isfinite(density)
    return float(np.average(density[known], weights=np.minimum(distance[known], 3.0)))


def _squared_distance(vectors: np.ndarray, covariances: np.ndarray) -> np.ndarray:
    """Return (F, N) squared Mahalanobis distances from 0 of (F, N, 2) vectors."""
    return np.asarray(np.einsum("fni,fnij,fnj->fn", vectors, np.linalg.inv(covariances), vectors))


def _limits(scores: np.ndarray, level: float) -> np.ndarray:
    """Return (N,) limits of (F, N) scores."""
    return np.array([conformal_limit(own, level, scores.reshape(-1), POOLED_SCORES) for own in scores.T])
