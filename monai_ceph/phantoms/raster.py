"""Draw anti-aliased curves, filled shapes and smooth fields into an (X, Y) array with NumPy.

All coordinates are (x, y) in pixels of the array, with pixel centres at integers.
"""

from __future__ import annotations

import numpy as np

Box = tuple[slice, slice]

_COLUMNS = 5  # sub-columns per pixel: the area under an edge is exact along y and sampled along x


def smooth_curve(points: np.ndarray, steps: int = 16, closed: bool = False) -> np.ndarray:
    """Return a smooth curve through points (cubic Hermite, Catmull-Rom tangents, centripetal parameter).

    Where the neighbours of a point are equally far away, the tangent there is parallel to the chord between them. The
    point is then locally the farthest one from that chord.

    Args:
        points: (K, 2), K >= 2.
        steps: samples per piece.
        closed: join the last point to the first.
    Returns:
        (M, 2) polyline that contains the given points.
    Example:
        >>> smooth_curve(np.array([[0.0, 0.0], [2.0, 4.0]]), steps=2).tolist()
        [[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]
    """
    points = np.asarray(points, dtype=np.float64)
    if closed:
        points = np.concatenate([points[-2:], points, points[:3]])
    lengths = np.sqrt(np.linalg.norm(np.diff(points, axis=0), axis=1))
    t = np.concatenate([[0.0], np.cumsum(np.maximum(lengths, 1e-6))])
    slopes = np.diff(points, axis=0) / np.diff(t)[:, None]
    tangents = np.concatenate([slopes[:1], (points[2:] - points[:-2]) / (t[2:] - t[:-2])[:, None], slopes[-1:]])
    u = (np.arange(steps) / steps)[None, :, None]
    step = np.diff(t)[:, None, None]
    pieces = (
        (2 * u**3 - 3 * u**2 + 1) * points[:-1, None]
        + (u**3 - 2 * u**2 + u) * step * tangents[:-1, None]
        + (3 * u**2 - 2 * u**3) * points[1:, None]
        + (u**3 - u**2) * step * tangents[1:, None]
    )
    if closed:
        return pieces[2:-2].reshape(-1, 2)
    return np.concatenate([pieces.reshape(-1, 2), points[-1:]])


def ribbon(curve: np.ndarray, width: float | np.ndarray, closed: bool = False) -> np.ndarray:
    """Return the outline of a line with a given width along a polyline.

    Args:
        curve: (M, 2), M >= 2.
        width: one number, or (M,) for a line of varying width.
        closed: whether the line joins its own start.
    Returns:
        (K, 2) polygon.
    Example:
        >>> ribbon(np.array([[0.0, 0.0], [10.0, 0.0]]), 2.0).tolist()
        [[0.0, 1.0], [10.0, 1.0], [10.0, -1.0], [0.0, -1.0]]
    """
    if closed:
        curve = np.concatenate([curve, curve[:1]])
        ahead = np.concatenate([curve[1:], curve[1:2]])
        behind = np.concatenate([curve[-2:-1], curve[:-1]])
        along = ahead - behind
    else:
        along = np.gradient(curve, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], 1) / np.maximum(np.linalg.norm(along, axis=1), 1e-9)[:, None]
    half = np.broadcast_to(np.asarray(width, dtype=np.float64) / 2, (len(curve),))[:, None]
    return np.concatenate([curve + half * normal, (curve - half * normal)[::-1]])


