"""Find a millimetre ruler in a film and measure how many pixels a millimetre has.

Head holders often show a ruler in the film: a tick every millimetre, with longer ones every 5 or 10 mm. A row of ticks
alone says nothing, because rulers with a tick every 2 mm exist too. So a ruler counts only if every fifth or tenth tick
is longer. Rulers of other units may be divided like that as well; they are excluded if the range of tick distances that
is searched follows from the size of the face.

The module does not need torch, so every backend can use it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

PX_PER_MM = (2.5, 25.0)
"""Pixels of 0.4 to 0.04 mm: in a coarser film, ticks cannot be told apart."""
FEWEST_TICKS = 20
FINE = 8
"""Samples a tick along a ruler."""
_PURE, _STRONG, _SWING = 0.45, 0.6, 0.01
_HALF_LENGTH, _HALF_WIDTH = 45, 8  # of the strip that is sampled around a ruler, in ticks


class Ruler(NamedTuple):
    """A ruler in a film.

    Args:
        px_per_mm: the distance between two ticks.
        ticks: how many ticks were measured.
        long_every: 5 or 10, the rhythm of the longer ticks.
        ends_px: the first and the last tick, (x, y) each, pixels of the film.
    Example:
        >>> Ruler(7.88, 31, 5, ((1210.0, 60.0), (1222.0, 308.0))).spacing_mm
        0.1269
    """

    px_per_mm: float
    ticks: int
    long_every: int
    ends_px: tuple[tuple[float, float], tuple[float, float]]

    @property
    def spacing_mm(self) -> float:
        """The size of a pixel, mm, rounded to four decimals, the precision of the measurement."""
        return round(1 / self.px_per_mm, 4)


class _Strip(NamedTuple):
    """Where ticks were seen, in an array whose axis 1 runs along the ruler."""

    strength: float
    centre: tuple[float, float]
    ticks: float
    period: float
    slope: float


def find_ruler(film: np.ndarray, px_per_mm: tuple[float, float] = PX_PER_MM) -> Ruler | None:
    """Find a ruler with a tick every millimetre and longer ones every 5 or 10.

    The ruler must be straight over 20 ticks, and parallel to a side of the film within 15 degrees.

    Args:
        film: (X, Y), gray values of any range. Pixels are taken as square.
        px_per_mm: the smallest and the largest distance between two ticks, pixels, to search.
    Returns:
        The ruler, or None if there is none whose ticks are clearly millimetres.
    Example:
        >>> film = np.zeros((200, 400), dtype=np.float32)
        >>> for k in range(41):  # 6 pixels a mm
        ...     length = 30 if k % 10 == 0 else 24 if k % 5 == 0 else 16
        ...     film[100 : 100 + length, 80 + 6 * k : 83 + 6 * k] = 1.0
        >>> round(find_ruler(film).px_per_mm, 2)
        6.0
        >>> find_ruler(film[:, :160]) is None  # too short
        True
    """
    dark, bright = np.percentile(film[::4, ::4], [1, 99])
    film = (film - dark) / np.float32(max(bright - dark, 1e-6))
    octaves = max(1, math.ceil(math.log(px_per_mm[1] / px_per_mm[0]) / math.log(2.0)))
    for low, high in pairwise(np.geomspace(*px_per_mm, octaves + 1).tolist()):
        # Ticks of 4 pixels are enough, and a smaller film takes less time.
        reduction = max(1, int(low / 4))
        small = _reduced(film, reduction)
        for turned in (False, True):
            array = np.ascontiguousarray(small.T) if turned else small
            strips = [s for s in _strips(array, low / reduction, high / reduction) if s.strength > _STRONG]
            for strip in sorted(strips, reverse=True)[:4]:
                ruler = _measured(array, strip)
                if ruler is not None and low <= ruler.px_per_mm * reduction <= high:
                    (u0, v0), (u1, v1) = (np.array(ruler.ends_px) + 0.5) * reduction - 0.5
                    ends = ((v0, u0), (v1, u1)) if turned else ((u0, v0), (u1, v1))
                    return ruler._replace(px_per_mm=ruler.px_per_mm * reduction, ends_px=ends)
    return None


def _reduced(film: np.ndarray, by: int) -> np.ndarray:
    if by == 1:
        return film.astype(np.float32, copy=False)
    x, y = (n // by for n in film.shape)
    return film[: x * by, : y * by].reshape(x, by, y, by).mean((1, 3), dtype=np.float32)


def _strips(film: np.ndarray, shortest: float, longest: float) -> Iterator[_Strip]:
    """Find adjacent columns along axis 1 in which one period prevails, with the same phase but for a tilt."""
    length = 2 * round(6.5 * longest)
    steps = np.diff(film, axis=1)  # what films have in common, more swing at lower frequencies, is nearly gone
    if steps.shape[1] < length:
        return
    starts = [*range(0, steps.shape[1] - length, length // 2), steps.shape[1] - length]
    window = np.hanning(length).astype(np.float32)
    low, high = math.ceil(length / longest), math.floor(length / shortest)
    if low > length // 2:  # ticks less than two pixels apart cannot be seen
        return
    for start in starts:
        spectrum = np.fft.rfft(steps[:, start : start + length] * window, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        peaks = power.copy()  # a window spreads a line over three frequencies
        peaks[:, 1:-1] += power[:, :-2] + power[:, 2:]
        k = low + np.argmax(peaks[:, low : high + 1], axis=1)
        columns = np.arange(len(k))
        line = peaks[columns, k]
        swing = np.sqrt(4 * line / length / (window**2).sum()) * length / (2 * np.pi * k)
        last_k = peaks.shape[1] - 1
        harmonics = [np.where(n * k < last_k, peaks[columns, np.minimum(n * k, last_k)], 0) for n in (2, 3)]
        purity = (line + sum(harmonics)) / (power[:, 2:].sum(1) + 1e-12)
        good = (purity > _PURE) & (swing > _SWING)
        for first, last in _runs(good, k):
            row = _row(spectrum[first : last + 1], int(np.median(k[first : last + 1])), length)
            if row is not None:
                period, slope = row
                strength = float(purity[first : last + 1].mean()) * min((last - first + 1) / period, 3.0)
                centre = ((first + last) / 2, start + length / 2)
                yield _Strip(strength, centre, length / period, period, slope)


def _runs(good: np.ndarray, k: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield the first and last index of three or more neighbours that are good and have about the same frequency."""
    if not good.any():
        return
    linked = good[1:] & good[:-1] & (np.abs(np.diff(k)) <= 1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], linked, [False]]).astype(np.int8)))
    for first, last in edges.reshape(-1, 2).tolist():
        if last - first >= 2:
            yield first, last


