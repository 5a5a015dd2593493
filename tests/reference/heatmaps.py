"""Target heatmaps and their decoding, pixel by pixel, as docs/paper.md describes them."""

from __future__ import annotations

import math

import numpy as np


def target(points: list[tuple[float, float]], size: tuple[int, int], sigma: float) -> np.ndarray:
    """Return heatmaps (N + 1, X, Y), float64, of (N, 2) points; docs/paper.md, "Target"."""
    heatmaps = np.zeros((len(points) + 1, *size))
    for x in range(size[0]):
        for y in range(size[1]):
            values = []
            for px, py in points:
                if math.isnan(px) or math.isnan(py):
                    values.append(0.0)
                else:
                    values.append(math.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * sigma**2)))
            total = sum(values)
            if total > 1:
                values = [v / total for v in values]
                background = 0.0
            else:
                background = 1 - total
            heatmaps[:, x, y] = [*values, background]
    return heatmaps


def mean_position_over_half(heatmap: np.ndarray, half: float = 0.5) -> tuple[float, float]:
    """Scale to a maximum of 1, drop what is under 0.5, return the mean position of the rest; paper, section 3."""
    if heatmap.max() <= 0:
        return math.nan, math.nan
    scaled = heatmap / heatmap.max()
    kept = [(int(x), int(y)) for x, y in np.argwhere(scaled >= half)]
    return sum(x for x, _ in kept) / len(kept), sum(y for _, y in kept) / len(kept)


def place_of_maximum(heatmap: np.ndarray) -> tuple[int, int]:
    best = (0, 0)
    for x in range(heatmap.shape[0]):
        for y in range(heatmap.shape[1]):
            if heatmap[x, y] > heatmap[best]:
                best = (x, y)
    return best
