"""Build a different face for every seed: the contours that a lateral cephalogram shows, and the landmarks on them.

The contours are drawn once around the mean shape of ``mean_shape`` (mm, x towards the nose, y towards the chin, origin
in the face's centroid). A thin-plate spline bends them to a sampled shape. Each landmark is then located on the bent
contours by its definition, so it matches the drawing exactly.

Source: the mean and the modes of the landmarks are measured (see ``mean_shape``). All other numbers here (contours
between landmarks, teeth, vertebrae, the variation of vault, nose and neck) were set by eye, with the proportions of two
ISBI 2015 training films as a guide. They are not measured and not an anatomical reference.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monai_ceph.phantoms.mean_shape import MEAN_MM, MODES_MM, SYMBOLS
from monai_ceph.phantoms.raster import smooth_curve

Bend = Callable[[np.ndarray], np.ndarray]
"""A function that maps (M, 2) points of the mean face to the same points of this face."""

_M = dict(zip(SYMBOLS, MEAN_MM, strict=True))

_DRAWING = json.loads(Path(__file__).with_name("contours.json").read_text(encoding="utf-8"))
"""The mean drawing, mm.

- curves: contours as points, or symbols of landmarks; each is one smooth piece, the code that draws them joins them;
- varying: points that are not landmarks but vary independently from face to face, with their standard deviation: top
  and back of the vault, forehead, tip of the nose, throat and neck;
