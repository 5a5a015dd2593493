"""The paper's inference, step by step as in its sections 2 and 3, without regard to time.

Written from the text alone. Arrays are (x, y). A network is a function from an (X, Y) picture to (N + 1, X, Y) logits,
the last channel being background. What the text leaves open is marked [ours], as there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.reference.heatmaps import mean_position_over_half, place_of_maximum
from tests.reference.resample import softmax

Network = Callable[[np.ndarray], np.ndarray]


@dataclass
class Inferred:
    """``points`` (N, 2) in pixels of the film given; ``coarse`` likewise; ``merged`` the canvas H_M (N, X, Y).

    Two numbers tell where single precision may decide otherwise: ``lead`` is by what share the best coarse position
    beats the second best, at the least; ``slack`` (N,) how far a point moves, in px, where pixels within 3e-6 of the
    threshold fall to its other side.
    """

    points: np.ndarray
    coarse: np.ndarray
    merged: np.ndarray
    lead: float
    slack: np.ndarray


def bottom_square(film: np.ndarray) -> np.ndarray:
    """ "Crop": 1935 x 2400 keeps the lowest 1935 rows; [ours] a film that is wider keeps its middle."""
    side = min(film.shape)
    left = (film.shape[0] - side) // 2
    return film[left : left + side, film.shape[1] - side :]


def coarse_positions(global_film: np.ndarray, global_net: Network, scale: float) -> tuple[np.ndarray, float]:
    """Step 1: (N, 2) places of the maxima, in pixels of the local film; ``scale`` is local pixels a global pixel.

    And the lead of the best.
    """
    heatmaps = softmax(global_net(global_film))[:-1]
    places = [place_of_maximum(channel) for channel in heatmaps]
    best_two = [np.sort(channel, axis=None)[-2:] for channel in heatmaps]
    # Pixel i reaches from i - 1/2 to i + 1/2, and the films' edges are the same place at both scales.
    coarse = np.array([[(x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5] for x, y in places])
    return coarse, float(min(1 - second / best for second, best in best_two))


def patches_around(place: np.ndarray, size: int, epsilon: float, film_size: tuple[int, int]) -> list[tuple[int, int]]:
    """Step 2: first pixels of the centre patch and of those in the corners of the square of ``size * epsilon``."""
    centre_x, centre_y = round(place[0]), round(place[1])
    shift = round((size * epsilon - size) / 2)
    centres = [(centre_x, centre_y)]
    if epsilon > 1:
        for sign_x in (-1, 1):
            for sign_y in (-1, 1):
                centres.append((centre_x + sign_x * shift, centre_y + sign_y * shift))
    starts = []
    for x, y in centres:
        start_x, start_y = x - size // 2, y - size // 2
        # [ours] a patch that would hang over the film's border is moved inside.
        start_x = max(0, min(start_x, film_size[0] - size))
        start_y = max(0, min(start_y, film_size[1] - size))
        starts.append((start_x, start_y))
    return starts


def paper_inference(
    local_film: np.ndarray,
    global_film: np.ndarray,
    global_net: Network,
    local_net: Network,
    scale: float,
    patch_size: int = 125,
    epsilon: float = 1.8,
) -> Inferred:
    """Steps 1 to 4. ``local_film`` and ``global_film`` are the cropped film at 0.5x and 0.15x; scale = 0.5 / 0.15."""
    coarse, lead = coarse_positions(global_film, global_net, scale)
    count = len(coarse)
    # Step 3: one canvas; every patch writes every channel.
    summed = np.zeros((count, *local_film.shape))
    times = np.zeros(local_film.shape)
    for place in coarse:
        for x, y in patches_around(place, patch_size, epsilon, local_film.shape):
            heatmaps = softmax(local_net(local_film[x : x + patch_size, y : y + patch_size]))
            summed[:, x : x + patch_size, y : y + patch_size] += heatmaps[:-1]
            times[x : x + patch_size, y : y + patch_size] += 1
    merged = np.where(times > 0, summed / np.where(times > 0, times, 1), 0.0)
    return _decoded(coarse, merged, lead)


def own_patches_inference(
    local_film: np.ndarray,
    global_film: np.ndarray,
    global_net: Network,
    local_net: Network,
    scale: float,
    patch_size: int,
    epsilon: float,
    guide_sigma: float | None,
) -> Inferred:
    """[ours] A landmark is read from its own patches and its own channel; then times a Gaussian around the guide."""
    coarse, lead = coarse_positions(global_film, global_net, scale)
    merged = np.zeros((len(coarse), *local_film.shape))
    for k, place in enumerate(coarse):
        summed, times = np.zeros(local_film.shape), np.zeros(local_film.shape)
        for x, y in patches_around(place, patch_size, epsilon, local_film.shape):
            heatmaps = softmax(local_net(local_film[x : x + patch_size, y : y + patch_size]))
            summed[x : x + patch_size, y : y + patch_size] += heatmaps[k]
            times[x : x + patch_size, y : y + patch_size] += 1
        merged[k] = summed / np.maximum(times, 1)
        if guide_sigma is not None:
            xs, ys = np.meshgrid(*(np.arange(n) for n in local_film.shape), indexing="ij")
            merged[k] *= np.exp(-((xs - place[0]) ** 2 + (ys - place[1]) ** 2) / (2 * guide_sigma**2))
    return _decoded(coarse, merged, lead)


def _decoded(coarse: np.ndarray, merged: np.ndarray, lead: float) -> Inferred:
    """Step 4."""
    points = np.array([mean_position_over_half(channel) for channel in merged])
    fewer, more = (np.array([mean_position_over_half(c, half) for c in merged]) for half in (0.5 + 3e-6, 0.5 - 3e-6))
    slack = np.abs(fewer - points).max(1) + np.abs(more - points).max(1)
    return Inferred(points, coarse, merged, lead, slack)
