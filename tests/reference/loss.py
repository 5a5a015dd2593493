"""The loss of docs/paper.md, "Network and loss", number by number, in float64."""

from __future__ import annotations

import math

import numpy as np


def _log_softmax(logits: np.ndarray) -> list[float]:
    top = max(logits)
    log_sum = top + math.log(sum(math.exp(z - top) for z in logits))
    return [z - log_sum for z in logits]


def _log_one_minus_softmax(logits: np.ndarray, k: int) -> float:
    """log(1 - p_k) = log of the share of all the others: nothing is subtracted, so nothing cancels."""
    others = [z for i, z in enumerate(logits) if i != k]
    top, top_all = max(others), max(logits)
    return (
        top
        + math.log(sum(math.exp(z - top) for z in others))
        - top_all
        - math.log(sum(math.exp(z - top_all) for z in logits))
    )


def loss(logits: np.ndarray, target: np.ndarray, bce_weight: float, focal_weight: float, gamma: float) -> float:
    """(B, C, X, Y) each. A NaN in the target counts nothing, but its pixel is still one of those of the mean."""
    batch, channels, size_x, size_y = logits.shape
    per_film = []
    for b in range(batch):
        total = 0.0
        for x in range(size_x):
            for y in range(size_y):
                log_p = _log_softmax(logits[b, :, x, y])
                for c in range(channels):
                    h = target[b, c, x, y]
                    if math.isnan(h):
                        continue
                    bce = -(h * log_p[c] + (1 - h) * _log_one_minus_softmax(logits[b, :, x, y], c))
                    focal = abs(h - math.exp(log_p[c])) ** gamma * bce
                    total += (bce_weight * bce + focal_weight * focal) / (size_x * size_y)
        per_film.append(total)
    return sum(per_film) / batch
