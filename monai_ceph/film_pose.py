"""Describe how a film lies: the size of its pixels, the direction of the face, its tilt, and whether it is inverted.

The module does not need torch, so every backend can use it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

_TAGGED = {2: (0, True), 3: (2, False), 4: (2, True), 5: (3, True), 6: (3, False), 7: (1, True), 8: (1, False)}


class Orientation(NamedTuple):
    """Describe how a film differs from an upright one that faces right and has bright bones.

    Args:
        quarter_turns: how often the upright face was turned clockwise by 90 degrees.
        mirrored: whether the face looks left (before it was turned).
        inverted: whether bones are dark.
    Example:
        >>> Orientation.of_tag(6)
        Orientation(quarter_turns=3, mirrored=False, inverted=False)
    """

    quarter_turns: int = 0
    mirrored: bool = False
    inverted: bool = False

    @classmethod
    def of_tag(cls, tag: int) -> Orientation:
        """Return the orientation of a film with an EXIF or TIFF tag, 1 to 8; other numbers count as 1."""
        return cls(*_TAGGED.get(tag, (0, False)))

    def axes(self) -> np.ndarray:
        """Return the (2, 2) matrix from steps in the upright film to steps in the stored film."""
        turn = np.array([[0.0, -1.0], [1.0, 0.0]])  # clockwise on screen: y points down
        return np.linalg.matrix_power(turn, self.quarter_turns % 4) @ np.diag([-1.0 if self.mirrored else 1.0, 1.0])

    def set_upright(self, size: Sequence[int]) -> tuple[bool, tuple[int, ...], np.ndarray]:
        """Return how to set an array of (X, Y) pixels upright.

        Returns:
            Whether to swap both axes; which axes to flip after that; and the (3, 3) affine from an index of the upright
            array to one of the array as stored.
        Example:
            >>> Orientation(2).set_upright((4, 6))[:2]
            (False, (0, 1))
        """
        axes = self.axes()
        to_old = np.eye(3)
        to_old[:2, :2] = axes
        source = np.abs(axes).argmax(0)
        flipped = tuple(axis for axis in (0, 1) if axes[source[axis], axis] < 0)
        for axis in flipped:
            to_old[source[axis], 2] = size[source[axis]] - 1
        return bool(source[0]), flipped, to_old


UPRIGHT = Orientation()


@dataclass(frozen=True)
class FilmPose:
    """Hold the pose of a film.

    Args:
        working_mm: (along x, along y), size of a film pixel, as given or assuming that the face has the mean size.
        orientation: see :class:`Orientation`.
        tilt_deg: how far the face is turned clockwise beyond the quarter turns; 0 if the tilt is not corrected.
        centre_px: (x, y), centre of the face in film pixels; None means that the whole film is used.
    Example:
        >>> FilmPose((0.1, 0.1)).orientation.mirrored
        False
    """

    working_mm: tuple[float, float]
    orientation: Orientation = UPRIGHT
    tilt_deg: float = 0.0
    centre_px: tuple[float, float] | None = None


def face_window(
    size: Sequence[int], centre: np.ndarray, window: Sequence[int], tilt_deg: float
) -> tuple[tuple[int, int], np.ndarray]:
    """Return the window that shows a face upright: its size, (W, H), and its (3, 3) affine to the array's indices.

    Args:
        size: (X, Y), of the array.
        centre: (x, y), of the face, array index.
        window: (W, H), the size to have; without a tilt, the window is cropped to the array, and nothing has to be
            filled.
        tilt_deg: how far the face is turned clockwise.
    Example:
        >>> shape, to_array = face_window((100, 80), np.array([50.0, 70.0]), (20, 40), 0.0)
        >>> shape, to_array[:2, 2].tolist()
        ((20, 30), [40.0, 50.0])
    """
    to_array = np.eye(3)
    if tilt_deg == 0:
        start = [round(c - (n - 1) / 2) for c, n in zip(centre.tolist(), window, strict=True)]
        first = [min(max(s, 0), n - 1) for s, n in zip(start, size, strict=True)]
        last = [max(min(s + w, n), f + 1) for s, w, n, f in zip(start, window, size, first, strict=True)]
        to_array[:2, 2] = first
        return (last[0] - first[0], last[1] - first[1]), to_array
    cos, sin = math.cos(math.radians(tilt_deg)), math.sin(math.radians(tilt_deg))
    to_array[:2, :2] = [[cos, -sin], [sin, cos]]
    to_array[:2, 2] = centre - to_array[:2, :2] @ ((np.array(window) - 1) / 2)
    return (window[0], window[1]), to_array
