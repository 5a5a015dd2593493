"""Synthetic lateral cephalograms: drawn films with known landmarks, for tests, demonstrations and first training runs.

Nothing of a real film is in them. Contours in mm (``phantom_anatomy``) are painted as thickness that X-rays must pass,
and a film's exposure, blur, noise and border are put on top.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import itk
import numpy as np

from monai_ceph.data.phantom_anatomy import Face, build_face, circle
from monai_ceph.data.phantom_shape import SYMBOLS
from monai_ceph.data.raster import Box, blur_fine, blur_matrix, fill_polygon, resize_matrix, ribbon, smooth_curve
from monai_ceph.landmarks import ISBI19, LandmarkScheme
from monai_ceph.spacing import check_spacing

_MARGIN_MM = 3.0  # no landmark is drawn closer to the film's border
_COARSE_MM = 1.0  # grid of everything that is smooth


@dataclass(frozen=True)
class Phantom:
    """A drawn film and the truth about it.

    Args:
        image: (X, Y), uint8 or uint16.
        points_px: (N, 2), (x, y), float64, film pixels, in the scheme's order.
        spacing_mm: (along x, along y).
        scheme: what the points are.
    """

    image: np.ndarray
    points_px: np.ndarray
    spacing_mm: tuple[float, float]
    scheme: LandmarkScheme


@dataclass(frozen=True)
class Style:
    """What makes a scanner's films look as they do.

    Args:
        centre: where the face's centroid lies, as shares of the film's width and height.
        spread_mm: how much that varies from film to film.
        magnification: size of a head on the film, relative to the films that the mean shape was taken from.
        exposure: how fast thickness saturates to white; ``exposure_spread`` its variation (of the logarithm).
        base: gray of the unshielded film, 0..1.
        glow: how much scatter lightens the surroundings of dense parts.
        gamma: of the display curve.
        blur_mm: unsharpness (standard deviation).
        noise: standard deviation of the grain.
        ear_rod: (radius, line width, thickness) of the ear rod's ring, mm; ``ear_pin`` the radius of its solid core.
        border: paints what frames the film; see ``_BORDERS``.
    """

    centre: tuple[float, float]
    spread_mm: tuple[float, float]
    magnification: float
    exposure: float
    exposure_spread: float
    base: float
    glow: float
    gamma: float
    blur_mm: float
    noise: float
    ear_rod: tuple[float, float, float]
    ear_pin: float
    border: str


STYLES: dict[str, Style] = {
    "a": Style(
        centre=(0.638, 0.66), spread_mm=(4.5, 4.5), magnification=1.0,
        exposure=1.0, exposure_spread=0.09, base=0.10, glow=0.14, gamma=1.0, blur_mm=0.14, noise=0.016,
        ear_rod=(8.6, 1.0, 0.6), ear_pin=0.0, border="tabs",
    ),
    "b": Style(
        centre=(0.60, 0.685), spread_mm=(4.0, 4.0), magnification=0.94,
        exposure=0.72, exposure_spread=0.12, base=0.15, glow=0.05, gamma=1.1, blur_mm=0.2, noise=0.010,
        ear_rod=(4.4, 0.9, 2.0), ear_pin=1.5, border="shutter",
    ),
}  # fmt: skip
"""``"a"``: a film behind a cassette's frame, framed like the ISBI 2015 films; ``"b"``: another clinic's scanner.

