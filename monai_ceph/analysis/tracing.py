"""Define the lines of a film's tracing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from monai_ceph.landmarks import ISBI19, LandmarkScheme, same_landmarks

BEYOND = 0.12
"""How far a plane is drawn beyond both of its points, as a share of their distance."""


@dataclass(frozen=True)
class TracingLine:
    """A line of a tracing.

    Args:
        name: its name.
        through: symbols of its points, in order.
        kind: a ``"plane"`` goes through two points and is drawn beyond them; a ``"profile"`` connects its points.
        label: text at its first end; may be empty.
    Example:
        >>> from monai_ceph.analysis.tracing import TracingLine
        >>> TracingLine("S-N", ("S", "N"), "plane", "S-N").through
        ('S', 'N')
    """

    name: str
    through: tuple[str, ...]
    kind: Literal["plane", "profile"]
    label: str = ""


TRACING = (
    TracingLine("S-N", ("S", "N"), "plane", "S-N"),
    TracingLine("Frankfort plane", ("Po", "Or"), "plane", "FH"),
    TracingLine("palatal plane", ("PNS", "ANS"), "plane", "PP"),
    TracingLine("mandibular plane", ("Go", "Me"), "plane", "MP"),
    TracingLine("facial profile", ("N", "A", "B", "Pog"), "profile"),
    TracingLine("soft-tissue profile", ("Sn", "UL", "LL", "Pog'"), "profile"),
)
"""The lines of a tracing that can be drawn from the 19 landmarks of ISBI 2015. The mandibular plane is Go-Me.

Source: Jacobson and Jacobson, Radiographic Cephalometry, 2nd edition, 2006.
"""


@dataclass(frozen=True)
class DrawnLine:
    """A line of a tracing on one film.

    Args:
        line: which line it is.
        ends_px: (K, 2), (x, y), its corners in order, in the unit of the points it was made from.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.analysis.tracing import TRACING, DrawnLine
        >>> DrawnLine(TRACING[0], np.zeros((2, 2))).line.name
        'S-N'
    """

    line: TracingLine
    ends_px: np.ndarray


def trace(
    points_px: np.ndarray, scheme: LandmarkScheme = ISBI19, lines: Sequence[TracingLine] = TRACING
) -> list[DrawnLine]:
    """Return the lines of a tracing through a film's points.

    A plane needs both of its points. A profile is split at unknown points.

    Args:
        points_px: (N, 2), (x, y), pixels of the film, or any other unit; NaN where a landmark is unknown.
        scheme: the landmarks.
        lines: the lines to draw.
    Returns:
        The lines in order; those without enough points are left out.
    Raises:
        ValueError: the points do not match the scheme.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.analysis.tracing import trace
        >>> points_px = np.full((19, 2), np.nan)
        >>> points_px[:2] = [[100.0, 200.0], [300.0, 150.0]]
        >>> [(drawn.line.name, drawn.ends_px.tolist()) for drawn in trace(points_px)]
        [('S-N', [[76.0, 206.0], [324.0, 144.0]])]
    """
    points_px = np.asarray(points_px, dtype=np.float64)
    scheme.check_points(points_px)
    symbol_of = same_landmarks({symbol for line in lines for symbol in line.through}, scheme.symbols)
    nowhere = np.full(2, np.nan)
    drawn = []
    for line in lines:
        ends = [
            points_px[scheme.index(symbol_of[symbol])] if symbol in symbol_of else nowhere for symbol in line.through
        ]
        drawn += [DrawnLine(line, part) for part in _parts(np.stack(ends))]
    return [DrawnLine(line.line, _beyond(line.ends_px)) if line.line.kind == "plane" else line for line in drawn]


def _parts(ends: np.ndarray) -> list[np.ndarray]:
    """Split a line at its unknown points into parts of at least two points."""
    unknown = np.flatnonzero(~np.isfinite(ends).all(-1))
    parts = np.split(ends, unknown)
    return [known for part in parts if len(known := part[np.isfinite(part).all(-1)]) > 1]


def _beyond(ends: np.ndarray) -> np.ndarray:
    reach = BEYOND * (ends[1] - ends[0])
    return np.stack([ends[0] - reach, ends[1] + reach])
