"""Find places for labels near their points, clear of points and of each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def place_labels(
    anchors: np.ndarray,
    label_sizes: Sequence[tuple[float, float]],
    taken: Sequence[Box],
    picture_size: tuple[float, float],
    gap: float,
) -> list[Box]:
    """Place each label near its point, avoiding points and other labels if there is room.

    Each label takes the cheapest of the places around its point: leaving the picture costs most, then overlap, then
    distance. Points with the closest neighbours are placed first, because they have the fewest options.

    Args:
        anchors: (K, 2), (x, y), the labels' points.
        label_sizes: width and height of each label.
        taken: boxes to keep free, such as those around the points.
        picture_size: width and height.
        gap: distance of the nearest places from the point.
    Returns:
        K boxes.

    >>> import numpy as np
    >>> place_labels(np.array([[50.0, 50.0]]), [(20.0, 10.0)], [], (100, 100), gap=5.0)
    [(np.float64(55.0), np.float64(45.0), np.float64(75.0), np.float64(55.0))]
    """
    distances = np.linalg.norm(anchors[:, None] - anchors[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    occupied = list(taken)
    places: dict[int, Box] = {}

    def crowding(box: Box) -> float:
        inside = overlap(box, (0, 0, *picture_size))
        outside = (box[2] - box[0]) * (box[3] - box[1]) - inside
        return 10 * outside + 4 * sum(overlap(box, other) for other in occupied)

    for k in np.argsort(distances.min(-1, initial=np.inf), kind="stable").tolist():
        candidates = _candidates(anchors[k], label_sizes[k], gap)
        places[k], _ = min(candidates, key=lambda candidate: candidate[1] + crowding(candidate[0]))
        occupied.append(places[k])
    return [places[k] for k in range(len(anchors))]


def _candidates(anchor: np.ndarray, size: tuple[float, float], gap: float) -> list[tuple[Box, float]]:
    """Return the places around a point in five rings of eight, each with the cost of its distance."""
    width, height = size
    directions = [(1, 0), (-1, 0), (1, -1), (1, 1), (-1, -1), (-1, 1), (0, -1), (0, 1)]
    candidates = []
    for ring, (order, (dx, dy)) in product((1.0, 1.8, 3.0, 4.5, 6.5), enumerate(directions)):
        reach = gap * ring / (math.sqrt(2) if dx and dy else 1)
        x = anchor[0] + dx * (reach + width / 2)
        y = anchor[1] + dy * (reach + height / 2)
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        candidates.append((box, gap * gap * (0.3 * (ring - 1) + 0.01 * order)))
    return candidates


def around(point: np.ndarray, radius: float) -> Box:
    """Return the square around a point.

    >>> around(np.array([5, 5]), 2)
    (np.int64(3), np.int64(3), np.int64(7), np.int64(7))
    """
    return (point[0] - radius, point[1] - radius, point[0] + radius, point[1] + radius)


def overlap(a: Box, b: Box) -> float:
    """Return the area that two boxes share.

    >>> overlap((0, 0, 10, 10), (5, 5, 20, 20))
    25
    """
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