Set by eye to resemble such films; only the place of the face in ``"a"`` is measured (mean of the training annotations).
"""


class _Canvas:
    """Thickness along the beam, painted in mm of the film (0 = centre of the first pixel)."""

    def __init__(self, size: tuple[int, int], spacing_mm: tuple[float, float]) -> None:
        self.size = size
        self.spacing = np.array(spacing_mm)
        self.extent = self.spacing * np.array(size)
        self.thickness = np.zeros(size, np.float32)
        coarse_x, coarse_y = (int(n) for n in np.ceil(self.extent / _COARSE_MM) + 1)
        self.coarse_size = (coarse_x, coarse_y)
        self._blurs: dict[float, tuple[np.ndarray, np.ndarray]] = {}

    def _to_film(self, axis: int, grid_mm: float, part: slice, size: int) -> np.ndarray:
        positions = np.arange(part.start, part.stop) * self.spacing[axis] / grid_mm
        return resize_matrix(positions, size)

    def spread(self, field: np.ndarray, grid_mm: float = _COARSE_MM, box: Box | None = None) -> np.ndarray:
        """A field on a coarse grid, interpolated to a box of the film (all of it when None)."""
        box = box or (slice(0, self.size[0]), slice(0, self.size[1]))
        left = self._to_film(0, grid_mm, box[0], field.shape[0])
        right = self._to_film(1, grid_mm, box[1], field.shape[1])
        drawn: np.ndarray = (left @ field.astype(np.float32)) @ right.T
        return drawn

    def texture(self, rng: np.random.Generator, grid_mm: float) -> np.ndarray:
        """Smooth noise of unit variance at the grid's nodes, over the whole film."""
        nodes = tuple(int(n) for n in np.ceil(self.extent / grid_mm).astype(int) + 2)
        return self.spread(rng.standard_normal(nodes, dtype=np.float32), grid_mm)

    def smooth_coarse(self, field: np.ndarray, sigma_mm: float) -> np.ndarray:
        if sigma_mm not in self._blurs:
            size_x, size_y = self.coarse_size
            sigma = sigma_mm / _COARSE_MM
            self._blurs[sigma_mm] = (blur_matrix(size_x, sigma), blur_matrix(size_y, sigma))
        left, right = self._blurs[sigma_mm]
        blurred: np.ndarray = left @ field @ right.T
        return blurred

    def fill(self, polygon: np.ndarray, amount: float, rounded_mm: float = 0.0) -> None:
        """Add a body's thickness.

        Args:
            polygon: (M, 2), mm of the film.
            amount: thickness in its middle; negative for a cavity.
            rounded_mm: the width over which the body thickens from its edge; 0 for a slab.
        """
        drawn = fill_polygon(polygon / self.spacing, self.size)
        if drawn is None:
            return
        box, cover = drawn
        if rounded_mm > 0:
            rough = fill_polygon(polygon / _COARSE_MM, self.coarse_size)
            if rough is None:
                return
            field = np.zeros(self.coarse_size, np.float32)
            field[rough[0]] = rough[1]
            # A blurred step is 0.5 at the edge: stretched so that the body starts thin there and is 1 well inside.
            field = np.clip(1.6 * self.smooth_coarse(field, rounded_mm) - 0.6, 0.06, 1.0)
            cover = cover * self.spread(field, box=box)
        self.thickness[box] += np.float32(amount) * cover

    def haze(self, polygon: np.ndarray, amount: float, sigma_mm: float) -> None:
        """Add a body without an edge."""
        rough = fill_polygon(polygon / _COARSE_MM, self.coarse_size)
        if rough is not None:
            field = np.zeros(self.coarse_size, np.float32)
            field[rough[0]] = rough[1]
            self.thickness += self.spread(np.float32(amount) * self.smooth_coarse(field, sigma_mm))

    def line(self, curve: np.ndarray, width_mm: float, amount: float, closed: bool = False) -> None:
        """Add a sheet of bone seen edge on: thickest in the middle of the line."""
        width = np.full(len(curve), width_mm)
        if not closed:  # sheets of bone run out, they do not end
            run = np.linspace(0, 1, len(curve))
            width *= np.clip(0.35 + 8 * np.minimum(run, 1 - run), 0, 1)
        if closed:
            width = np.append(width, width_mm)
        for share, part in ((1.5, 0.35), (0.7, 0.65)):
            self.fill(ribbon(curve, share * width, closed), part * amount)

    def rim(self, polygon: np.ndarray, width_mm: float, amount: float) -> None:
        self.line(polygon, width_mm, amount, closed=True)


