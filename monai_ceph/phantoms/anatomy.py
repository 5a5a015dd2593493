"""Build a different face for every seed: the contours that a lateral cephalogram shows, and the landmarks on them.

The contours are drawn once around the mean shape of ``mean_shape`` (mm, x towards the nose, y towards the chin, origin
in the face's centroid). A thin-plate spline bends them to a sampled shape. Each landmark is then located on the bent
contours by its definition, so it matches the drawing exactly.

Source: the mean and the modes of the landmarks are measured (see ``mean_shape``). All other numbers here (contours
between landmarks, teeth, vertebrae, the variation of vault, nose and neck) were set by eye, with the proportions of two
ISBI 2015 training films as a guide. They are not measured and not an anatomical reference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from monai_ceph.phantoms.mean_shape import MEAN_MM, MODES_MM, SYMBOLS
from monai_ceph.phantoms.raster import smooth_curve

Bend = Callable[[np.ndarray], np.ndarray]
"""A function that maps (M, 2) points of the mean face to the same points of this face."""

_M = dict(zip(SYMBOLS, (tuple(p) for p in MEAN_MM), strict=True))

# Points that are not landmarks but vary independently from face to face, with their standard deviation in mm.
_EXTRA = (
    ((-60.0, -141.0), 4.0),  # top of the vault
    ((-150.0, -95.0), 4.0),  # back of the vault
    ((12.0, -100.0), 2.5),  # forehead
    ((44.0, -21.0), 2.0),  # tip of the nose
    ((-30.0, 66.0), 3.0),  # throat
    ((-70.0, 45.0), 3.0),  # neck vertebrae
    ((-72.0, 95.0), 5.0),
)

# Contours around the mean shape. One tuple is one smooth piece; the code that draws them joins pieces at corners.
_CURVES: dict[str, tuple[tuple[float, float], ...]] = {
    "vault_outer": (
        (-92, -12), (-120, -19), (-150, -40), (-171, -75), (-160, -112), (-128, -134), (-95, -142), (-60, -141),
        (-28, -132), (-4, -116), (11, -97), (18.5, -80), (18.2, -69), _M["N"],
    ),
    "vault_inner": (
        (-66, -23), (-90, -18.5), (-118, -25), (-144, -44), (-163, -76), (-153, -108), (-124, -127.5), (-93, -135),
        (-60, -134), (-30, -125.5), (-9, -111), (4, -94), (8, -82), (2, -77), (-10, -72.5), (-24, -66),
        (-36, -62),
    ),
    "diploe": (
        (-158, -110), (-126, -130.5), (-94, -138.5), (-60, -137.5), (-29, -129), (-6, -113.5), (7.5, -96), (13, -84),
    ),
    "roof_far": ((9, -79), (-4, -71), (-17, -65), (-30, -62.5), (-37, -60)),
    "clivus": ((-49.5, -61), (-52, -53), (-57, -43), (-62, -33), (-67, -25)),
    "sella": (
        (-36.6, -61.2), (-37.3, -57.6), (-37.6, -53), (-39.7, -49.6), (-43, -48.4), (-46.6, -49.6), (-48.7, -53.2),
        (-49.0, -57.5), (-49.5, -61),
    ),
    "sphenoid_floor": ((-57, -40), (-47, -39), (-37, -40), (-29, -44), (-24, -52)),
    "base_lower": ((-92, -12), (-78, -17), (-66, -22), _M["Ar"], (-48, -29.5), (-40, -35), (-31, -37)),
    "glenoid": ((-58, -30), (-55.5, -37), (-50, -40), (-45, -37.5), (-41, -33.5), (-36, -36)),
    "petrous": (
        (-45, -46), (-55, -56), (-68, -58), (-82, -50), (-93, -38), (-92, -24), (-82, -16), (-70, -20), (-58, -28),
    ),
    "frontal_sinus": ((9, -86), (14.5, -83), (16, -75), (14.5, -66), (10.5, -66), (8.5, -74)),
    "nasal_bone_top": (_M["N"], (19.2, -55.5), (23.4, -48), (27, -40.5)),
    "nasal_bone_under": ((27, -40.5), (21, -48), (15.5, -54), (11, -60), (12.5, -66)),
    "orbit": (
        (11, -74), (0, -72), (-9, -65), (-12, -55), (-9, -46), (-4, -41), (0.5, -37.6), _M["Or"], (7.2, -38), (9, -42),
    ),
    "orbit_rim": ((12, -67), (6, -61), (3, -53), (4.5, -45), (9, -40)),
    "orbit_far": ((10, -71), (-2, -68), (-11, -60), (-13.5, -51), (-10, -43), (-3, -38.8), (3, -35), (6.5, -37.5)),
    "ethmoid": ((-26, -62), (-8, -68), (4, -62), (2, -48), (-8, -42), (-22, -42), (-28, -50)),
    "maxillary_sinus": ((-19, -33), (-6, -36), (5, -33), (10, -24), (6, -18), (-6, -18), (-18, -19), (-22, -26)),
    "zygoma": ((-12, -38), (-9, -28), (-5, -15), (-2, -13), (1, -22), (4, -33), (5.5, -36)),
    "zygoma_far": ((-15, -39), (-13, -27), (-9.5, -16.5), (-6, -15), (-3, -24), (-1, -34)),
    "pterygoid_front": ((-19, -43), (-20.5, -33), (-23.5, -24), (-25.5, -17)),
    "pterygoid_back": ((-22, -44), (-27, -40), (-29, -31), (-28, -23), (-25.8, -16.5)),
    "piriform": ((15, -18), (13.5, -26), (13, -36), (14.5, -46), (17, -54)),
    "nasal_floor": (_M["PNS"], (-18, -18), (-6, -18.2), (5, -17.3), (12, -15.6), _M["ANS"]),
    "maxilla_front": (_M["ANS"], (15.4, -11.3), _M["A"], (15.9, -2.6), (17.9, 1.8)),
    "palate": ((10.5, 2.5), (6.5, -4.5), (-2, -9.3), (-13, -12.3), _M["PNS"]),
    "jaw": (
        (17, 18.5), (14.3, 22), _M["B"], (11.2, 33.6), _M["Pog"], _M["Gn"], _M["Me"], (0, 44.3), (-12, 38.6),
        (-30, 29), (-41, 22.6), _M["Go"], (-53.4, 5), (-55.2, -10), _M["Ar"], (-57.6, -31), (-57, -36),
    ),
    "condyle": (
        (-57, -36), (-53.5, -38.6), (-48.5, -37), (-46.5, -32), (-42, -25), (-36, -22.5), (-30, -25), (-26, -29),
    ),
    "coronoid": ((-26, -29), (-23.5, -22), (-25, -10), (-25, 1), (-21, 9), (-14, 13.5), (0, 17), (10, 19.5)),
    "far_border": (
        (1, 41), (-14, 34.5), (-31, 25), (-41, 18), (-46.5, 10), (-49.6, 0), (-51, -12), (-52.5, -24), (-54, -33),
    ),
    "chin_back": ((9.5, 20), (6, 27), (2.5, 34), (1.6, 40), (4, 43.6)),
    "chin_core": ((12.4, 23), (9.2, 28.5), (8, 34), (8.5, 38.8), (7.3, 42), (4.6, 42.6), (4.2, 38), (6.5, 31)),
    "canal": ((-38, -6), (-36, 6), (-29, 15.5), (-16, 24), (-2, 30)),
    "skin": (
        (-185, -60), (-180, -90), (-168, -118), (-135, -141), (-96, -149), (-58, -148), (-24, -138.5), (2, -121),
        (18, -100), (25, -82), (25, -73), (22.2, -64), (25.5, -55), (33, -41), (41, -28.5), (44.6, -21.5), (43, -16.5),
        (38, -13.8), (31.5, -12.2), _M["Sn"], (27.4, -4.6), _M["UL"], (31, 7.2), (27.6, 11.5),
    ),
    "skin_lower": (
        (27.6, 11.5), (29.4, 16.5), _M["LL"], (25.8, 28), (20.8, 33), (20.4, 38), _M["Pog'"], (18.4, 48.5), (11, 53),
        (0, 54), (-14, 55), (-28, 61), (-36, 74), (-39, 95), (-42, 150),
    ),
    "nape": ((-130, 150), (-124, 90), (-121, 40), (-130, 8), (-155, -14), (-185, -60)),
    "airway": (
        (-42, -30), (-32, -26), (-31, -12), (-33, 4), (-37, 22), (-39, 38), (-40, 55), (-43, 75), (-44, 120),
        (-54, 120), (-53, 75), (-52, 50), (-50.5, 20), (-50, 0), (-51, -18),
    ),
    "mouth": ((-20, -5), (-5, -5.5), (6, 0), (9, 4), (0, 3), (-14, 1)),
    "tongue": ((-33, 20), (-32, 2), (-22, -5), (-6, -5), (6, 2), (10, 14), (2, 26), (-20, 30)),
    "hyoid": ((-34, 49), (-27, 51), (-20, 54.5), (-17.5, 58), (-21, 59), (-29, 55)),
    "nostril": ((24, -21), (31, -24), (38, -20), (36, -16.5), (28, -15.5)),
}  # fmt: skip

# Cheek teeth: (crown centre x, y), (root tip x, y), crown width. Upper ones first.
_TEETH = (
    ((13.0, 7.0), (6.5, -13.0), 6.5), ((7.0, 6.5), (2.5, -12.5), 6.6), ((0.0, 6.0), (-2.5, -12.5), 6.6),
    ((-8.5, 5.4), (-9.0, -12.5), 9.8), ((-18.5, 4.0), (-18.0, -12.0), 9.4),
    ((12.5, 12.5), (6.0, 33.0), 6.2), ((5.5, 13.0), (0.5, 32.5), 6.6), ((-1.5, 12.5), (-6.5, 30.5), 6.8),
    ((-10.5, 11.5), (-15.5, 27.5), 10.4), ((-21.0, 9.0), (-26.5, 23.5), 10.2),
)  # fmt: skip

# Outline of a tooth along its axis: (fraction of the length from the edge, fraction of the crown's width).
_INCISOR = ((0.0, 0.10), (0.05, 0.30), (0.2, 0.72), (0.36, 1.0), (0.46, 0.96), (0.7, 0.72), (0.9, 0.4), (1.0, 0.08))
_MOLAR = ((0.0, 0.70), (0.06, 0.95), (0.2, 1.0), (0.34, 0.88), (0.5, 0.78), (0.72, 0.66), (0.9, 0.4), (1.0, 0.15))

_VERTEBRAE = (((-69, 5), 16, 21), ((-71, 24), 17, 13.5), ((-72, 41), 17, 13.5), ((-73, 58), 17.5, 13.5),
              ((-74, 75), 18, 14), ((-75, 92.5), 19, 14.5), ((-76, 110.5), 20, 15))  # fmt: skip


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
    extra = np.array([point for point, _ in _EXTRA])
    spread = np.array([[sd] for _, sd in _EXTRA]) * magnification
    linear = np.linalg.lstsq(np.c_[MEAN_MM, np.ones(len(MEAN_MM))], target, rcond=None)[0]
    extra_target = np.c_[extra, np.ones(len(extra))] @ linear + spread * np.clip(
        rng.standard_normal(extra.shape), -2, 2
    )
    bend = thin_plate_spline(np.concatenate([MEAN_MM[keep], extra]), np.concatenate([target[keep], extra_target]))
    curves = {name: bend(smooth_curve(np.array(points))) for name, points in _CURVES.items()}
    sampled = dict(zip(SYMBOLS, target, strict=True))
    curves["meatus"] = sampled["Po"] + magnification * (circle(4.4) + np.array([0.0, 4.4]))
    incisors = (
        _tooth(sampled["U1"], _root(sampled["U1"], bend, "U1", (11.0, -10.0), rng), 7.2 * magnification, _INCISOR),
        _tooth(sampled["L1"], _root(sampled["L1"], bend, "L1", (10.3, 30.5), rng), 5.8 * magnification, _INCISOR),
    )
    teeth = []
    for crown, apex, width in _TEETH:
        centre, root = np.array(crown), np.array(apex)
        jitter = rng.normal(0, 0.5, 2)
        axis = (root - centre) / np.linalg.norm(root - centre)
        teeth.append(bend(_tooth(centre + jitter - 3.4 * axis, root + jitter, width, _MOLAR)))
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


def _tooth(edge: np.ndarray, root: np.ndarray, width: float, profile: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Return the (M, 2) outline of a tooth from the middle of its edge to the end of its root."""
    axis = root - edge
    side = np.array([-axis[1], axis[0]]) / np.linalg.norm(axis) * width / 2
    along, half = np.array(profile).T
    right = edge + along[:, None] * axis + half[:, None] * side
    left = edge + along[:, None] * axis - half[:, None] * side
    return np.concatenate([smooth_curve(right, 5), smooth_curve(left[::-1], 5)])


def _neck(rng: np.random.Generator, bend: Bend) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    bodies, spines = [], []
    for level, (centre, width, height) in enumerate(_VERTEBRAE):
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