- teeth: cheek teeth, upper ones first: centre of the crown, tip of the root, width of the crown;
- incisor, molar: outline along the axis: fraction of the length from the edge, fraction of the crown's width;
- vertebrae: centre, width and height.
"""
_CURVES = {
    name: np.array([_M[point] if isinstance(point, str) else point for point in points], dtype=np.float64)
    for name, points in _DRAWING["curves"].items()
}


@dataclass(frozen=True)
class Face:
    """Hold the geometry of one face in mm, with the origin in its centroid.

    Args:
        curves: (M, 2) polylines by name.
        teeth: (M, 2) polygons of the cheek teeth.
        incisors: (M, 2) polygons of the upper and the lower incisor.
        vertebrae: (M, 2) polygons of the vertebral bodies.
        spines: (M, 2) polygons of the processes behind them.
        points: (2,) position by landmark symbol.
    Example:
        >>> face = build_face(np.random.default_rng(0))
        >>> len(face.teeth), len(face.points)
        (10, 19)
    """

    curves: dict[str, np.ndarray]
    teeth: tuple[np.ndarray, ...]
    incisors: tuple[np.ndarray, np.ndarray]
    vertebrae: tuple[np.ndarray, ...]
    spines: tuple[np.ndarray, ...]
    points: dict[str, np.ndarray]


def sample_shape(rng: np.random.Generator, limit: float = 2.0) -> np.ndarray:
    """Sample the landmarks of one face: the mean plus a normal draw of each mode.

    Args:
        rng: the source of randomness.
        limit: standard deviations at which a draw is clipped.
    Returns:
        (19, 2), mm, origin in the centroid, in the order of ``mean_shape.SYMBOLS``.
    Example:
        >>> sample_shape(np.random.default_rng(0)).shape
        (19, 2)
    """
    weights = np.clip(rng.standard_normal(len(MODES_MM)), -limit, limit)
    shape = MEAN_MM + np.tensordot(weights, MODES_MM, 1)
    return shape - shape.mean(0)


def thin_plate_spline(source: np.ndarray, target: np.ndarray) -> Bend:
    """Return the smoothest map of the plane that sends every source point to its target.

    Args:
        source: (K, 2), K >= 3, not all on one line.
        target: (K, 2).
    Returns:
        A function that maps (M, 2) points to (M, 2) points.
    Source:
        Bookstein, IEEE PAMI 11 (1989).
    Example:
        >>> source = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
        >>> bend = thin_plate_spline(source, source + [5.0, 0.0])
        >>> (bend(np.array([[3.0, 4.0]])).round(6) + 0.0).tolist()
        [[8.0, 4.0]]
    """

    def kernel(points: np.ndarray) -> np.ndarray:
        squared = ((points[:, None] - source[None]) ** 2).sum(-1)
        return 0.5 * squared * np.log(np.maximum(squared, 1e-12))

    def affine(points: np.ndarray) -> np.ndarray:
        return np.concatenate([np.ones((len(points), 1)), points], 1)

    system = np.block([[kernel(source), affine(source)], [affine(source).T, np.zeros((3, 3))]])
    weights = np.linalg.solve(system, np.concatenate([target, np.zeros((3, 2))]))

    def bend(points: np.ndarray) -> np.ndarray:
        points = np.asarray(points, dtype=np.float64)
        return kernel(points) @ weights[:-3] + affine(points) @ weights[-3:]

    return bend


def build_face(rng: np.random.Generator, magnification: float = 1.0) -> Face:
    """Sample a shape, bend the mean drawing to it, and locate the landmarks on the result.

    Args:
        rng: the source of randomness.
        magnification: size on the film, relative to the films that the mean shape comes from.
    Example:
        >>> face = build_face(np.random.default_rng(0))
        >>> bool(face.points["Me"][1] > face.points["N"][1])
        True
    """
    target = sample_shape(rng) * magnification
    # The tips of the incisors are 2 mm apart and move independently, so the spline would fold the plane. Only their own
    # teeth depend on them, and these are drawn directly.
    keep = [k for k, symbol in enumerate(SYMBOLS) if symbol not in ("U1", "L1")]
    extra = np.array([point for point, _ in _DRAWING["varying"]])
    spread = np.array([[sd] for _, sd in _DRAWING["varying"]]) * magnification
    linear = np.linalg.lstsq(np.c_[MEAN_MM, np.ones(len(MEAN_MM))], target, rcond=None)[0]
    moved = spread * np.clip(rng.standard_normal(extra.shape), -2, 2)
    extra_target = np.c_[extra, np.ones(len(extra))] @ linear + moved
    bend = thin_plate_spline(np.concatenate([MEAN_MM[keep], extra]), np.concatenate([target[keep], extra_target]))
    curves = {name: bend(smooth_curve(points)) for name, points in _CURVES.items()}
    sampled = dict(zip(SYMBOLS, target, strict=True))
    curves["meatus"] = sampled["Po"] + magnification * (circle(4.4) + np.array([0.0, 4.4]))
    incisors = (
        _tooth(sampled["U1"], _root(sampled["U1"], bend, "U1", (11.0, -10.0), rng), 7.2 * magnification, "incisor"),
        _tooth(sampled["L1"], _root(sampled["L1"], bend, "L1", (10.3, 30.5), rng), 5.8 * magnification, "incisor"),
    )
    teeth = []
    for crown, apex, width in _DRAWING["teeth"]:
        centre, root = np.array(crown), np.array(apex)
        jitter = rng.normal(0, 0.5, 2)
        axis = (root - centre) / np.linalg.norm(root - centre)
        teeth.append(bend(_tooth(centre + jitter - 3.4 * axis, root + jitter, width, "molar")))
    vertebrae, spines = _neck(rng, bend)
    return Face(curves, tuple(teeth), incisors, vertebrae, spines, _landmarks(curves, incisors))


def circle(radius: float, points: int = 96) -> np.ndarray:
    """Return a circle around the origin as a (points, 2) polygon that starts at the top.

    >>> (circle(2.0, 4).round(6) + 0.0).tolist()
    [[0.0, -2.0], [2.0, 0.0], [0.0, 2.0], [-2.0, 0.0]]
    """
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return radius * np.stack([np.sin(angle), -np.cos(angle)], 1)


def _root(tip: np.ndarray, bend: Bend, symbol: str, root: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Return the end of an incisor's root: the mean tooth's place in the bent jaw, tipped by a few degrees."""
    root_bent, tip_bent = bend(np.array([root, _M[symbol]]))
    angle = np.deg2rad(np.clip(rng.normal(0, 3.0), -6, 6))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    axis = 0.5 * (root_bent - tip_bent) + 0.5 * (root_bent - tip)
    return tip + turn @ axis


def _tooth(edge: np.ndarray, root: np.ndarray, width: float, kind: str) -> np.ndarray:
    """Return the (M, 2) outline of a tooth from the middle of its edge to the end of its root."""
    axis = root - edge
    side = np.array([-axis[1], axis[0]]) / np.linalg.norm(axis) * width / 2
    along, half = np.array(_DRAWING[kind]).T
    right = edge + along[:, None] * axis + half[:, None] * side
    left = edge + along[:, None] * axis - half[:, None] * side
    return np.concatenate([smooth_curve(right, 5), smooth_curve(left[::-1], 5)])


