"""Give annotations the landmarks of another scheme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from monai_ceph.formats.points import Annotations
from monai_ceph.landmarks import LandmarkScheme, same_landmarks


def to_scheme(
    annotations: Annotations, scheme: LandmarkScheme, rename: Mapping[str, str] | None = None
) -> tuple[Annotations, list[str]]:
    """Return the same points as landmarks of another scheme.

    Args:
        annotations: of any scheme.
        scheme: the landmarks wanted. Each takes the points of the same landmark, see
            :func:`~monai_ceph.landmarks.same_landmarks`.
        rename: symbol -> the symbol in ``scheme`` that it stands for, for landmarks that have no common symbol.
    Returns:
        The points, and remarks on what either scheme lacks.
    Raises:
        ValueError: a symbol to rename does not exist, two landmarks would become one, or no landmark is in common.
    """
    own, rename = annotations.scheme, dict(rename or {})
    for old, new in rename.items():
        if old not in own.symbols or new not in scheme.symbols:
            raise ValueError(
                f"'{old}' cannot become '{new}': expected one of {' '.join(own.symbols)} and one of "
                f"{' '.join(scheme.symbols)}."
            )
    symbols = same_landmarks([s for s in own.symbols if s not in rename], scheme.symbols)
    for old, new in rename.items():
        clash = next((symbol for symbol, other in symbols.items() if other == new), None)
        if clash is not None:
            raise ValueError(f"'{old}' cannot become '{new}': '{clash}' is that landmark already.")
        symbols[old] = new
    if not symbols:
        raise ValueError(f"Schemes '{own.name}' and '{scheme.name}' have no landmark in common.")
    points = {film: np.full((len(scheme), 2), np.nan) for film in annotations.points_px}
    for old, new in symbols.items():
        for film, before in annotations.points_px.items():
            points[film][scheme.index(new)] = before[own.index(old)]
    remarks = []
    unused = [symbol for symbol in own.symbols if symbol not in symbols]
    lacking = [symbol for symbol in scheme.symbols if symbol not in symbols.values()]
    if unused:
        remarks.append(f"Scheme '{scheme.name}' has no {' '.join(unused)}; not written.")
    if lacking:
        remarks.append(f"Scheme '{own.name}' has no {' '.join(lacking)}; left empty. --rename OLD=NEW fills them.")
    return replace(annotations, scheme=scheme, points_px=points), remarks
