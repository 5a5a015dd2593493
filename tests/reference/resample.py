"""Resampling and small convolutions, tap by tap."""

from __future__ import annotations

import math

import numpy as np


def shrink(film: np.ndarray, factor: float) -> np.ndarray:
    """(X, Y) -> (floor(X * factor), floor(Y * factor)): each new pixel is the triangle-weighted mean around its centre.

    The triangle is as wide as two new pixels, and of what hangs over the border only the film counts.
    """
    return _shrink_rows(_shrink_rows(film, factor).T, factor).T


def _shrink_rows(film: np.ndarray, factor: float) -> np.ndarray:
    size = math.floor(film.shape[0] * factor)
    out = np.zeros((size, film.shape[1]))
    for i in range(size):
        centre = (i + 0.5) / factor - 0.5
        weights = np.array([max(0.0, 1 - abs(j - centre) * factor) for j in range(film.shape[0])])
        out[i] = (weights / weights.sum()) @ film
    return out


def convolve(image: np.ndarray, kernels: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """(X, Y) image, (C, K, K) kernels -> (C, X, Y); zeros beyond the border; no flip of the kernel (as networks do)."""
    channels, side, _ = kernels.shape
    reach = side // 2
    padded = np.pad(image, reach)
    out = np.zeros((channels, *image.shape))
    for c in range(channels):
        out[c] = bias[c]
        for i in range(side):
            for j in range(side):
                out[c] += kernels[c, i, j] * padded[i : i + image.shape[0], j : j + image.shape[1]]
    return out


def softmax(logits: np.ndarray) -> np.ndarray:
    """Over the first axis."""
    powers = np.exp(logits - logits.max(axis=0))
    return powers / powers.sum(axis=0)