def fill_polygon(polygon: np.ndarray, shape: tuple[int, int]) -> tuple[Box, np.ndarray] | None:
    """Compute the fraction of each pixel that a polygon covers.

    Each edge adds the area below its crossing in every sub-column that it crosses; a running sum along y then fills the
    polygon.

    Args:
        polygon: (M, 2); a self-overlap counts once.
        shape: (X, Y) of the array.
    Returns:
        The box of the array that the polygon touches, and the coverage there (float32, 0..1); None if the polygon lies
        outside the array.
    Example:
        >>> box, cover = fill_polygon(np.array([[0.5, 0.5], [2.5, 0.5], [2.5, 2.0], [0.5, 2.0]]), (10, 10))
        >>> float(cover.sum().round(3))
        3.0
    """
    lo = np.maximum(np.floor(polygon.min(0) + 0.5), 0).astype(int)
    hi = np.minimum(np.floor(polygon.max(0) + 0.5) + 1, shape).astype(int)
    if np.any(hi <= lo):
        return None
    size_x, size_y = hi - lo
    start = polygon - lo
    end = np.roll(start, -1, axis=0)
    sign = np.where(end[:, 0] > start[:, 0], 1.0, -1.0)
    swap = sign < 0
    start, end = np.where(swap[:, None], end, start), np.where(swap[:, None], start, end)
    # Sub-column k lies at x = (k + 0.5) / _COLUMNS - 0.5; an edge owns those in [start, end).
    first = np.clip(np.ceil((start[:, 0] + 0.5) * _COLUMNS - 0.5), 0, size_x * _COLUMNS).astype(int)
    last = np.clip(np.ceil((end[:, 0] + 0.5) * _COLUMNS - 0.5), 0, size_x * _COLUMNS).astype(int)
    counts = np.maximum(last - first, 0)
    edge = np.repeat(np.arange(len(start)), counts)
    column = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    x = (column + 0.5) / _COLUMNS - 0.5
    run = np.maximum(end[edge, 0] - start[edge, 0], 1e-12)
    y = start[edge, 1] + (x - start[edge, 0]) / run * (end[edge, 1] - start[edge, 1])
    y = np.clip(y, -0.5, size_y - 0.5)
    row = np.floor(y + 0.5).astype(int)
    inside = row + 0.5 - y  # the part of the crossed pixel that lies beyond the crossing
    index = (column // _COLUMNS) * (size_y + 2) + row
    weight = sign[edge] / _COLUMNS
    sums = np.bincount(index, weight * inside, size_x * (size_y + 2))
    sums += np.bincount(index + 1, weight * (1 - inside), size_x * (size_y + 2))
    cover = np.cumsum(sums.reshape(size_x, size_y + 2)[:, :size_y], axis=1)
    cover = np.clip(np.abs(cover), 0, 1).astype(np.float32)
    return (slice(lo[0], hi[0]), slice(lo[1], hi[1])), cover


def blur_matrix(size: int, sigma_px: float) -> np.ndarray:
    """Return the (size, size) float32 matrix that blurs the first axis of an array with a Gaussian.

    At both ends, the weights are renormalised over the pixels that exist.

    >>> (blur_matrix(5, 1.0) @ np.ones(5)).round(3).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    index = np.arange(size, dtype=np.float32)
    weights = np.exp(-((index[:, None] - index[None]) ** 2) / np.float32(2 * sigma_px**2))
    return weights / weights.sum(1, keepdims=True)


def resize_matrix(positions: np.ndarray, size: int) -> np.ndarray:
    """Return the (M, size) float32 matrix that samples the first axis of an array at (M,) positions, linearly.

    >>> (resize_matrix(np.array([0.5, 2.0]), 3) @ np.array([0.0, 10.0, 20.0])).tolist()
    [5.0, 20.0]
    """
    positions = np.clip(positions, 0, size - 1)
    low = np.minimum(positions.astype(int), max(size - 2, 0))
    share = (positions - low).astype(np.float32)
    matrix = np.zeros((len(positions), size), np.float32)
    rows = np.arange(len(positions))
    matrix[rows, low] = 1 - share
    matrix[rows, np.minimum(low + 1, size - 1)] += share
    return matrix


def blur_fine(image: np.ndarray, sigma_px: tuple[float, float]) -> np.ndarray:
    """Blur an image slightly with a Gaussian, axis by axis; an axis with a sigma under 0.3 px is not blurred.

    Args:
        image: (X, Y) float32.
        sigma_px: standard deviations along x and along y.
    Returns:
        (X, Y) float32.
    Example:
        >>> blur_fine(np.ones((4, 5), np.float32), (1.0, 0.0)).round(3).max().item()
        1.0
    """
    for axis, sigma in enumerate(sigma_px):
        if sigma < 0.3:
            continue
        reach = max(1, round(2.5 * sigma))
        taps = np.exp(-(np.arange(reach + 1) ** 2) / (2 * sigma**2))
        taps = (taps / (taps[0] + 2 * taps[1:].sum())).astype(np.float32)
        padded = np.pad(image, [(reach, reach) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        shifted = np.lib.stride_tricks.sliding_window_view(padded, image.shape)
        windows = shifted[:, 0] if axis == 0 else shifted[0]
        image = taps[0] * windows[reach]
        for k in range(1, reach + 1):
            image += taps[k] * (windows[reach - k] + windows[reach + k])
    return image
