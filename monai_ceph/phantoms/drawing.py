"""Draw synthetic lateral cephalograms with known landmarks, for tests, demonstrations and first training runs.

They contain no part of a real film. Contours in mm (``anatomy``) are painted as thickness along the X-ray beam; then
exposure, blur, noise and a border are added.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monai_ceph.landmarks import ISBI19, LandmarkScheme
from monai_ceph.phantoms.anatomy import Face, build_face, circle
from monai_ceph.phantoms.borders import BORDERS
from monai_ceph.phantoms.canvas import COARSE_MM, Canvas
from monai_ceph.phantoms.mean_shape import SYMBOLS
from monai_ceph.phantoms.raster import blur_fine, ribbon, smooth_curve
from monai_ceph.phantoms.style import STYLES, Style
from monai_ceph.spacing import check_spacing

_MARGIN_MM = 3.0  # no landmark is drawn closer to the film's border


@dataclass(frozen=True)
class Phantom:
    """Hold a drawn film and its true landmarks.

    Args:
        image: (X, Y), uint8 or uint16.
        points_px: (N, 2), (x, y), float64, film pixels, in the scheme's order.
        spacing_mm: (along x, along y).
        scheme: the landmarks, in the order of the points.
    Example:
        >>> phantom = draw_phantom(0, size=(194, 240), spacing_mm=1.0)
        >>> phantom.image.shape, phantom.points_px.shape
        ((194, 240), (19, 2))
    """

    image: np.ndarray
    points_px: np.ndarray
    spacing_mm: tuple[float, float]
    scheme: LandmarkScheme


def draw_phantom(
    seed: int,
    size: tuple[int, int] = (1935, 2400),
    spacing_mm: float | tuple[float, float] = 0.1,
    bit_depth: int = 8,
    scheme: LandmarkScheme = ISBI19,
    style: str | Style = "a",
) -> Phantom:
    """Draw one film.

    A seed stands for one person on one day. It gives the same face at any size, spacing, bit depth and style (up to the
    style's magnification and framing), and the same place on films of the same extent in mm.

    Args:
        seed: selects the face; the same arguments give the same bytes.
        size: (X, Y) of the film, pixels.
        spacing_mm: size of a pixel, one number or (along x, along y).
        bit_depth: 8 or 16.
        scheme: the landmarks to return: any of those in ``ISBI19``, in any order.
        style: a key of ``STYLES``, or your own :class:`Style`.
    Raises:
        ValueError: the bit depth, style, spacing or size cannot be drawn, or phantoms lack a landmark of the scheme.
    Example:
        >>> phantom = draw_phantom(7, size=(387, 480), spacing_mm=0.5, bit_depth=16)
        >>> phantom.image.dtype.name, phantom.spacing_mm
        ('uint16', (0.5, 0.5))
    """
    spacing = check_spacing(spacing_mm, "draw_phantom")
    if bit_depth not in (8, 16):
        raise ValueError(f"A phantom has 8 or 16 bits, got bit_depth={bit_depth!r}.")
    if isinstance(style, str) and style not in STYLES:
        raise ValueError(f"Unknown phantom style {style!r}; expected one of {sorted(STYLES)}.")
    unknown = [symbol for symbol in scheme.symbols if symbol not in SYMBOLS]
    if unknown:
        raise ValueError(
            f"Phantoms have no landmark {', '.join(map(repr, unknown))} (scheme '{scheme.name}'); "
            f"they have {' '.join(SYMBOLS)}."
        )
    look = STYLES[style] if isinstance(style, str) else style
    # Separate streams, so that the face does not depend on how many random numbers the grain of the film uses.
    face_rng, film_rng, grain_rng = (np.random.default_rng([seed, stream]) for stream in range(3))
    canvas = Canvas((int(size[0]), int(size[1])), spacing)
    face = _place(build_face(face_rng, look.magnification), canvas.extent, spacing, look, film_rng)

    _paint_soft_tissue(canvas, face)
    _paint_skull(canvas, face, film_rng)
    _paint_neck(canvas, face)
    _paint_jaws(canvas, face, film_rng)
    _paint_ear_rod(canvas, face, look)
    image = _expose(canvas, look, film_rng)
    BORDERS[look.border](canvas, image, film_rng)
    image += np.float32(look.noise) * blur_fine(
        grain_rng.standard_normal(canvas.size, dtype=np.float32), tuple(0.05 / canvas.spacing)
    )
    top = 2**bit_depth - 1
    stored = np.rint(np.clip(image, 0, 1) * np.float32(top)).astype(np.uint8 if bit_depth == 8 else np.uint16)
    points_mm = np.stack([face.points[symbol] for symbol in scheme.symbols])
    return Phantom(stored, points_mm / np.array(spacing), spacing, scheme)


def _place(face: Face, extent: np.ndarray, spacing: tuple[float, float], look: Style, rng: np.random.Generator) -> Face:
    """Move a face from its own frame onto the film, and keep every landmark a margin away from the border."""
    points = np.stack(list(face.points.values()))
    lowest = _MARGIN_MM - points.min(0)
    highest = extent - np.array(spacing) - _MARGIN_MM - points.max(0)
    if np.any(highest < lowest):
        need = np.ptp(points, axis=0) + 2 * _MARGIN_MM + np.array(spacing)
        raise ValueError(
            f"A film of {extent[0]:.0f} x {extent[1]:.0f} mm does not hold a face; it needs at least "
            f"{need[0]:.0f} x {need[1]:.0f} mm here: give a larger size or spacing_mm."
        )
    jitter = np.array(look.spread_mm) * np.clip(rng.standard_normal(2), -2, 2)
    shift = np.clip(np.array(look.centre) * extent + jitter, lowest, highest)

    def moved(polygons: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        return tuple(polygon + shift for polygon in polygons)

    return Face(
        {name: curve + shift for name, curve in face.curves.items()},
        moved(face.teeth),
        (face.incisors[0] + shift, face.incisors[1] + shift),
        moved(face.vertebrae),
        moved(face.spines),
        {symbol: point + shift for symbol, point in face.points.items()},
    )


def _paint_soft_tissue(canvas: Canvas, face: Face) -> None:
    curves = face.curves
    skin = np.concatenate([curves["skin"], curves["skin_lower"][1:], curves["nape"]])
    canvas.fill(skin, 0.30, rounded_mm=9.0)
    canvas.fill(skin, 0.10)
    # Cheeks, tongue and the soft tissue on both sides of the jaws.
    canvas.haze(np.concatenate([curves["jaw"], curves["condyle"], curves["coronoid"]]), 0.42, 7.0)
    canvas.fill(curves["tongue"], 0.12, rounded_mm=4.0)
    canvas.fill(curves["airway"], -0.26, rounded_mm=2.5)
    canvas.fill(curves["mouth"], -0.12, rounded_mm=1.5)
    canvas.fill(curves["nostril"], -0.08, rounded_mm=2.0)
    canvas.fill(curves["hyoid"], 0.28, rounded_mm=1.0)
    canvas.line(smooth_curve(curves["hyoid"][:-12:12], 6), 0.8, 0.12)


def _paint_skull(canvas: Canvas, face: Face, rng: np.random.Generator) -> None:
    curves = face.curves
    inside = np.concatenate([curves["vault_inner"], curves["sella"], curves["clivus"]])
    bone = np.concatenate(
        [curves["vault_outer"], curves["nasal_bone_under"][-1:], curves["roof_far"], curves["vault_inner"][::-1]]
    )
    canvas.fill(inside, 0.92, rounded_mm=7.0)
    canvas.fill(bone, 0.66)
    canvas.fill(np.concatenate([curves["nasal_bone_top"], curves["nasal_bone_under"]]), 0.22)
    canvas.line(curves["vault_outer"], 1.7, 0.40)
    canvas.line(curves["vault_inner"], 1.6, 0.75)
    sphenoid = np.concatenate([curves["sella"], curves["clivus"][:40], curves["sphenoid_floor"]])
    canvas.fill(sphenoid, 0.30, rounded_mm=2.0)
    canvas.line(curves["diploe"], 2.2, -0.22)
    canvas.fill(curves["frontal_sinus"], -0.28, rounded_mm=1.0)
    canvas.rim(curves["frontal_sinus"], 0.8, 0.25)
    # Vessels and the far side's sutures: faint dark furrows in the vault.
    for _ in range(5):
        start = curves["vault_inner"][150 + int(rng.integers(0, 45))] + [0.0, 4.0]
        steps = rng.normal([-7.0, 9.0], 4.0, (5, 2)).cumsum(0)
        canvas.line(smooth_curve(start + steps, 8), 1.3, -0.05)

    # Midface: one body from which the cavities are subtracted.
    face_body = np.concatenate(
        [curves["sphenoid_floor"], curves["orbit_far"][:40][::-1], curves["orbit_rim"], curves["zygoma"][::-1]]
    )
    canvas.haze(face_body, 0.30, 3.0)
    canvas.fill(curves["ethmoid"], 0.10, rounded_mm=3.0)
    canvas.fill(curves["maxillary_sinus"], -0.16, rounded_mm=2.0)
    for name, width, amount in (
        ("roof_far", 0.9, 0.35), ("clivus", 1.2, 0.40), ("sphenoid_floor", 1.0, 0.28), ("base_lower", 1.5, 0.55),
        ("glenoid", 1.1, 0.42), ("nasal_bone_top", 1.1, 0.40), ("nasal_bone_under", 0.8, 0.18),
        ("orbit_rim", 1.5, 0.26), ("orbit", 1.3, 0.50), ("orbit_far", 1.0, 0.15), ("zygoma", 1.3, 0.36),
        ("zygoma_far", 1.1, 0.2),
        ("pterygoid_front", 0.9, 0.30), ("pterygoid_back", 0.9, 0.30), ("piriform", 1.0, 0.18),
    ):  # fmt: skip
        canvas.line(curves[name], width, amount)
    # The side away from the film is drawn slightly larger and shifted.
    shift = rng.normal([1.2, -1.0], 0.7)
    for name in ("glenoid", "zygoma", "pterygoid_front", "pterygoid_back", "base_lower", "orbit_rim"):
        canvas.line(curves[name] + 1.6 * shift, 0.9, 0.13)
    canvas.rim(curves["maxillary_sinus"], 0.7, 0.13)
    low, high = curves["ethmoid"].min(0), curves["ethmoid"].max(0)
    for _ in range(9):
        cell = rng.uniform(low, high) + circle(1.0, 20) * rng.uniform(1.5, 4.5, 2)
        canvas.rim(cell, 0.7, 0.06)
        canvas.fill(cell, -0.04)

    canvas.haze(curves["petrous"], 0.95, 4.5)
    centre = curves["petrous"].mean(0)
    for _ in range(45):
        cell = centre + [-13.0, 7.0] + rng.normal(0, [6.5, 7.0]) + circle(1.0, 16) * rng.uniform(0.7, 2.0, 2)
        canvas.fill(cell, -0.10)
        canvas.rim(cell, 0.6, 0.10)
    canvas.fill(curves["sella"], -0.10, rounded_mm=1.0)
    canvas.line(curves["sella"], 1.2, 0.62)
    canvas.fill(curves["meatus"], -0.45)
    canvas.rim(curves["meatus"], 0.8, 0.40)


def _paint_neck(canvas: Canvas, face: Face) -> None:
    for spine in face.spines:
        canvas.fill(spine, 0.18, rounded_mm=1.5)
        canvas.rim(spine, 0.8, 0.14)
    for body in face.vertebrae:
        canvas.fill(body, 0.34, rounded_mm=1.5)
        canvas.rim(body, 0.9, 0.24)


def _paint_jaws(canvas: Canvas, face: Face, rng: np.random.Generator) -> None:
    curves = face.curves
    mandible = np.concatenate([curves["jaw"], curves["condyle"][1:], curves["coronoid"][1:]])
    canvas.fill(mandible, 0.38, rounded_mm=2.0)
    body = mandible[mandible[:, 1] > np.percentile(mandible[:, 1], 45)]
    canvas.haze(body, 0.30, 4.0)
    canvas.line(curves["jaw"], 1.9, 0.50)
    canvas.line(curves["condyle"], 1.2, 0.30)
    canvas.line(curves["coronoid"], 1.0, 0.16)
    canvas.line(curves["far_border"], 1.3, 0.20)
    canvas.line(curves["canal"], 2.6, -0.08)
    canvas.fill(curves["chin_core"], -0.12, rounded_mm=1.0)
    canvas.line(curves["chin_back"], 1.4, 0.36)

    maxilla = np.concatenate([curves["nasal_floor"], curves["maxilla_front"][1:], curves["palate"]])
    canvas.fill(maxilla, 0.42, rounded_mm=0.8)
    canvas.line(curves["nasal_floor"], 1.3, 0.46)
    canvas.line(curves["maxilla_front"], 1.0, 0.36)
    canvas.line(curves["palate"], 0.9, 0.22)

    far = rng.normal([0.8, -0.4], 0.5)
    for tooth in face.teeth:
        _paint_tooth(canvas, tooth + 1.5 * far, 0.20)
        _paint_tooth(canvas, tooth, 0.36)
    for tooth in face.incisors:
        _paint_tooth(canvas, tooth, 0.55)
    if rng.random() < 0.4:  # a metal filling
        crown = face.teeth[int(rng.choice([2, 3, 4, 7, 8]))]
        middle = 0.5 * (crown[0] + crown[-1])
        canvas.fill(middle + circle(1.0, 24) * rng.uniform(1.5, 3.0, 2), 1.6)


def _paint_tooth(canvas: Canvas, tooth: np.ndarray, amount: float) -> None:
    half = len(tooth) // 2
    canvas.fill(tooth, amount)
    for share in (0.34, 0.40, 0.46):  # enamel, thinning out towards the neck
        crown = int(share * half)
        canvas.fill(np.concatenate([tooth[:crown], tooth[-crown:]]), 0.35 * amount)
    middle = 0.5 * (tooth[:half] + tooth[half : 2 * half][::-1])
    canvas.line(middle[int(0.3 * half) : int(0.9 * half)], 1.1, -0.45 * amount)
    canvas.rim(tooth, 0.45, 0.25 * amount)


def _paint_ear_rod(canvas: Canvas, face: Face, look: Style) -> None:
    """Paint the ring of the ear rod; its outer edge touches the top of the auditory meatus."""
    radius, width, amount = (look.magnification * v for v in look.ear_rod)
    centre = face.points["Po"] + [0.0, radius]
    ring = circle(radius - width / 2)
    canvas.fill(ribbon(centre + ring, width, closed=True), amount)
    canvas.fill(centre + circle(radius), 0.10)
    if look.ear_pin:
        canvas.fill(centre + circle(look.ear_pin * look.magnification), 2.5)


def _expose(canvas: Canvas, look: Style, rng: np.random.Generator) -> np.ndarray:
    """Turn thickness into gray with bone texture, scatter, blur and an uneven beam; (X, Y) float32, about 0..1."""
    thickness = canvas.thickness
    grain = sum(share * canvas.texture(rng, grid_mm) for share, grid_mm in ((0.035, 6.0), (0.02, 1.8), (0.025, 0.8)))
    thickness *= 1 + grain
    np.maximum(thickness, 0, out=thickness)
    nodes = [np.clip(np.rint(np.arange(n) * COARSE_MM / s), 0, m - 1).astype(int)
             for n, s, m in zip(canvas.coarse_size, canvas.spacing, canvas.size, strict=True)]  # fmt: skip
    scatter = canvas.smooth_coarse(thickness[np.ix_(*nodes)], 14.0)
    x, y = (np.linspace(-1, 1, n, dtype=np.float32) for n in canvas.coarse_size)
    tilt = rng.normal(0, 0.02, 2)
    uneven = tilt[0] * x[:, None] + tilt[1] * y[None]
    if look.border == "tabs":  # the frame of the cassette leaks light to the right
        uneven = uneven + 0.30 * np.clip(x[:, None], 0, 1) ** 5 * (1 - 0.3 * y[None])
    exposure = np.float32(look.exposure * np.exp(look.exposure_spread * np.clip(rng.standard_normal(), -2, 2)))
    thickness += canvas.spread(look.glow * scatter)
    image = 1 - np.exp(-exposure * thickness)
    if look.gamma != 1:
        image = image ** np.float32(look.gamma)
    base = np.float32(look.base * np.exp(0.12 * rng.standard_normal()))
    image = base + (np.float32(0.97) - base) * image
    image += canvas.spread(uneven)
    return blur_fine(image, (look.blur_mm / canvas.spacing[0], look.blur_mm / canvas.spacing[1]))