def _neck(rng: np.random.Generator, bend: Bend) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    bodies, spines = [], []
    for level, (centre, width, height) in enumerate(_DRAWING["vertebrae"]):
        x, y = centre
        w, h = width / 2, height / 2
        tilt = 2.0
        body = [(x - w, y - h), (x, y - h + 1), (x + w - 1, y - h + tilt), (x + w - 2, y), (x + w, y + h + tilt),
                (x, y + h + 0.3), (x - w, y + h - 0.5), (x - w + 1.3, y)]  # fmt: skip
        if level == 0:  # the second vertebra carries the dens
            body[1:3] = [(x - 3, y - h - 1), (x - 1.5, y - h - 13), (x + 3, y - h - 14.5), (x + 6, y - h - 9),
                         (x + w - 1, y - h + 3)]  # fmt: skip
        drop = 8.0 + rng.normal(0, 1.0)
        reach = (24 if level in (1, 2, 3) else 29) + rng.normal(0, 1.5)
        left = x - w
        spine = [(left + 1, y - 2), (left - 7, y - 1), (left - 0.6 * reach, y + 0.45 * drop),
                 (left - reach, y + drop - 1), (left - reach, y + drop + 3), (left - 0.55 * reach, y + drop + 2.5),
                 (left - 6, y + 6), (left + 1, y + 5)]  # fmt: skip
        bodies.append(bend(smooth_curve(np.array(body), 6, closed=True)))
        spines.append(bend(smooth_curve(np.array(spine), 6, closed=True)))
    atlas = [(-58, -14), (-54, -11), (-55.5, -5), (-60, -6)]
    arch = [(-63, -13), (-78, -13), (-92, -15), (-97, -11), (-94, -6), (-80, -7), (-64, -4)]
    bodies.append(bend(smooth_curve(np.array(atlas), 6, closed=True)))
    spines.append(bend(smooth_curve(np.array(arch), 6, closed=True)))
    return tuple(bodies), tuple(spines)


def _between(curve: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the part of a polyline between the vertices nearest to two points."""
    first, last = (int(np.argmin(((curve - p) ** 2).sum(1))) for p in (start, end))
    first, last = sorted((first, last))
    return curve[first : last + 1]


def farthest(curve: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return the vertex of a polyline that lies farthest in a direction.

    Args:
        curve: (M, 2).
        direction: (2,).
    Returns:
        (2,).
    Example:
        >>> curve = np.array([[0.0, 0.0], [1.0, 3.0], [2.0, 1.0]])
        >>> farthest(curve, np.array([0.0, 1.0])).tolist()
        [1.0, 3.0]
    """
    return curve[int(np.argmax(curve @ direction))]


def _from_chord(curve: np.ndarray) -> np.ndarray:
    """Return the vertex of a polyline that lies farthest from the straight line between its ends."""
    chord = curve[-1] - curve[0]
    distance = (curve - curve[0]) @ np.array([-chord[1], chord[0]])
    return curve[int(np.argmax(np.abs(distance)))]


def _centroid(polygon: np.ndarray) -> np.ndarray:
    ahead = np.roll(polygon, -1, axis=0)
    cross = polygon[:, 0] * ahead[:, 1] - ahead[:, 0] * polygon[:, 1]
    return ((polygon + ahead) * cross[:, None]).sum(0) / (3 * cross.sum())


def _knot(name: str, k: int) -> int:
    """Return the index, in a smoothed curve, of the k-th point that it passes through."""
    return (k if k >= 0 else len(_CURVES[name]) + k) * 16


def _part(curves: dict[str, np.ndarray], name: str, first: int, last: int) -> np.ndarray:
    return curves[name][_knot(name, first) : _knot(name, last) + 1]


def _landmarks(curves: dict[str, np.ndarray], incisors: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    """Locate each landmark on the drawn contours by its definition in ``landmarks.ISBI19``."""
    down = np.array([0.0, 1.0])
    jaw = curves["jaw"]
    # The most antero-inferior point is the one farthest from the chord across the chin.
    pogonion = _from_chord(_part(curves, "jaw", 3, 5))
    menton = farthest(_part(curves, "jaw", 5, 8), down)
    return {
        "S": _centroid(curves["sella"]),
        "N": curves["nasal_bone_top"][0],
        "Or": farthest(_part(curves, "orbit", 5, 9), down),
        "Po": farthest(curves["meatus"], -down),
        "A": _from_chord(_part(curves, "maxilla_front", 0, -1)),
        "B": _from_chord(_part(curves, "jaw", 0, 4)),
        "Pog": pogonion,
        "Me": menton,
        "Gn": _from_chord(_between(jaw, pogonion, menton)),
        "Go": _from_chord(_part(curves, "jaw", 9, 13)),
        "L1": 0.5 * (incisors[1][0] + incisors[1][-1]),
        "U1": 0.5 * (incisors[0][0] + incisors[0][-1]),
        "UL": _from_chord(_part(curves, "skin", 20, -1)),
        "LL": _from_chord(_part(curves, "skin_lower", 0, 4)),
        "Sn": _from_chord(_part(curves, "skin", 18, 21)),
        "Pog'": _from_chord(_part(curves, "skin_lower", 5, 7)),
        "PNS": curves["nasal_floor"][0],
        "ANS": curves["nasal_floor"][-1],
        "Ar": curves["base_lower"][_knot("base_lower", 3)],
    }
