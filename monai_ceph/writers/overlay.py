"""Draw landmarks on a film."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from monai_ceph.analysis.uncertainty import ellipse_points
from monai_ceph.atomic import atomic_path
from monai_ceph.prediction import Prediction
from monai_ceph.wording import first
from monai_ceph.writers.label_places import Box, around, overlap, place_labels

if TYPE_CHECKING:
    from PIL import Image

# These colours can be told apart with any kind of colour vision, and stand out from a gray film.
PREDICTED = (255, 176, 0)
DOUBTFUL = (255, 110, 255)
REFERENCE = (0, 212, 255)
ERROR_LINE = (255, 80, 80)
OUTLINE = (0, 0, 0)

LONGEST_SIDE = (1200, 2600)
"""Range of a picture's longest side, px. Small films would have no room for symbols, which would be tiny on large
ones."""


def draw_overlay(
    film: np.ndarray, prediction: Prediction, reference_px: np.ndarray | None = None, legend: bool = True
) -> Image.Image:
    """Draw a film with a cross and the symbol at each landmark found; a doubtful one gets an open square.

    Where the uncertainty is known, an ellipse around each point shows where the landmark lies with 90 %.

    Args:
        film: (X, Y), any gray values; shown from the 0.5th to the 99.5th percentile.
        prediction: points in this film's pixels.
        reference_px: (N, 2), (x, y), film pixels, drawn as circles with a line to the prediction; NaN if unknown.
        legend: draw a box that explains the colours and names the film and its spacing.
    Returns:
        An RGB picture with the film's aspect ratio and its longest side within :data:`LONGEST_SIDE`.
    Raises:
        ValueError: the film is not (X, Y), or the reference points differ in shape from the predicted ones.

    >>> import numpy as np
    >>> from monai_ceph.landmarks import ISBI19
    >>> points_px = np.random.default_rng(0).uniform(100, 500, (19, 2))
    >>> prediction = Prediction("a.png", ISBI19, points_px, np.ones(19), (0.1, 0.1), "user")
    >>> draw_overlay(np.zeros((600, 750)), prediction).size
    (960, 1200)
    """
    from PIL import ImageDraw, ImageFont

    film = np.asarray(film)
    if film.ndim != 2 or 0 in film.shape:
        raise ValueError(f"'{prediction.image}': expected a film of shape (X, Y) to draw on, got {film.shape}.")
    points_px = np.asarray(prediction.points_px, dtype=np.float64)
    if reference_px is not None and np.shape(reference_px) != points_px.shape:
        raise ValueError(
            f"'{prediction.image}': expected reference points of shape {points_px.shape}, got {np.shape(reference_px)}."
        )
    scale = picture_scale(film.shape)
    picture = gray_picture(film, scale).convert("RGB")
    draw = ImageDraw.Draw(picture)
    unit = max(picture.size) / 1200  # lengths below are for a picture of 1200 pixels
    points = to_picture(points_px, scale)
    unknown = np.full_like(points, np.nan)
    reference = unknown if reference_px is None else to_picture(np.asarray(reference_px, dtype=np.float64), scale)

    doubtful = np.array([status == "doubtful" for status in prediction.statuses])
    _draw_ellipses(draw, prediction, points, doubtful, scale, unit)
    _draw_marks(draw, points, doubtful, reference, unit)
    font = ImageFont.load_default(size=17 * unit)
    # A landmark that was not found is labelled at its reference, in the reference's colour.
    labelled = np.where(np.isfinite(points), points, reference)
    drawn = np.isfinite(labelled).all(-1)
    anchors = labelled[drawn]
    symbols = np.array(prediction.scheme.symbols)[drawn].tolist()
    colours = [
        REFERENCE if not present else DOUBTFUL if doubt else PREDICTED
        for present, doubt in zip(np.isfinite(points).all(-1)[drawn], doubtful[drawn], strict=True)
    ]
    marks = np.concatenate([anchors, reference[np.isfinite(reference).all(-1)]])
    taken = [around(mark, 9 * unit) for mark in marks]
    if legend:
        lines = _legend_lines(prediction, reference_px is not None)
        taken.append(_draw_legend(draw, lines, ImageFont.load_default(size=15 * unit), marks, picture.size, unit))
    boxes = [draw.textbbox((0, 0), symbol, font=font) for symbol in symbols]
    sizes = [(right - left + 4 * unit, bottom - top + 4 * unit) for left, top, right, bottom in boxes]
    places = place_labels(anchors, sizes, taken, picture.size, 10 * unit)
    for symbol, colour, box, place, anchor in zip(symbols, colours, boxes, places, anchors, strict=True):
        _draw_leader(draw, place, anchor, colour, unit)
        at = (place[0] + 2 * unit - box[0], place[1] + 2 * unit - box[1])
        draw.text(at, symbol, font=font, fill=colour, stroke_width=_width(2 * unit), stroke_fill=OUTLINE)
    return picture


def write_overlay(
    path: str | Path,
    film: np.ndarray,
    prediction: Prediction,
    reference_px: np.ndarray | None = None,
    legend: bool = True,
) -> None:
    """Write :func:`draw_overlay` to a file in the format of its suffix, such as .png, completely or not at all.

    >>> from monai_ceph.landmarks import ISBI19
    >>> from monai_ceph.phantoms import draw_phantom
    >>> phantom = draw_phantom(seed=0, size=(484, 600), spacing_mm=0.4)
    >>> prediction = Prediction("film.png", ISBI19, phantom.points_px, np.ones(19), None, "unknown")
    >>> write_overlay("film.png.overlay.png", phantom.image, prediction)
    """
    picture = draw_overlay(film, prediction, reference_px, legend)
    with atomic_path(path) as temporary:
        # zlib's default level takes three times as long and makes files of films no smaller.
        picture.save(temporary, compress_level=3)


def picture_scale(film_size: Sequence[int]) -> float:
    """Return the picture pixels per film pixel that bring the longest side into :data:`LONGEST_SIDE`.

    >>> picture_scale((600, 750)), picture_scale((1935, 2400))
    (1.6, 1.0)
    """
    longest = max(film_size)
    return min(max(longest, LONGEST_SIDE[0]), LONGEST_SIDE[1]) / longest


def gray_picture(film: np.ndarray, scale: float) -> Image.Image:
    """Return a film (X, Y) of any gray values as a gray picture, resized by a factor.

    >>> gray_picture(np.zeros((600, 750)), 0.5).size
    (300, 375)
    """
    from PIL import Image

    # Pillow expects rows first, so the film is transposed here.
    picture = Image.fromarray(np.ascontiguousarray(to_gray8(film).T))
    size = (max(1, round(film.shape[0] * scale)), max(1, round(film.shape[1] * scale)))
    return picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS)


def to_picture(points_px: np.ndarray, scale: float) -> np.ndarray:
    """Convert (..., 2) (x, y) film pixels to picture pixels; both have pixel centres at integers, NaN stays NaN."""
    return (points_px + 0.5) * scale - 0.5


def to_gray8(film: np.ndarray) -> np.ndarray:
    """Scale gray values from the 0.5th to the 99.5th percentile to uint8; a constant film becomes mid-gray."""
    values = np.nan_to_num(np.asarray(film, dtype=np.float32), posinf=0.0, neginf=0.0)
    low, high = np.percentile(values, (0.5, 99.5))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.full(values.shape, 128, dtype=np.uint8)
    return (np.clip((values - low) / (high - low), 0, 1) * 255).round().astype(np.uint8)


def _width(pixels: float) -> int:
    return max(1, round(pixels))


def _draw_marks(draw: Any, points: np.ndarray, doubtful: np.ndarray, reference: np.ndarray, unit: float) -> None:
    for point in reference[np.isfinite(reference).all(-1)]:
        draw.ellipse(around(point, 8 * unit), outline=OUTLINE, width=_width(4 * unit))
        draw.ellipse(around(point, 7 * unit), outline=REFERENCE, width=_width(2 * unit))
    for point, doubt in zip(points, doubtful, strict=True):
        if np.isfinite(point).all():
            (_draw_square if doubt else _draw_cross)(draw, point, unit)
    # Drawn last, because marks would hide the short lines of common errors of one or two millimetres.
    for ends in np.concatenate([points, reference], 1):
        if np.isfinite(ends).all():
            draw.line(ends.tolist(), fill=ERROR_LINE, width=_width(2 * unit))


def _draw_ellipses(
    draw: Any, prediction: Prediction, points: np.ndarray, doubtful: np.ndarray, scale: float, unit: float
) -> None:
    if prediction.covariance_mm2 is None or prediction.spacing_mm is None:
        return
    drawn = np.isfinite(points).all(-1) & np.isfinite(prediction.covariance_mm2).all((-2, -1))
    outlines = ellipse_points(prediction.covariance_mm2[drawn]) / np.array(prediction.spacing_mm) * scale
    for point, outline, doubt in zip(points[drawn], outlines, doubtful[drawn], strict=True):
        corners = [tuple(corner) for corner in point + outline]
        for width, colour in ((3, OUTLINE), (1.5, DOUBTFUL if doubt else PREDICTED)):
            draw.line([*corners, corners[0]], fill=colour, width=_width(width * unit))


def _draw_cross(draw: Any, point: np.ndarray, unit: float) -> None:
    # The black cross underneath keeps the coloured one visible on bright bone.
    for arm, width, colour in ((9, 5, OUTLINE), (8, 2, PREDICTED)):
        x, y, arm_px = float(point[0]), float(point[1]), arm * unit
        draw.line([x - arm_px, y, x + arm_px, y], fill=colour, width=_width(width * unit))
        draw.line([x, y - arm_px, x, y + arm_px], fill=colour, width=_width(width * unit))


def _draw_square(draw: Any, point: np.ndarray, unit: float) -> None:
    draw.rectangle(around(point, 9 * unit), outline=OUTLINE, width=_width(5 * unit))
    draw.rectangle(around(point, 8 * unit), outline=DOUBTFUL, width=_width(2 * unit))


def _draw_leader(draw: Any, place: Box, anchor: np.ndarray, colour: tuple[int, int, int], unit: float) -> None:
    nearest = np.clip(anchor, place[:2], place[2:])
    if np.linalg.norm(nearest - anchor) > 16 * unit:
        draw.line([*anchor, *nearest], fill=colour, width=_width(unit))


def _legend_lines(prediction: Prediction, with_reference: bool) -> list[tuple[str, str]]:
    lines = [("cross", f"predicted ({len(prediction.with_status('found'))} of {len(prediction.scheme)})")]
    lines += [
        (mark, f"{status}: {len(symbols)}" if mark else f"{status}: {' '.join(first(symbols, 5))}")
        for status, mark in (("doubtful", "square"), ("outside", ""), ("missing", ""))
        if (symbols := prediction.with_status(status))
    ]
    if prediction.covariance_mm2 is not None and np.isfinite(prediction.covariance_mm2).any():
        lines.append(("ellipse", "90 %: landmark inside"))
    if with_reference:
        lines += [("circle", "reference"), ("line", "error")]
    if prediction.spacing_mm is None:
        spacing = "pixel size unknown"
    else:
        x, y = prediction.spacing_mm
        spacing = f"pixel {x:.4g} mm" if x == y else f"pixel {x:.4g} x {y:.4g} mm"
        spacing += f" ({prediction.spacing_source})"
    site = [("", f"points moved by {prediction.site}")] if prediction.site else []
    name = prediction.image if len(prediction.image) <= 40 else f"{prediction.image[:18]}...{prediction.image[-19:]}"
    return [("", name), *lines, ("", spacing), *site, ("", "research only, not a medical device")]


def _draw_legend(
    draw: Any, lines: Sequence[tuple[str, str]], font: Any, marks: np.ndarray, size: tuple[int, int], unit: float
) -> Box:
    """Draw the legend in the corner with the fewest marks and return the box that it covers."""
    pad, mark, step = 8 * unit, 26 * unit, 22 * unit
    width = 2 * pad + max(draw.textlength(text, font=font) + (mark if kind else 0) for kind, text in lines)
    height = 2 * pad + step * len(lines)
    right, bottom = size[0] - pad - width, size[1] - pad - height
    corners = [(x, y, x + width, y + height) for x, y in product((pad, right), (bottom, pad))]
    box = min(corners, key=lambda c: sum(overlap(c, around(p, 20 * unit)) for p in marks))
    draw.rectangle(box, fill=(20, 20, 20), outline=(120, 120, 120), width=_width(unit))
    for row, (kind, text) in enumerate(lines):
        middle = box[1] + pad + step * (row + 0.5)
        centre = np.array([box[0] + pad + mark / 2 - 2 * unit, middle])
        if kind == "cross":
            _draw_cross(draw, centre, unit)
        elif kind == "square":
            _draw_square(draw, centre, unit)
        elif kind == "ellipse":
            edges = (centre[0] - 10 * unit, centre[1] - 6 * unit, centre[0] + 10 * unit, centre[1] + 6 * unit)
            draw.ellipse(edges, outline=PREDICTED, width=_width(1.5 * unit))
        elif kind == "circle":
            draw.ellipse(around(centre, 7 * unit), outline=REFERENCE, width=_width(2 * unit))
        elif kind == "line":
            ends = [centre[0] - 8 * unit, middle, centre[0] + 8 * unit, middle]
            draw.line(ends, fill=ERROR_LINE, width=_width(2 * unit))
        at = (box[0] + pad + (mark if kind else 0), middle)
        draw.text(at, text, font=font, fill=(235, 235, 235), anchor="lm")
    return box
