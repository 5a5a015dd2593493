"""Describe what distinguishes the films of one scanner from those of another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """Hold the settings that give the films of a scanner their look.

    Args:
        centre: position of the face's centroid, as fractions of the film's width and height.
        spread_mm: standard deviation of that position from film to film, along x and y.
        magnification: size of a head on the film, relative to the films that the mean shape comes from.
        exposure: how fast thickness saturates to white.
        exposure_spread: standard deviation of the logarithm of the exposure.
        base: gray of the film where nothing absorbs the beam, 0..1.
        glow: how much scatter lightens the surroundings of dense parts.
        gamma: exponent of the display curve.
        blur_mm: standard deviation of the blur.
        noise: standard deviation of the grain.
        ear_rod: (radius, line width, thickness) of the ear rod's ring; the first two in mm.
        ear_pin: radius of its solid core, mm; 0 for none.
        border: key of ``borders.BORDERS``.
    Example:
        >>> from dataclasses import replace
        >>> noisy = replace(STYLES["a"], noise=0.05)
        >>> noisy.border
        'tabs'
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
"""``"a"``: a film with a cassette's frame, framed like the ISBI 2015 films; ``"b"``: the scanner of another clinic.

The values were set by eye. Only the place of the face in ``"a"`` is measured (mean of the training annotations).
"""
