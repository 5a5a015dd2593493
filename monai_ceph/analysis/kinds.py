"""Compute angles, lengths and ratios from points, of one film or of many at once.

Points are (..., 2), (x, y), y down, in the same unit along both axes. A face may look either way and be turned: signs
follow from the points, never from the film's axes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

TRIANGLES = (("S", "N", "Me"), ("Po", "Or", "Me"), ("PNS", "ANS", "Me"), ("S", "N", "Go"), ("S", "N", "B"))
"""Landmarks that follow each other clockwise on a face that looks right; the first triangle with all points counts."""

LENGTHS = ("distance", "offset", "advance", "signed distance")
"""The kinds that need a pixel spacing."""

WORDS = {
    "angle": "angle {0}-{1}-{2}",
    "inclination": "from {0}-{1} to {2}-{3}",
    "distance": "distance {0}-{1}",
    "ratio": "{0}-{1} / {2}-{3}",
    "offset": "{0} to the line {1}-{2}",
    "advance": "{1} ahead of {0} along {2}-{3}",
    "signed distance": "distance {0}-{1}, signed along {2}-{3}",
}
"""How a definition names the points of each kind."""

POINTS = {"angle": 3, "inclination": 4, "distance": 2, "ratio": 4, "offset": 3, "advance": 4, "signed distance": 4}
"""How many points each kind takes."""


def facing(points: np.ndarray, symbols: Sequence[str]) -> np.ndarray:
    """Return whether a face looks right.

    Args:
        points: (..., N, 2).
        symbols: the N landmarks' symbols.
    Returns:
        (...,): 1 where it looks right, -1 where it looks left (or the film is mirrored), NaN where none of
        :data:`TRIANGLES` has all its points.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.analysis.kinds import facing
        >>> points = np.array([[0.0, 0.0], [70.0, -5.0], [50.0, 110.0]])
        >>> float(facing(points, ["S", "N", "Me"])), float(facing(points * [-1, 1], ["S", "N", "Me"]))
        (1.0, -1.0)
    """
    known = {symbol: points[..., k, :] for k, symbol in enumerate(symbols)}
    sign = np.full(points.shape[:-2], np.nan)
    for a, b, c in TRIANGLES:
        if {a, b, c} <= known.keys():
            sign = np.where(np.isnan(sign), np.sign(_cross(known[b] - known[a], known[c] - known[a])), sign)
    return sign


def compute(kind: str, points: Sequence[np.ndarray], face: np.ndarray) -> np.ndarray:
    """Return one angle, length or ratio.

    =================== ======== =================================================================================
    kind                points   value
    =================== ======== =================================================================================
    ``angle``           a b c    angle at b between a and c, 0 to 180 degrees
    ``inclination``     a b c d  degrees by which the line from c to d is turned against the line from a to b;
                                 positive where it is turned clockwise on a face that looks right
    ``distance``        a b      length from a to b
    ``ratio``           a b c d  length from a to b in percent of the length from c to d
    ``offset``          a b c    distance of a from the line through b and c, where b lies above c; positive in front
    ``advance``         a b c d  how far b lies ahead of a, measured along the direction from c to d
    ``signed distance`` a b c d  length from a to b, negative where b lies behind a along the direction from c to d
    =================== ======== =================================================================================

    Args:
        kind: one of :data:`POINTS`.
        points: the points, (..., 2) each.
        face: (...,), what :func:`facing` returns.
    Returns:
        (...,), degrees, percent, or the points' unit; NaN where a point is missing or two points that span a line are
        the same.
    Raises:
        ValueError: the kind is unknown.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.analysis.kinds import compute
        >>> right_angle = [np.array(p, dtype=float) for p in ((0, 5), (0, 0), (3, 0))]
        >>> float(compute("angle", right_angle, np.array(1.0)))
        90.0
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        if kind == "angle":
            a, b, c = points
            return np.abs(_turn(a - b, c - b))
        if kind == "inclination":
            a, b, c, d = points
            return face * _turn(b - a, d - c)
        if kind == "distance":
            return _length(points[1] - points[0])
        if kind == "ratio":
            a, b, c, d = points
            return 100 * _length(b - a) / _length(d - c)
        if kind == "offset":
            a, b, c = points
            return -face * _cross(c - b, a - b) / _length(c - b)
        if kind in ("advance", "signed distance"):
            a, b, c, d = points
            ahead = ((b - a) * (d - c)).sum(-1) / _length(d - c)
            return ahead if kind == "advance" else np.sign(ahead) * _length(b - a)
    raise ValueError(f"Expected a kind among {', '.join(POINTS)}, got '{kind}'.")


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.asarray(u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0])


def _length(u: np.ndarray) -> np.ndarray:
    return np.asarray(np.hypot(u[..., 0], u[..., 1]))


def _turn(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the angle from u to v, degrees in (-180, 180], positive clockwise where y runs down."""
    angle = np.degrees(np.arctan2(_cross(u, v), (u * v).sum(-1)))
    return np.where((_length(u) > 0) & (_length(v) > 0), angle, np.nan)