def _row(spectrum: np.ndarray, k: int, length: int) -> tuple[float, float] | None:
    """Return period and slope of a row of ticks (along axis 1 per step of axis 0); None if phases do not agree."""
    line = spectrum[:, k]
    turns = line[1:] * np.conj(line[:-1])
    turn = turns.sum()
    if abs(turn) < 0.7 * np.abs(turns).sum() or not 1 <= k < spectrum.shape[1] - 1:
        return None
    below, at, above = np.log((np.abs(spectrum[:, k - 1 : k + 2]) ** 2).sum(0) + 1e-12).tolist()
    bend = below - 2 * at + above
    period = length / (k + (min(max(0.5 * (below - above) / bend, -0.5), 0.5) if bend < 0 else 0.0))
    slope = -float(np.angle(turn)) * period / (2 * math.pi)
    return (period, slope) if abs(slope) < 0.35 else None


def _measured(film: np.ndarray, strip: _Strip) -> Ruler | None:
    """Follow a row of ticks as far as it goes, and read the rhythm of the longer ones."""
    angle, period = _angle(film, strip), strip.period * math.cos(math.atan(strip.slope))
    for _ in range(3):
        run = _run(_along(film, strip.centre, angle, period, _HALF_LENGTH))
        if run is None:
            return None
        first, last, side, amplitude = run
        at = np.arange(first, last + 1) / FINE
        phase = np.unwrap(np.angle(amplitude))
        drift, offset = np.polyfit(at, phase, 1)
        if np.std(phase - drift * at - offset) > 0.4:
            return None  # it is bent
        period /= 1 + float(drift) / (2 * math.pi)
    strip_px = _along(film, strip.centre, angle, period, _HALF_LENGTH)
    start = float(np.angle(amplitude.mean()))
    # Ticks are dark on a steel ruler, and bright where they are drawn or made of wire.
    for polarity in (-1, 1):
        place = (-start + (math.pi if polarity < 0 else 0.0)) / (2 * math.pi) * FINE
        places = place + FINE * np.arange(math.ceil((first - place) / FINE), math.floor((last - place) / FINE) + 1)
        every = _rhythm(_tick_lengths(polarity * strip_px, places, side))
        if every:
            across = (side - strip_px.shape[1] // 2) * period / 4
            along = (places[[0, -1]] - _HALF_LENGTH * FINE) * period / FINE
            x = strip.centre[0] - math.sin(angle) * along + math.cos(angle) * across
            y = strip.centre[1] + math.cos(angle) * along + math.sin(angle) * across
            return Ruler(period, len(places), every, ((x[0], y[0]), (x[1], y[1])))
    return None


def _angle(film: np.ndarray, strip: _Strip) -> float:
    """Return the tilt at which the ticks' sum along the strip has the largest amplitude."""
    angles = math.atan(strip.slope) + np.radians(np.arange(-5.0, 5.1, 1.0))
    swings = []
    for angle in angles.tolist():
        part = _along(film, strip.centre, angle, strip.period * math.cos(angle), max(6, round(strip.ticks / 2)), 3)
        swings.append(float((np.abs(_carrier(part)[0].mean(0)) ** 2).sum()))
    return float(angles[int(np.argmax(swings))])


def _along(
    film: np.ndarray, centre: tuple[float, float], angle: float, period: float, half: int, half_width: int = _HALF_WIDTH
) -> np.ndarray:
    """Sample a strip: (2 half FINE + 1, 8 half_width + 1), along the ruler and across it, in parts of a tick."""
    u = np.arange(-half * FINE, half * FINE + 1)[:, None] * (period / FINE)
    v = np.arange(-half_width * 4, half_width * 4 + 1)[None] * (period / 4)
    x = np.clip(centre[0] - math.sin(angle) * u + math.cos(angle) * v, 0, film.shape[0] - 1.001)
    y = np.clip(centre[1] + math.cos(angle) * u + math.sin(angle) * v, 0, film.shape[1] - 1.001)
    i, j = x.astype(np.intp), y.astype(np.intp)
    a, b = x - i, y - j
    upper = film[i, j] * (1 - a) + film[i + 1, j] * a
    lower = film[i, j + 1] * (1 - a) + film[i + 1, j + 1] * a
    return np.asarray(upper * (1 - b) + lower * b)


def _smooth(values: np.ndarray, width: int) -> np.ndarray:
    """Return the moving average along axis 0."""
    padded = np.pad(values, ((width // 2 + 1, width - 1 - width // 2), (0, 0)), mode="edge")
    padded[0] = 0
    sums = np.cumsum(padded, axis=0)
    return np.asarray((sums[width:] - sums[:-width]) / width)


def _carrier(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the local complex amplitude at the ticks' frequency, and its share of the local variation."""
    swing = part - _smooth(part, 2 * FINE)
    turning = np.exp(-2j * np.pi * np.arange(len(part)) / FINE)[:, None]
    amplitude = 2 * _smooth(_smooth(swing * turning, 3 * FINE), 3 * FINE)
    power = _smooth(_smooth(swing * swing, 3 * FINE), 3 * FINE)
    return amplitude, np.abs(amplitude) ** 2 / (2 * power + 1e-12)


def _run(part: np.ndarray) -> tuple[int, int, int, np.ndarray] | None:
    """Return first and last sample of the row of ticks through the middle, its column, and its complex amplitudes."""
    amplitude, share = _carrier(part)
    middle, width = len(part) // 2, part.shape[1]
    near = slice(middle - 4 * FINE, middle + 4 * FINE)
    seen = (np.abs(amplitude) * share)[near].mean(0)
    seen[np.abs(np.arange(width) - width // 2) >= 16] = 0
    side = int(np.argmax(seen))
    columns = slice(max(side - 1, 0), side + 2)
    amplitudes, pure = amplitude[:, columns].mean(1), share[:, columns].mean(1)
    good = (pure > 0.35) & (
        np.abs(amplitudes) > 0.25 * np.abs(amplitudes[middle - 2 * FINE : middle + 2 * FINE]).mean()
    )
    if not good[middle]:
        return None
    bad = np.flatnonzero(~good)
    first = int(bad[bad < middle].max(initial=-1)) + 1
    last = int(bad[bad > middle].min(initial=len(part))) - 1
    return None if last - first < 8 * FINE else (first, last, side, amplitudes[first : last + 1])


def _tick_lengths(part: np.ndarray, places: np.ndarray, side: int) -> np.ndarray:
    """Return the length of each tick, in ticks: the width over which it is brighter than both gaps beside it."""

    def at(index: np.ndarray) -> np.ndarray:
        index = np.clip(index, 0, len(part) - 1.001)
        whole = index.astype(np.intp)
        rest = (index - whole)[:, None]
        return np.asarray(part[whole] * (1 - rest) + part[whole + 1] * rest)

    contrast = at(places) - (at(places - FINE / 2) + at(places + FINE / 2)) / 2
    usual = float(np.median(contrast[:, side]))
    if usual <= 0:
        return np.zeros(0)
    near = contrast[:, max(0, side - 20) : side + 21]
    return np.asarray(np.clip(near / usual, 0, 1.2).sum(1) / 4)


def _rhythm(lengths: np.ndarray) -> int:
    """Return 5 or 10 where every fifth or tenth tick is longer than the others, and no others are; else 0."""
    count = len(lengths)
    if count < FEWEST_TICKS:
        return 0
    padded = np.pad(lengths, 2, mode="reflect")
    beside = np.median(np.stack([padded[k : k + count] for k in (0, 1, 3, 4)]), axis=0)
    excess = (lengths - beside) / np.median(lengths)  # beside its neighbours: a film's gray changes along a ruler
    for every, fewest in ((5, 4), (10, 3)):
        for first in range(every):
            long = excess[first::every]
            others = np.delete(excess, np.s_[first::every])
            above = (long[:, None] > others).mean()
            if len(long) >= fewest and above >= 0.97 and np.median(long) - np.median(others) > 0.15:
                return every
    return 0
