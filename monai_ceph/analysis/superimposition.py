"""Superimpose two films of one patient on S-N."""

from __future__ import annotations

import numpy as np

from monai_ceph.landmarks import ISBI19, LandmarkScheme


def to_sn_frame(points_mm: np.ndarray, scheme: LandmarkScheme = ISBI19) -> np.ndarray:
    """Return points in the frame of the line S-N.

    The origin is S, x points forward along S-N, and y down to the rest of the face. Two films whose points are in this
    frame are superimposed on S-N and registered at S, however they were turned or mirrored. In a growing patient N
    moves as well, so part of what such a superimposition shows as growth of the face is that of N.

    Args:
        points_mm: (N, 2), (x, y), mm, or any other unit that is the same along x and y; NaN where unknown.
        scheme: the landmarks.
    Returns:
        (N, 2), (x, y), in the same unit.
    Raises:
        ValueError: the points do not match the scheme, S or N is unknown or not in it, or all others are unknown.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.analysis.superimposition import to_sn_frame
        >>> from monai_ceph.landmarks import Landmark, LandmarkScheme
        >>> scheme = LandmarkScheme("three", tuple(Landmark(name, name) for name in ("S", "N", "Me")))
        >>> to_sn_frame(np.array([[90.0, 50.0], [20.0, 50.0], [40.0, 160.0]]), scheme).tolist()
        [[0.0, 0.0], [70.0, 0.0], [50.0, 110.0]]
    """
    points_mm = np.asarray(points_mm, dtype=np.float64)
    scheme.check_points(points_mm)
    if not {"S", "N"} <= set(scheme.symbols):
        raise ValueError(f"Superimposition on S-N needs a scheme with S and N; '{scheme.name}' lacks them.")
    sella, nasion = (points_mm[scheme.index(symbol)] for symbol in ("S", "N"))
    along = nasion - sella
    length = float(np.hypot(*along))
    if not length > 0:  # NaN as well
        raise ValueError("Superimposition on S-N needs S and N at different places; at least one was not found.")
    forward = along / length
    moved = points_mm - sella
    x, y = moved @ forward, moved @ np.array([-forward[1], forward[0]])
    beside_sn = np.isfinite(points_mm).all(-1)
    beside_sn[[scheme.index("S"), scheme.index("N")]] = False
    if not beside_sn.any():
        raise ValueError("Superimposition on S-N needs at least one landmark beside S and N; none was found.")
    down = 1.0 if y[beside_sn].mean() >= 0 else -1.0
    # Adding zero turns -0.0 into 0.0.
    return np.stack([x, y * down], -1) + 0.0