def draw_phantom(
    seed: int,
    size: tuple[int, int] = (1935, 2400),
    spacing_mm: float | tuple[float, float] = 0.1,
    bit_depth: int = 8,
    scheme: LandmarkScheme = ISBI19,
    style: str | Style = "a",
) -> Phantom:
    """Draw one film.

    A seed is one person on one day: the same face at any size, spacing, bit depth and style (up to the style's
    magnification and framing). On films of the same extent in mm, it also lies in the same place.

    Args:
        seed: whose face; the same arguments give the same bytes.
        size: (X, Y) of the film, pixels.
        spacing_mm: size of a pixel, one number or (along x, along y).
        bit_depth: 8 or 16.
        scheme: which landmarks to return: any choice of ``ISBI19``'s, in any order.
        style: key of ``STYLES``, or one of your own.
    Raises:
        ValueError: a bit depth, style, spacing or size that cannot be drawn, or a landmark that is not drawn.
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
    # Streams of their own: the face does not depend on how many random numbers the film's grain took.
    face_rng, film_rng, grain_rng = (np.random.default_rng([seed, stream]) for stream in range(3))
    canvas = _Canvas((int(size[0]), int(size[1])), spacing)
    face = _place(build_face(face_rng, look.magnification), canvas.extent, spacing, look, film_rng)

    _paint_soft_tissue(canvas, face, film_rng)
    _paint_skull(canvas, face, film_rng)
    _paint_neck(canvas, face)
    _paint_jaws(canvas, face, film_rng)
    _paint_ear_rod(canvas, face, look)
    image = _expose(canvas, look, film_rng)
    _BORDERS[look.border](canvas, image, look, film_rng)
    image += np.float32(look.noise) * blur_fine(
        grain_rng.standard_normal(canvas.size, dtype=np.float32), tuple(0.05 / canvas.spacing)
    )
    top = 2**bit_depth - 1
    stored = np.rint(np.clip(image, 0, 1) * np.float32(top)).astype(np.uint8 if bit_depth == 8 else np.uint16)
    points_mm = np.stack([face.points[symbol] for symbol in scheme.symbols])
    return Phantom(stored, points_mm / np.array(spacing), spacing, scheme)


def _place(face: Face, extent: np.ndarray, spacing: tuple[float, float], look: Style, rng: np.random.Generator) -> Face:
    """Move a face from its own frame onto the film, no landmark closer than a margin to the border."""
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


def _paint_soft_tissue(canvas: _Canvas, face: Face, rng: np.random.Generator) -> None:
    curves = face.curves
    skin = np.concatenate([curves["skin"], curves["skin_lower"][1:], curves["nape"]])
    canvas.fill(skin, 0.30, rounded_mm=9.0)
    canvas.fill(skin, 0.10)
    # Cheeks, tongue and what lies on both sides of the jaws.
    canvas.haze(np.concatenate([curves["jaw"], curves["condyle"], curves["coronoid"]]), 0.42, 7.0)
    canvas.fill(curves["tongue"], 0.12, rounded_mm=4.0)
    canvas.fill(curves["airway"], -0.26, rounded_mm=2.5)
    canvas.fill(curves["mouth"], -0.12, rounded_mm=1.5)
    canvas.fill(curves["nostril"], -0.08, rounded_mm=2.0)
    canvas.fill(curves["hyoid"], 0.28, rounded_mm=1.0)
    canvas.line(smooth_curve(curves["hyoid"][:-12:12], 6), 0.8, 0.12)


def _paint_skull(canvas: _Canvas, face: Face, rng: np.random.Generator) -> None:
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

    # Middle face: one body that the cavities are taken out of.
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
    # The side away from the film is drawn a little larger and a little off.
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


def _paint_neck(canvas: _Canvas, face: Face) -> None:
    for spine in face.spines:
        canvas.fill(spine, 0.18, rounded_mm=1.5)
        canvas.rim(spine, 0.8, 0.14)
    for body in face.vertebrae:
        canvas.fill(body, 0.34, rounded_mm=1.5)
        canvas.rim(body, 0.9, 0.24)


def _paint_jaws(canvas: _Canvas, face: Face, rng: np.random.Generator) -> None:
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


def _paint_tooth(canvas: _Canvas, tooth: np.ndarray, amount: float) -> None:
    half = len(tooth) // 2
    canvas.fill(tooth, amount)
    for share in (0.34, 0.40, 0.46):  # enamel, thinning out towards the neck
        crown = int(share * half)
        canvas.fill(np.concatenate([tooth[:crown], tooth[-crown:]]), 0.35 * amount)
    middle = 0.5 * (tooth[:half] + tooth[half : 2 * half][::-1])
    canvas.line(middle[int(0.3 * half) : int(0.9 * half)], 1.1, -0.45 * amount)
    canvas.rim(tooth, 0.45, 0.25 * amount)


def _paint_ear_rod(canvas: _Canvas, face: Face, look: Style) -> None:
    """The ring of the ear rod; its outer edge touches the top of the auditory meatus."""
    radius, width, amount = (look.magnification * v for v in look.ear_rod)
    centre = face.points["Po"] + [0.0, radius]
    ring = circle(radius - width / 2)
    canvas.fill(ribbon(centre + ring, width, closed=True), amount)
    canvas.fill(centre + circle(radius), 0.10)
    if look.ear_pin:
        canvas.fill(centre + circle(look.ear_pin * look.magnification), 2.5)


def _expose(canvas: _Canvas, look: Style, rng: np.random.Generator) -> np.ndarray:
    """Thickness -> gray, with bone's texture, scatter, unsharpness and an uneven beam. (X, Y) float32, about 0..1."""
    thickness = canvas.thickness
    grain = 0.035 * canvas.texture(rng, 6.0)
    grain += 0.02 * canvas.texture(rng, 1.8)
    grain += 0.025 * canvas.texture(rng, 0.8)
    thickness *= 1 + grain
    np.maximum(thickness, 0, out=thickness)
    nodes = [np.clip(np.rint(np.arange(n) * _COARSE_MM / s), 0, m - 1).astype(int)
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


def _stamp(canvas: _Canvas, image: np.ndarray, polygon: np.ndarray, gray: float, opacity: float = 1.0) -> None:
    """Paint a polygon (mm of the film) over the picture."""
    drawn = fill_polygon(np.asarray(polygon, dtype=np.float64) / canvas.spacing, canvas.size)
    if drawn is not None:
        box, cover = drawn
        image[box] += opacity * cover * (np.float32(gray) - image[box])


def _rectangle(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


_LETTERS = {
    "P": (((0, 6), (0, 0), (3, 0), (3, 3), (0, 3)),),
    "H": (((0, 0), (0, 6)), ((3, 0), (3, 6)), ((0, 3), (3, 3))),
    "A": (((0, 6), (0, 1.5), (1.5, 0), (3, 1.5), (3, 6)), ((0, 3.5), (3, 3.5))),
    "N": (((0, 6), (0, 0), (3, 6), (3, 0)),),
    "T": (((0, 0), (3, 0)), ((1.5, 0), (1.5, 6))),
    "O": (((0, 0), (3, 0), (3, 6), (0, 6), (0, -0.2)),),
    "M": (((0, 6), (0, 0), (1.5, 3), (3, 0), (3, 6)),),
}  # fmt: skip


def _label(canvas: _Canvas, image: np.ndarray, corner: tuple[float, float], gray: float) -> None:
    """Write PHANTOM, so that nobody takes the picture for a patient's."""
    unit = 0.42
    for k, letter in enumerate("PHANTOM"):
        for stroke in _LETTERS[letter]:
            for ends in pairwise(stroke):
                line = np.array(ends, dtype=np.float64) * unit + corner + np.array([k * 5 * unit, 0])
                _stamp(canvas, image, ribbon(line, 0.5), gray)


def _ruler(canvas: _Canvas, image: np.ndarray, top: np.ndarray, along: np.ndarray, length: int, gray: float) -> None:
    """A steel ruler with a tick every mm, longer ones every 5."""
    across = np.array([-along[1], along[0]])
    _stamp(canvas, image, ribbon(np.stack([top, top + length * along]), 3.4), gray, 0.55)
    for k in range(length + 1):
        reach = 3.4 if k % 5 == 0 else 1.8
        start = top + k * along - 1.7 * across
        _stamp(canvas, image, ribbon(np.stack([start, start + reach * across]), 0.45), 0.97, 0.9)


def _border_tabs(canvas: _Canvas, image: np.ndarray, look: Style, rng: np.random.Generator) -> None:
    """A cassette's bright frame with three tabs at the top and the bottom, and a forehead rest with a ruler."""
    width, height = canvas.extent
    rod = np.array([0.895 * width + rng.normal(0, 1.5), -2.0])
    foot = rod + np.array([0.0, 0.37 * height + rng.normal(0, 4.0)])
    _stamp(canvas, image, _rectangle(rod[0] - 5.6, 2, rod[0] + 5.6, foot[1] - 42), 0.75, 0.16)
    for side in (-5.6, 5.6):
        post = np.array([(rod[0] + side, rod[1]), (foot[0] + side, foot[1] - 42)])
        _stamp(canvas, image, ribbon(post, 1.2), 0.85, 0.4)
    _stamp(canvas, image, ribbon(np.stack([rod, foot]), 2.6), 0.9, 0.45)
    rest = smooth_curve(foot + np.array([(0, -12), (4.5, -11), (5, 2), (4.5, 10), (-6, 11), (-15, 11), (-17.5, 7),
                                         (-15, 2.5), (-8, 3), (-5, 1), (-4.5, -10)]), 6, closed=True)  # fmt: skip
    _stamp(canvas, image, rest, 0.75, 0.22)
    _ruler(canvas, image, foot + np.array([0.6, -18.0]), np.array([0.0, 1.0]), 20, 0.9)

    inner = np.array([1.4, 4.2]) + rng.uniform(0, 0.5, 2)
    corner = inner + 2.2 + circle(2.2, 64)[48:]
    edge = [(width + 5, inner[1]), (width + 5, -5), (-5, -5), (-5, height + 5), (inner[0], height + 5)]
    _stamp(canvas, image, np.concatenate([corner, np.array(edge)]), 0.97)
    for k in (0.27, 0.51, 0.75):
        x = k * width + rng.normal(0, 0.4)
        _stamp(canvas, image, _rectangle(x - 6.3, -5, x + 6.3, 10.5), 0.98)
        _stamp(canvas, image, _rectangle(x - 4.3, height - 4.6, x + 8.3, height + 5), 0.98)
    _label(canvas, image, (2.6, 0.8), 0.05)


def _border_shutter(canvas: _Canvas, image: np.ndarray, look: Style, rng: np.random.Generator) -> None:
    """A collimator's bright top band and dim sides, and a nasion rest with a slanted ruler."""
    width, height = canvas.extent
    grid_x, grid_y = (np.arange(n, dtype=np.float32) * _COARSE_MM for n in canvas.coarse_size)
    top = (0.05 + 0.03 * rng.random()) * height
    band = 1 / (1 + np.exp(np.clip((grid_y - top) / 1.3, -30, 30)))
    inwards = np.minimum(grid_x - 3.5, width - 3.0 - grid_x)
    sides = 1 / (1 + np.exp(np.clip(inwards / 0.6, -30, 30)))
    veil = np.maximum(0.8 * band[None], 0.75 * sides[:, None] * (grid_y[None] > 0.42 * height))
    veil = canvas.spread(np.clip(veil, 0, 1))
    image += veil * (np.float32(0.93) - image)
    along = np.array([-0.05, 1.0]) / np.linalg.norm([-0.05, 1.0])
    start = np.array([0.87 * width + rng.normal(0, 2), 6.0])
    bend = start + 44 * along + np.array([1.5, 0])
    rod = np.stack([start + np.array([1.5, -8]), bend])
    arm = smooth_curve(bend + np.array([(0, 0), (-4, 10), (-21, 27)]), 8)
    _stamp(canvas, image, ribbon(rod, 6.0), 0.8, 0.3)
    _stamp(canvas, image, ribbon(arm, 5.0), 0.8, 0.25)
    _ruler(canvas, image, start, along, 45, 0.8)
    _label(canvas, image, (width - 19.0, height - 6.0), 0.9)


_BORDERS: dict[str, Callable[[_Canvas, np.ndarray, Style, np.random.Generator], None]] = {
    "tabs": _border_tabs,
    "shutter": _border_shutter,
}


def write_phantoms(
    folder: str | Path,
    count: int,
    seed: int = 0,
    size: tuple[int, int] = (1935, 2400),
    spacing_mm: float | tuple[float, float] = 0.1,
    bit_depth: int = 8,
    scheme: LandmarkScheme = ISBI19,
    style: str | Style = "a",
    observer_sd_mm: float | None = None,
) -> list[Path]:
    """Draw films into a folder: ``phantom_000.png`` ..., and the truth in ``points.csv`` (the project's CSV).

    Args:
        folder: made when it does not exist.
        count: how many films; film k has the seed ``seed + k``.
        size, spacing_mm, bit_depth, scheme, style: as in :func:`draw_phantom`.
        observer_sd_mm: also write ``observer_b.csv``, the truth plus normal jitter of this much along x and y.
    Returns:
        The films' paths.
    Raises:
        ValueError: as :func:`draw_phantom`, or a count under 1.
        OSError: the folder cannot be written.
    """
    if count < 1:
        raise ValueError(f"Expected a count of at least 1 film, got {count}.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    digits = max(3, len(str(count - 1)))
    jitter = np.random.default_rng([seed, 3])
    films: list[Path] = []
    truth: list[tuple[str, Phantom, np.ndarray]] = []
    second: list[tuple[str, Phantom, np.ndarray]] = []
    for k in range(count):
        phantom = draw_phantom(seed + k, size, spacing_mm, bit_depth, scheme, style)
        path = folder / f"phantom_{k:0{digits}d}.png"
        write_png(path, phantom.image)
        films.append(path)
        truth.append((path.name, phantom, phantom.points_px))
        if observer_sd_mm is not None:
            error_mm = jitter.normal(0, observer_sd_mm, phantom.points_px.shape)
            last = np.array(phantom.image.shape) - 1
            points_px = np.clip(phantom.points_px + error_mm / np.array(phantom.spacing_mm), 0, last)
            second.append((path.name, phantom, points_px))
    _write_points(folder / "points.csv", truth)
    if second:
        _write_points(folder / "observer_b.csv", second)
    return films


def write_png(path: Path, image: np.ndarray) -> None:
    """Write an (X, Y) array of uint8 or uint16 as a gray PNG, whole or not at all."""
    beside = path.with_name(f".{path.stem}.{os.getpid()}.png")
    try:
        itk.imwrite(itk.image_from_array(np.ascontiguousarray(image.T)), str(beside))
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _write_points(path: Path, rows: list[tuple[str, Phantom, np.ndarray]]) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["image", "landmark", "x_px", "y_px", "x_mm", "y_mm", "confidence"])
            for name, phantom, points_px in rows:
                for symbol, point in zip(phantom.scheme.symbols, points_px, strict=True):
                    numbers = [*point, *(point * np.array(phantom.spacing_mm))]
                    # No confidence: drawn points are not a prediction.
                    table.writerow([name, symbol, *(f"{value:.3f}" for value in numbers), ""])
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
